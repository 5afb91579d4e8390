//! The webhook function as tutorials write it: default features, the multi-threaded tokio, `aws-config`'s whole chain, the
//! secret fetched at the first request and kept. It stands for what the product saves, so nothing here is slow on purpose.

use std::env;
use std::time::SystemTime;

use aws_config::BehaviorVersion;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use aws_sdk_sqs::types::MessageAttributeValue;
use hmac::{Hmac, KeyInit, Mac};
use lambda_http::http::StatusCode;
use lambda_http::request::RequestContext;
use lambda_http::{Body, Error, Request, RequestExt, Response, run, service_fn, tracing};
use serde_json::Value;
use sha2::Sha256;
use tokio::sync::OnceCell;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let webhook = &Webhook::connect().await?;
    run(service_fn(|request| webhook.handle(request))).await
}

struct Webhook {
    secrets: aws_sdk_secretsmanager::Client,
    queue: aws_sdk_sqs::Client,
    queue_url: String,
    signing_secret_id: String,
    signing_secret: OnceCell<String>,
}

impl Webhook {
    async fn connect() -> Result<Self, Error> {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Ok(Self {
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            queue: aws_sdk_sqs::Client::new(&config),
            queue_url: env::var("WEBHOOK_QUEUE_URL")?,
            signing_secret_id: env::var("WEBHOOK_SIGNING_SECRET_ID")?,
            signing_secret: OnceCell::new(),
        })
    }

    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let secret = self
            .signing_secret
            .get_or_try_init(|| self.fetch_secret())
            .await?;
        if !is_signed(&request, secret) {
            tracing::warn!("the signature is missing or wrong");
            return answer(StatusCode::UNAUTHORIZED);
        }
        self.queue(&request).await?;
        tracing::info!("webhook queued");
        answer(StatusCode::NO_CONTENT)
    }

    async fn fetch_secret(&self) -> Result<String, Error> {
        let output = self
            .secrets
            .get_secret_value()
            .secret_id(&self.signing_secret_id)
            .send()
            .await?;
        let secret: Value = serde_json::from_str(output.secret_string().unwrap_or_default())?;
        let signing_secret = secret["signing_secret"].as_str();
        Ok(signing_secret
            .ok_or("the secret has no signing_secret")?
            .to_owned())
    }

    async fn queue(&self, request: &Request) -> Result<(), Error> {
        let body = std::str::from_utf8(request.body())?;
        let event: Value = serde_json::from_str(body)?;
        let event_type = event["event_type"].as_str().unwrap_or("unknown");
        let received_at = DateTime::from(SystemTime::now()).fmt(DateTimeFormat::DateTime)?;
        self.queue
            .send_message()
            .queue_url(&self.queue_url)
            .message_body(body)
            .message_attributes("received_at", string_attribute(received_at)?)
            .message_attributes("event_type", string_attribute(event_type)?)
            .message_attributes("request_id", string_attribute(request_id(request))?)
            .send()
            .await?;
        Ok(())
    }
}

fn is_signed(request: &Request, secret: &str) -> bool {
    let Some(header) = request.headers().get("whoop-signed") else {
        return false;
    };
    let Ok(signature) = hex::decode(header) else {
        return false;
    };
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(request.body());
    mac.verify_slice(&signature).is_ok()
}

/// The id that API Gateway gave the request, or else that of the invocation.
fn request_id(request: &Request) -> String {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    }
    .unwrap_or_else(|| request.lambda_context().request_id)
}

fn string_attribute(value: impl Into<String>) -> Result<MessageAttributeValue, BuildError> {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(value)
        .build()
}

fn answer(status: StatusCode) -> Result<Response<Body>, Error> {
    Ok(Response::builder().status(status).body(Body::Empty)?)
}
