//! The table behind the SDK: an HTTP client that sends nothing.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

use crate::InMemoryDynamoDb;

/// The prefix of the operation's name in the header `X-Amz-Target`.
const TARGET_PREFIX: &str = "DynamoDB_20120810.";

impl InMemoryDynamoDb {
    /// An HTTP client with which a client of `aws-sdk-dynamodb` works on these tables.
    #[must_use]
    pub fn http_client(self: Arc<Self>) -> SharedHttpClient {
        self.http_client_with(|_, _| None)
    }

    /// The same, but `hook` sees the name and the JSON of each operation first. If it returns a status and a body, that
    /// is the answer, and the tables do not see the operation. To play an answer that is lost, call
    /// [`InMemoryDynamoDb::call`] in the hook and return something else.
    #[must_use]
    pub fn http_client_with(
        self: Arc<Self>,
        hook: impl Fn(&str, &Value) -> Option<(u16, Value)> + Send + Sync + 'static,
    ) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Connector {
            dynamodb: self,
            hook,
        });
        http_client_fn(move |_, _| connector.clone())
    }
}

struct Connector<H> {
    dynamodb: Arc<InMemoryDynamoDb>,
    hook: H,
}

impl<H> HttpConnector for Connector<H>
where
    H: Fn(&str, &Value) -> Option<(u16, Value)> + Send + Sync,
{
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.strip_prefix(TARGET_PREFIX).unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).unwrap_or_default();
        let (status, answer) =
            (self.hook)(operation, &body).unwrap_or_else(|| self.dynamodb.call(operation, &body));
        let status = status
            .try_into()
            .expect("the hook gives back an HTTP status");
        let mut response = HttpResponse::new(status, SdkBody::from(answer.to_string()));
        let headers = response.headers_mut();
        headers.insert("content-type", "application/x-amz-json-1.0");
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl<H> fmt::Debug for Connector<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InMemoryDynamoDb")
    }
}
