//! Entry point of the token-refresh function: wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use token_refresh::{Config, RefreshRequest, TokenRefresh};
use whoop_partner::aws::AwsHttpClients;
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("token_refresh")?;
    let config = Config::from_env()?;
    let aws_http = AwsHttpClients::from_env()?;
    // Lambda freezes the process between invocations, so a connection would be dead by the next one
    let http = HttpClient::unpooled_from_env()?;
    let token_refresh = &TokenRefresh::connect(config, aws_http, http, Clock::system())?;
    run(service_fn(|event: LambdaEvent<RefreshRequest>| {
        token_refresh.handle(event.payload)
    }))
    .await
}
