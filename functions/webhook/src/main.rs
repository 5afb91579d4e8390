//! Entry point of the webhook function: wiring only.

use lambda_http::{Error, LambdaEvent, service_fn};
use webhook::{Config, Webhook, WebhookRequest};
use whoop_partner::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init("webhook")?;
    let webhook = &Webhook::connect(Config::from_env()?).await?;
    lambda_http::lambda_runtime::run(service_fn(
        |event: LambdaEvent<WebhookRequest>| async move {
            Ok::<_, Error>(webhook.handle(event.payload).await)
        },
    ))
    .await
}
