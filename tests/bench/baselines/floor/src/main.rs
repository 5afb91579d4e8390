//! The runtime's floor: a function that reads nothing, calls nothing and answers 204. What the runtime itself costs,
//! which no function built on it can undercut.

use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_http::lambda_runtime::run(service_fn(answer)).await
}

async fn answer(_: LambdaEvent<IgnoredAny>) -> Result<ApiGatewayV2httpResponse, Error> {
    let mut response = ApiGatewayV2httpResponse::default();
    response.status_code = 204;
    Ok(response)
}
