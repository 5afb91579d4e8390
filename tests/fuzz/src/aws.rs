//! AWS as a function that answers.

use std::fmt;

use aws_sdk_secretsmanager::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use serde_json::Value;

use crate::clock;

/// Makes an HTTP client of the AWS SDK. `answer` gets the operation, such as `SendMessage`, and the JSON of each request. It
/// returns the JSON of the answer.
pub fn http_client(
    answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static,
) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Canned(answer));
    http_client_fn(move |_, _| connector.clone())
}

/// A configuration without retries.
pub fn sdk_config(http_client: SharedHttpClient) -> SdkConfig {
    let credentials = Credentials::new("key", "secret", None, None, "fuzz");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(clock())
        .retry_config(RetryConfig::disabled())
        .http_client(http_client)
        .build()
}

struct Canned<A>(A);

impl<A: Fn(&str, &Value) -> Value + Send + Sync> HttpConnector for Canned<A> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body = request.body().bytes().unwrap_or_default();
        let body = serde_json::from_slice(body).expect("the SDK sends JSON");
        let answer = SdkBody::from((self.0)(operation, &body).to_string());
        let status = 200.try_into().expect("it is a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, answer)))
    }
}

impl<A> fmt::Debug for Canned<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canned")
    }
}
