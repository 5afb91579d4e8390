//! Entry point of the token-refresh function: wiring only.

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use token_refresh::{Config, RefreshRequest, TokenRefresh};
use whoop_partner::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("token_refresh")?;
    let token_refresh = &TokenRefresh::connect(Config::from_env()?)?;
    run(service_fn(|event: LambdaEvent<RefreshRequest>| {
        token_refresh.handle(event.payload)
    }))
    .await
}
