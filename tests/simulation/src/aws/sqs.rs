//! SQS: the queue of the webhooks and its dead-letter queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Answer;
use crate::chance::{days, hours, seconds};
use crate::process::Process;
use crate::weather::Service;
use crate::world::World;

/// The URLs of the queues.
pub(crate) const QUEUE_URL: &str = "https://sqs.eu-north-1.amazonaws.com/000000000000/webhooks";
pub(crate) const DEAD_LETTER_QUEUE_URL: &str =
    "https://sqs.eu-north-1.amazonaws.com/000000000000/dead-letters";

/// The settings of the template.
pub(crate) const RETENTION: Duration = days(14);
pub(crate) const MAX_RECEIVE_COUNT: u32 = 100;
const VISIBILITY_TIMEOUT: Duration = seconds(540);

/// The end of a message's retention, in which the event processor sets it aside instead of trying it again.
const LAST_TRIES: Duration = hours(12);

/// SQS keeps a message invisible for this long after it was received, at most.
const LONGEST_INVISIBLE: Duration = hours(12);

/// The queues.
#[derive(Default)]
pub(crate) struct Sqs {
    queues: Mutex<Queues>,
    /// Something may be visible in the queue.
    pub(crate) changed: Notify,
}

#[derive(Default)]
struct Queues {
    queue: BTreeMap<u64, Message>,
    dead_letters: BTreeMap<u64, Message>,
}

#[derive(Clone)]
struct Message {
    body: String,
    attributes: Value,
    sent_at: Duration,
    first_received_at: Option<Duration>,
    received_at: Duration,
    receive_count: u32,
    visible_at: Duration,
}

/// A message that an execution has received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) id: u64,
    pub(crate) body: String,
    pub(crate) sent_at: Duration,
    pub(crate) first_received_at: Duration,
    pub(crate) receive_count: u32,
    attributes: Value,
}

impl Received {
    /// Returns its receipt handle.
    fn receipt_handle(&self) -> String {
        format!("{}/{}", self.id, self.receive_count)
    }

    /// Returns it as Lambda hands it over.
    pub(crate) fn record(&self) -> Value {
        let millis = |at: Duration| World::unix_time(at).as_millis().to_string();
        json!({
            "messageId": self.id.to_string(),
            "receiptHandle": self.receipt_handle(),
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": self.receive_count.to_string(),
                "ApproximateFirstReceiveTimestamp": millis(self.first_received_at),
                "SentTimestamp": millis(self.sent_at),
            },
            "messageAttributes": self.attributes,
            "eventSource": "aws:sqs",
        })
    }
}

/// Performs an operation for a process.
pub(crate) fn perform(
    world: &Arc<World>,
    process: &Process,
    operation: &str,
    request: &Value,
) -> Answer {
    match operation {
        "SendMessage" => send_message(world, process, request),
        "ChangeMessageVisibility" => change_visibility(world, process, request),
        "" => (404, json!({})),
        other => panic!("SQS does not support {other} here"),
    }
}

fn send_message(world: &Arc<World>, process: &Process, request: &Value) -> Answer {
    let body = request["MessageBody"].as_str().unwrap_or_default();
    let attributes = request["MessageAttributes"].as_object();
    // Lambda hands attributes over under other names
    let attributes = attributes.into_iter().flatten().map(|(name, attribute)| {
        let text = &attribute["StringValue"];
        (
            name.clone(),
            json!({"dataType": "String", "stringValue": text}),
        )
    });
    let message = Message {
        body: body.to_owned(),
        attributes: Value::Object(attributes.collect()),
        sent_at: world.now(),
        first_received_at: None,
        received_at: Duration::ZERO,
        receive_count: 0,
        visible_at: world.now(),
    };
    let id = world.next_number();
    if request["QueueUrl"] == DEAD_LETTER_QUEUE_URL {
        let reason = message.attributes["failure_reason"]["stringValue"].as_str();
        let reason = reason.unwrap_or("no reason").to_owned();
        crate::note!(world, &process.name, "sets message {body} aside: {reason}");
        world.ledger.set_aside(world, process, body, &reason);
        world.sqs.queues().dead_letters.insert(id, message);
    } else {
        crate::note!(world, &process.name, "queues message {id}: {body}");
        world.ledger.stored(body);
        world.sqs.queues().queue.insert(id, message);
        world.sqs.changed.notify_one();
    }
    let answer = json!({"MessageId": id.to_string(), "MD5OfMessageBody": "-"});
    (200, answer)
}

fn change_visibility(world: &Arc<World>, process: &Process, request: &Value) -> Answer {
    let receipt = request["ReceiptHandle"].as_str().unwrap_or_default();
    let (id, receive_count) = receipt.split_once('/').unwrap_or_default();
    let timeout = seconds(request["VisibilityTimeout"].as_u64().unwrap_or_default());
    let now = world.now();
    let mut queues = world.sqs.queues();
    let message = id
        .parse()
        .ok()
        .and_then(|id: u64| queues.queue.get_mut(&id));
    let Some(message) = message
        .filter(|message| message.receive_count.to_string() == receive_count)
        .filter(|message| message.visible_at > now)
    else {
        return (
            400,
            json!({"__type": "com.amazonaws.sqs#MessageNotInflight", "message": "-"}),
        );
    };
    if now + timeout > message.received_at + LONGEST_INVISIBLE {
        drop(queues);
        world.violation(format!(
            "{} asks for a visibility timeout that SQS refuses",
            process.name
        ));
        return (
            400,
            json!({"__type": "InvalidParameterValue", "message": "-"}),
        );
    }
    message.visible_at = now + timeout;
    crate::note!(
        world,
        &process.name,
        "keeps message {id} out for {} s",
        timeout.as_secs()
    );
    world.sqs.changed.notify_one();
    (200, json!({}))
}

impl Sqs {
    /// Receives up to `most` messages for an execution. Moves those away that have been received too often, and drops those that
    /// are too old.
    pub(crate) fn receive(&self, world: &World, most: usize) -> Vec<Received> {
        self.expire(world);
        let now = world.now();
        let mut received = Vec::new();
        let mut queues = self.queues();
        let visible = queues
            .queue
            .iter()
            .filter(|(_, message)| message.visible_at <= now);
        let mut visible: Vec<u64> = visible.map(|(id, _)| *id).collect();
        fastrand::shuffle(&mut visible);
        for id in visible {
            if received.len() == most {
                break;
            }
            let message = queues.queue.get_mut(&id).expect("it was there just now");
            if message.receive_count >= MAX_RECEIVE_COUNT {
                let message = queues.queue.remove(&id).expect("it was there just now");
                crate::note!(world, "SQS", "moves message {id} to the dead-letter queue");
                world.ledger.moved(&message.body);
                queues.dead_letters.insert(id, message);
                continue;
            }
            message.receive_count += 1;
            message.received_at = now;
            message.visible_at = now + VISIBILITY_TIMEOUT;
            received.push(Received {
                id,
                body: message.body.clone(),
                sent_at: message.sent_at,
                first_received_at: *message.first_received_at.get_or_insert(now),
                receive_count: message.receive_count,
                attributes: message.attributes.clone(),
            });
        }
        received
    }

    /// Deletes a message, because the function says that it is done.
    pub(crate) fn delete(&self, id: u64) {
        self.queues().queue.remove(&id);
    }

    /// Returns when the next message becomes visible.
    pub(crate) fn next_visible(&self) -> Option<Duration> {
        let queues = self.queues();
        queues
            .queue
            .values()
            .map(|message| message.visible_at)
            .min()
    }

    /// Returns how many messages are in the queue.
    pub(crate) fn len(&self) -> usize {
        self.queues().queue.len()
    }

    /// Returns the bodies in the queue.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let queues = self.queues();
        queues
            .queue
            .values()
            .map(|message| message.body.clone())
            .collect()
    }

    /// Moves all dead letters back to the queue, as messages that are new to it.
    pub(crate) fn redrive(&self, world: &World) {
        self.expire(world);
        let mut queues = self.queues();
        let letters = std::mem::take(&mut queues.dead_letters);
        crate::note!(
            world,
            "operator",
            "moves {} dead letters back",
            letters.len()
        );
        for message in letters.into_values() {
            let message = Message {
                sent_at: world.now(),
                first_received_at: None,
                receive_count: 0,
                visible_at: world.now(),
                ..message
            };
            queues.queue.insert(world.next_number(), message);
        }
        self.changed.notify_one();
    }

    /// Drops what is too old.
    fn expire(&self, world: &World) {
        let Some(oldest) = world.now().checked_sub(RETENTION) else {
            return;
        };
        let mut queues = self.queues();
        queues
            .dead_letters
            .retain(|_, message| message.sent_at >= oldest);
        let mut expired = Vec::new();
        queues.queue.retain(|_, message| {
            let stays = message.sent_at >= oldest;
            if !stays {
                expired.push((message.sent_at + RETENTION, message.body.clone()));
            }
            stays
        });
        drop(queues);
        for (at, body) in expired {
            // a try that was due in this time would have set it aside
            if world.was_down(Service::Sqs, at - LAST_TRIES, at) {
                crate::note!(
                    world,
                    "SQS",
                    "loses {body}, because nobody could receive it"
                );
                world.ledger.lost(&body);
            } else {
                world.violation(format!("message {body} expires in the queue"));
            }
        }
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
