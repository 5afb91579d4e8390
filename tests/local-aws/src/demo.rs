//! The demo: it shows step by step what the stack does, and shows nothing that it has not checked.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::process::Command;
use whoop_simulator::{AppointmentType, Delivery};

use crate::ministack::checkout;
use crate::stack::{StackError, Subscription, signed};
use crate::steps::Steps;
use crate::world::World;

/// WHOOP counts a delivery as failed after this time.
const WHOOP_LIMIT: Duration = Duration::from_secs(1);

/// How long the simulator may take to deliver, including one repetition.
const DELIVERY_LIMIT: Duration = Duration::from_secs(5);

/// How long an order may take from its webhook to the bus.
const PUBLICATION_LIMIT: Duration = Duration::from_secs(20);

/// How long the tool may take.
const TOOL_LIMIT: Duration = Duration::from_secs(60);

/// The variable that tells the tool the name of the stack.
pub const STACK_VARIABLE: &str = "WHOOP_PARTNER_STACK";

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The stack can't be used.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// WHOOP's Partner API can't be reached.
    #[error("no answer from the WHOOP simulator")]
    Whoop(#[from] reqwest::Error),
    /// The tool can't be run.
    #[error("{} can't be run: {source}; `make stack` builds it", path.display())]
    Tool {
        /// Where it should be.
        path: PathBuf,
        /// Why it can't be run.
        source: io::Error,
    },
    /// A check failed.
    #[error("{0}")]
    NotSo(String),
}

/// Plays WHOOP against the deployed stack: a token, a requisition on its whole way to the bus, a forgery, and another
/// requisition after all tokens have expired. At the end, the tool for operators says how the stack is doing.
///
/// # Errors
///
/// If a check fails; the error says which.
pub async fn play(world: &World, steps: &Steps) -> Result<(), DemoError> {
    let expires_at = steps
        .run(
            "Invoking token-refresh",
            "token-refresh has obtained an access token from WHOOP",
            refresh_token(world),
        )
        .await?;
    steps.done(stored_token(world, expires_at).await?);
    let subscription = world.stack.subscribe().await?;
    steps.done("a rule sends every event of the bus to a queue");
    let delivery = webhook_of_new_requisition(world).await?;
    steps.done(answer_in_time(&delivery)?);
    let order = published_order(world, &subscription, &delivery).await?;
    steps.done(format!("the complete order is on the bus: {order}"));
    steps.done(refused_forgery(world, &delivery).await?);
    steps.done(order_after_expiry(world, &subscription).await?);
    steps.done(nothing_left_over(world, &subscription).await?);
    let status = status_by_the_tool(world).await?;
    steps.done("whoop-partner status finds nothing bad:");
    steps.show(&status);
    Ok(())
}

/// Has the deployed function obtain a token and returns its expiry time.
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
    // WHOOP answers 401 if it refuses the token
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

/// Waits for the event of a delivered webhook. It must hold the order as WHOOP serves it, and no other event may have
/// arrived.
async fn published_order(
    world: &World,
    subscription: &Subscription,
    delivery: &Delivery,
) -> Result<String, DemoError> {
    let webhook: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
    let id = webhook["resource_id"].as_str().unwrap_or_default();
    let events = world
        .stack
        .events_until(subscription, id, PUBLICATION_LIMIT)
        .await?;
    let Some(events) = events else {
        return not_so("the order is not on the bus");
    };
    let [event] = &events[..] else {
        return not_so(format!(
            "{} events are on the bus instead of one",
            events.len()
        ));
    };
    let order = &event.detail["resource"];
    if event.detail_type != webhook["event_type"]
        || Some(order) != world.simulator.requisition(id).as_ref()
    {
        return not_so("the event on the bus is not the order as WHOOP has it");
    }
    let service_requests = order["service_requests"].as_array().map_or(0, Vec::len);
    let received_at = event.detail["received_at"].as_str().unwrap_or_default();
    Ok(format!(
        "{}, received at {received_at}, {service_requests} service requests, {} bytes",
        event.detail_type, event.bytes
    ))
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
    Ok("the same webhook, tampered with: 401".into())
}

/// Has WHOOP refuse every token that it has issued, then create another requisition.
async fn order_after_expiry(
    world: &World,
    subscription: &Subscription,
) -> Result<String, DemoError> {
    let before = world.simulator.calls().len();
    world.simulator.expire_tokens();
    let delivery = webhook_of_new_requisition(world).await?;
    answer_in_time(&delivery)?;
    let order = published_order(world, subscription, &delivery).await?;
    let calls = world.simulator.calls().split_off(before);
    let statuses: Vec<_> = calls.iter().map(|call| call.status).collect();
    if statuses != [Some(401), Some(200), Some(200)] {
        return not_so(format!("after the expiry WHOOP answered {statuses:?}"));
    }
    Ok(format!(
        "all tokens have expired: WHOOP answered 401, the processor asked for a new token, and the next order is on the bus: {order}"
    ))
}

/// Checks that no webhook is left in a queue, and that the forged one has left no trace.
async fn nothing_left_over(
    world: &World,
    subscription: &Subscription,
) -> Result<String, DemoError> {
    for queue in ["WebhookQueueUrl", "WebhookDeadLetterQueueUrl"] {
        let empty = async {
            // the last message is deleted a moment after its event has reached the bus
            while world.stack.queue_depth(world.stack.output(queue)).await? > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok::<(), StackError>(())
        };
        match tokio::time::timeout(DELIVERY_LIMIT, empty).await {
            Ok(empty) => empty?,
            Err(_) => return not_so(format!("something is left in {queue}")),
        }
    }
    match world.stack.arrived_events(subscription).await?.len() {
        0 => Ok("no other event is on the bus, and both queues are empty".into()),
        more => not_so(format!("{more} more events are on the bus")),
    }
}

/// Runs `whoop-partner status` on the stack, and returns what it prints.
///
/// # Errors
///
/// If the tool can't be run, or finds something bad.
pub async fn status_by_the_tool(world: &World) -> Result<String, DemoError> {
    let path = checkout().join("target/debug/whoop-partner");
    let output = Command::new(&path)
        .arg("status")
        // it takes nothing from our own environment, such as a profile
        .env_clear()
        .env("HOME", world.aws.directory())
        .envs(world.aws.environment())
        .env(STACK_VARIABLE, &world.stack.name)
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(TOOL_LIMIT, output).await {
        Ok(output) => output.map_err(|source| DemoError::Tool { path, source })?,
        Err(_) => return not_so("whoop-partner status does not end"),
    };
    let status = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return not_so(format!("whoop-partner status says\n{status}{errors}"));
    }
    Ok(status.into_owned())
}

fn not_so<T>(what: impl Into<String>) -> Result<T, DemoError> {
    Err(DemoError::NotSo(what.into()))
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs().cast_signed())
}
