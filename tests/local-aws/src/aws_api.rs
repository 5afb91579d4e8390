//! Calls of the local AWS without an SDK: a client of the SDK for each of these services would take minutes to compile.

use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use roxmltree::Document;
use serde_json::Value;

/// The services of the local AWS. Every call is made as the root user.
#[derive(Clone)]
pub struct AwsApi {
    http: Client,
    endpoint: String,
}

/// A service with AWS's query protocol: its parameters are a form, its answers XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryService {
    /// AWS CloudFormation.
    CloudFormation,
    /// Amazon CloudWatch: metrics and alarms.
    CloudWatch,
    /// AWS Identity and Access Management.
    Iam,
    /// Amazon SNS.
    Sns,
}

impl QueryService {
    fn name_and_version(self) -> (&'static str, &'static str) {
        match self {
            Self::CloudFormation => ("cloudformation", "2010-05-15"),
            Self::CloudWatch => ("monitoring", "2010-08-01"),
            Self::Iam => ("iam", "2010-05-08"),
            Self::Sns => ("sns", "2010-03-31"),
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// There is no answer.
    #[error("no answer")]
    NoAnswer(#[from] reqwest::Error),
    /// The local AWS refuses the call.
    #[error("status {status}: {body}")]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// The body of the answer.
        body: String,
    },
    /// The answer does not hold what it should.
    #[error("malformed answer: {0}")]
    Malformed(String),
}

impl AwsApi {
    pub(crate) fn new(http: Client, endpoint: String) -> Self {
        Self { http, endpoint }
    }

    /// Calls an operation of the JSON protocol. `target` names it, as in `Logs_20140328.FilterLogEvents`.
    ///
    /// # Errors
    ///
    /// If the local AWS does not answer, or refuses the call.
    pub async fn json(&self, service: &str, target: &str, body: Value) -> Result<Value, ApiError> {
        let request = self
            .http
            .post(&self.endpoint)
            .header("X-Amz-Target", target)
            .header("Content-Type", "application/x-amz-json-1.1")
            .body(body.to_string());
        value(send(service, request).await?).await
    }

    /// Calls an operation that is a method on a path. An answer without a body is `null`.
    ///
    /// # Errors
    ///
    /// If the local AWS does not answer, or refuses the call.
    pub async fn rest(
        &self,
        service: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        value(send(service, request).await?).await
    }

    /// Invokes a function; `invocation_type` is `RequestResponse` or `Event`.
    ///
    /// # Errors
    ///
    /// If the local AWS does not answer, or refuses the call.
    pub async fn invoke(
        &self,
        function: &str,
        invocation_type: &str,
        payload: &Value,
    ) -> Result<Response, ApiError> {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let request = self
            .request(Method::POST, &path)
            .header("X-Amz-Invocation-Type", invocation_type)
            .body(payload.to_string());
        send("lambda", request).await
    }

    /// Calls an action of the query protocol, and returns what `read` finds in the XML of the answer.
    ///
    /// # Errors
    ///
    /// If the local AWS does not answer, or refuses the call.
    pub async fn query<T>(
        &self,
        service: QueryService,
        action: &str,
        parameters: &[(&str, &str)],
        read: impl FnOnce(&Document<'_>) -> T,
    ) -> Result<T, ApiError> {
        let (name, version) = service.name_and_version();
        let always = [("Action", action), ("Version", version)];
        let request = self
            .http
            .post(&self.endpoint)
            .form(&[&always, parameters].concat());
        let xml = send(name, request).await?.text().await?;
        match Document::parse(&xml) {
            Ok(document) => Ok(read(&document)),
            Err(error) => Err(ApiError::Malformed(error.to_string())),
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.endpoint))
    }
}

/// Sends a request with the header that names account, region and service to the local AWS, which checks no signature.
async fn send(service: &str, request: RequestBuilder) -> Result<Response, ApiError> {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let answer = request
        .header("Authorization", authorization)
        .send()
        .await?;
    match answer.status() {
        status if status.is_success() => Ok(answer),
        status => Err(ApiError::Refused {
            status,
            body: answer.text().await?,
        }),
    }
}

async fn value(answer: Response) -> Result<Value, ApiError> {
    let body = answer.text().await?;
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&body).map_err(|error| ApiError::Malformed(error.to_string()))
}
