//! Entry point of the event-processor function: wiring only.

use event_processor::{Config, EventProcessor, SqsBatch};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use whoop_partner::aws::AwsHttpClients;
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("event_processor")?;
    let config = Config::from_env()?;
    let (aws_http, http) = (AwsHttpClients::from_env()?, HttpClient::from_env()?);
    let processor = &EventProcessor::connect(config, aws_http, http, Clock::system()).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsBatch>| async move {
        processor
            .handle(event.payload, event.context.deadline())
            .await
    }))
    .await
}
