//! Entry point of the heartbeat function: wiring only.

use heartbeat::{Config, Heartbeat};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::de::IgnoredAny;
use whoop_partner::aws::AwsHttpClients;
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("heartbeat")?;
    let config = Config::from_env()?;
    let aws_http = AwsHttpClients::from_env()?;
    // Lambda freezes the process between invocations, so a connection would be dead by the next one
    let http = HttpClient::unpooled_from_env()?;
    let heartbeat = &Heartbeat::connect(config, aws_http, http, Clock::system())?;
    run(service_fn(|_: LambdaEvent<IgnoredAny>| heartbeat.handle())).await
}
