//! Entry point of the event-processor function: wiring only.

use event_processor::{Config, EventProcessor, SqsBatch};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use whoop_partner::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("event_processor")?;
    let processor = &EventProcessor::connect(Config::from_env()?)?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsBatch>| async move {
        processor
            .handle(event.payload, event.context.deadline())
            .await
    }))
    .await
}
