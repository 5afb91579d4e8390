//! Entry point of the webhook function: wiring only.

use lambda_http::{Error, LambdaEvent, service_fn};
use webhook::{Config, Webhook, WebhookRequest};
use whoop_partner::aws::AwsHttpClients;
use whoop_partner::clock::Clock;
use whoop_partner::lambda::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("webhook")?;
    let config = Config::from_env()?;
    let webhook = &Webhook::connect(config, AwsHttpClients::from_env()?, Clock::system()).await?;
    lambda_http::lambda_runtime::run(service_fn(
        |event: LambdaEvent<WebhookRequest>| async move {
            let trace_header = event.context.xray_trace_id;
            Ok::<_, Error>(webhook.handle(event.payload, trace_header.as_deref()).await)
        },
    ))
    .await
}
