//! What the stack does, told step by step; nothing is told that was not checked.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::Message;
use serde_json::json;

use crate::simulator::{AppointmentType, Delivery};
use crate::stack::{StackError, signed};
use crate::steps::Steps;
use crate::world::World;

/// After this time WHOOP counts a delivery as failed.
const WHOOP_LIMIT: Duration = Duration::from_secs(1);

/// How long the simulator may take until it has delivered, one repetition included.
const DELIVERY_LIMIT: Duration = Duration::from_secs(5);

/// Why the demo can't tell what it was about to.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The stack can't be used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// WHOOP's Partner API can't be reached.
    #[error("no answer from the WHOOP simulator")]
    Whoop(#[from] reqwest::Error),
    /// It is not so.
    #[error("{0}")]
    NotSo(String),
}

/// Plays WHOOP against the deployed stack: a token, a requisition with its webhook, and a forgery.
///
/// # Errors
///
/// When anything that it would tell is not so; the error says what.
pub async fn play(world: &World, steps: &Steps) -> Result<(), DemoError> {
    let expires_at = steps
        .run(
            "Invoking token-refresh",
            "token-refresh has obtained an access token from WHOOP",
            refresh_token(world),
        )
        .await?;
    steps.done(stored_token(world, expires_at).await?);
    let delivery = webhook_of_new_requisition(world).await?;
    steps.done(answer_in_time(&delivery)?);
    steps.done(queued_message(world, &delivery).await?);
    steps.done(refused_forgery(world, &delivery).await?);
    Ok(())
}

/// Has the deployed function obtain a token; returns when that expires.
async fn refresh_token(world: &World) -> Result<i64, DemoError> {
    let function = world.stack.output("TokenRefreshFunctionName");
    let result = world.stack.invoke(function, &json!({})).await?.payload;
    match result["expires_at"].as_i64() {
        Some(expires_at) if result["outcome"] == "refreshed" => Ok(expires_at),
        _ => not_so(format!("token-refresh answered {result}")),
    }
}

async fn stored_token(world: &World, expires_at: i64) -> Result<String, DemoError> {
    let Some(item) = world.stack.token_item().await? else {
        return not_so("there is no token in the table");
    };
    let left = item.expires_at - now();
    if item.expires_at != expires_at || !(1..=3600).contains(&left) {
        return not_so(format!(
            "the stored token is {item:?}, which is not what token-refresh answered"
        ));
    }
    let nobodys = "v2/partner/requisition/00000000-0000-4000-8000-000000000000";
    let url = format!("{}/{nobodys}", world.simulator.base_url());
    let request = world.stack.http.get(url).bearer_auth(item.access_token);
    // 401 if it did not take the token
    let status = request.send().await?.status().as_u16();
    if status != 404 {
        return not_so(format!("WHOOP answered {status} to the stored token"));
    }
    Ok(format!(
        "token item in DynamoDB: type {}, expires in {} min {} s, and WHOOP accepts it",
        item.token_type,
        left / 60,
        left % 60
    ))
}

/// Has WHOOP create a requisition, and waits until its webhook is delivered.
async fn webhook_of_new_requisition(world: &World) -> Result<Delivery, DemoError> {
    let requisition = world.simulator.add_test_data(AppointmentType::InPerson);
    let delivered = async {
        loop {
            let mut deliveries = world.simulator.deliveries().into_iter();
            let ours = deliveries.find(|delivery| delivery.body.contains(&requisition));
            match ours {
                Some(delivery) if delivery.finished => return delivery,
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    match tokio::time::timeout(DELIVERY_LIMIT, delivered).await {
        Ok(delivery) => Ok(delivery),
        Err(_) => not_so(format!(
            "WHOOP did not get its 204; the attempts so far: {:?}",
            world
                .simulator
                .deliveries()
                .last()
                .map(|delivery| &delivery.attempts)
        )),
    }
}

fn answer_in_time(delivery: &Delivery) -> Result<String, DemoError> {
    match delivery.attempts.as_slice() {
        [only] if only.status == Some(204) && only.duration_ms < WHOOP_LIMIT.as_millis() as u64 => {
            Ok(format!(
                "WHOOP has created a requisition and delivered its webhook: 204 in {} ms, on the first call",
                only.duration_ms
            ))
        }
        attempts => not_so(format!("the webhook was answered {attempts:?}")),
    }
}

async fn queued_message(world: &World, delivery: &Delivery) -> Result<String, DemoError> {
    let queue = world.stack.output("WebhookQueueUrl");
    let Some(message) = world.stack.receive(queue).await? else {
        return not_so("the queue is empty");
    };
    if message.body() != Some(&delivery.body) {
        return not_so("the queued message is not what WHOOP delivered");
    }
    let (Some("lab_requisition.created"), Some(received_at), Some(_)) = (
        attribute(&message, "event_type"),
        attribute(&message, "received_at"),
        attribute(&message, "request_id"),
    ) else {
        let attributes = message.message_attributes();
        return not_so(format!("the message has the attributes {attributes:?}"));
    };
    Ok(format!(
        "message in the queue: lab_requisition.created, received at {received_at}, the {} bytes that WHOOP signed",
        delivery.body.len(),
    ))
}

fn attribute<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    message.message_attributes()?.get(name)?.string_value()
}

async fn refused_forgery(world: &World, delivery: &Delivery) -> Result<String, DemoError> {
    let signed = signed(delivery.body.as_bytes(), &world.signing_secret);
    let tampered = delivery.body.replace("created", "deleted");
    let answer = world.stack.post_webhook(tampered, signed).await?;
    if answer.status != 401 {
        return not_so(format!(
            "the tampered webhook was answered {}",
            answer.status
        ));
    }
    let queue = world.stack.output("WebhookQueueUrl");
    match world.stack.queue_depth(queue).await? {
        0 => Ok("the same webhook, tampered with: 401, and nothing queued".into()),
        depth => not_so(format!(
            "{depth} messages are queued after the tampered webhook"
        )),
    }
}

fn not_so<T>(what: impl Into<String>) -> Result<T, DemoError> {
    Err(DemoError::NotSo(what.into()))
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs().cast_signed())
}
