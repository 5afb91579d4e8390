//! The batch from SQS: any JSON with records. No message of it is lost, whatever the others hold.
//!
//! The function runs whole. WHOOP and AWS are functions that answer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use event_processor::{Config, EventProcessor, QueueLimits, SqsBatch, UnidentifiedMessage};
use reqwest::{Method, Request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use whoop_partner::heartbeat;
use whoop_partner::lambda::metrics::MetricLog;

use crate::json::{Json, webhook_fields};
use crate::{aws, clock, now, runtime, whoop};

const DEAD_LETTERS: &str = "https://dead-letters";

/// The fields of a record that the function reads. If one is repeated, the batch fails as a whole.
const RECORD: [&str; 5] = [
    "messageId",
    "receiptHandle",
    "body",
    "attributes",
    "messageAttributes",
];
const SYSTEM_ATTRIBUTES: [&str; 3] = [
    "ApproximateReceiveCount",
    "ApproximateFirstReceiveTimestamp",
    "SentTimestamp",
];
const ATTRIBUTE: [&str; 3] = ["dataType", "stringValue", "binaryValue"];

/// What the function has done with a batch.
#[derive(Default)]
struct Done {
    /// The bodies in the dead-letter queue.
    set_aside: BTreeSet<String>,
    /// Event type and resource id of what is on the bus.
    published: BTreeSet<(String, String)>,
    /// The lines of the log.
    lines: Vec<Value>,
}

/// The function in its world.
struct World {
    runtime: Runtime,
    processor: EventProcessor,
    done: Arc<Mutex<Done>>,
}

thread_local! {
    static WORLD: World = World::new();
}

/// Fails if the function panics, or if it neither keeps a message in the queue nor does what the message asks for.
pub fn check(input: &[u8]) {
    let batch = serde_json::from_slice::<SqsBatch>(input);
    let Some(records) = Json::read(input).as_ref().and_then(records) else {
        return;
    };
    let batch = batch.expect("any records make a batch");
    WORLD.with(|world| world.check(batch, &records));
}

/// Returns the records, if this is a batch without repeated fields.
fn records(batch: &Json) -> Option<Vec<Json>> {
    let Json::Array(records) = batch.one("Records")? else {
        return None;
    };
    records.iter().all(is_unambiguous).then(|| records.clone())
}

fn is_unambiguous(record: &Json) -> bool {
    let attributes = match record.one("messageAttributes") {
        Some(Json::Object(attributes)) => &attributes[..],
        _ => &[],
    };
    let system = record.one("attributes");
    !record.repeats(&RECORD)
        && !system.is_some_and(|system| system.repeats(&SYSTEM_ATTRIBUTES))
        && !attributes
            .iter()
            .any(|(_, value)| value.repeats(&ATTRIBUTE))
}

impl World {
    fn new() -> Self {
        let done = Arc::<Mutex<Done>>::default();
        let seen = Arc::clone(&done);
        let aws = aws::http_client(move |operation, request| answer(&seen, operation, request));
        let seen = Arc::clone(&done);
        let log = MetricLog::new("stack", "event_processor", clock(), move |line| {
            let line = serde_json::from_str(line).expect("a line is JSON");
            lock(&seen).lines.push(line);
        });
        let config = Config {
            queue_url: "https://queue".into(),
            dead_letter_queue_url: DEAD_LETTERS.into(),
            partner_credentials_secret_id: "secret".into(),
            partner_api_base_url: Default::default(),
            token_table_name: "token".into(),
            event_bus_name: "bus".into(),
            published_table_name: "published".into(),
            queue_limits: QueueLimits {
                retention: Duration::from_secs(14 * 24 * 60 * 60),
                max_receive_count: 100,
            },
            auto_confirm_orders: true,
            heartbeat_interval: Some(Duration::from_secs(300)),
        };
        let http = whoop::http_client(whoops_answer);
        Self {
            runtime: runtime(),
            processor: EventProcessor::new(config, &aws::sdk_config(aws), http, clock(), log),
            done,
        }
    }

    fn check(&self, batch: SqsBatch, records: &[Json]) {
        *lock(&self.done) = Done::default();
        let deadline = now() + Duration::from_secs(60);
        let response = self
            .runtime
            .block_on(self.processor.handle(batch, deadline));
        let done = lock(&self.done);
        for line in &done.lines {
            assert_ne!(line["error"], "the function panicked", "{line}");
        }
        let ids: Vec<Option<&str>> = records.iter().map(message_id).collect();
        let returned: BTreeSet<String> = match response {
            Ok(response) => {
                assert!(
                    ids.iter().all(Option::is_some),
                    "a message without an id is deleted"
                );
                let failures = response.batch_item_failures.into_iter();
                failures.map(|failure| failure.item_identifier).collect()
            }
            // the whole batch stays in the queue
            Err(UnidentifiedMessage) => {
                assert!(ids.iter().any(Option::is_none));
                return;
            }
        };
        let known = |id: &String| ids.contains(&Some(id));
        assert!(
            returned.iter().all(known),
            "an id that no message has: {returned:?}"
        );
        for (record, id) in records.iter().zip(ids) {
            if !id.is_some_and(|id| returned.contains(id)) {
                done.assert_holds(record);
            }
        }
    }
}

impl Done {
    /// A message that SQS deletes is on the bus, in the dead-letter queue, or a heartbeat.
    fn assert_holds(&self, record: &Json) {
        let body = record.one("body").and_then(Json::text);
        let body = body.expect("a message without a body can't be sent elsewhere");
        if self.set_aside.contains(body) {
            return;
        }
        let signed = signed_body(record, body).expect("what does not decode is set aside");
        let Some((Some(event_type), Some(resource_id))) = webhook_fields(&signed) else {
            // a body that only a reader of its fields can read
            assert!(
                webhook_fields(&signed).is_none(),
                "a message is lost: {record:?}"
            );
            return;
        };
        let is_done = event_type == heartbeat::EVENT_TYPE
            || self.published.contains(&(event_type, resource_id));
        assert!(is_done, "a message is lost: {record:?}");
    }
}

fn message_id(record: &Json) -> Option<&str> {
    let id = record.one("messageId").and_then(Json::text);
    id.filter(|id| !id.is_empty())
}

/// Returns the bytes that WHOOP signed, if the message says so.
fn signed_body(record: &Json, body: &str) -> Option<Vec<u8>> {
    let attributes = match record.one("messageAttributes") {
        Some(Json::Object(attributes)) => &attributes[..],
        _ => &[],
    };
    // of several attributes of the same name, the last one counts
    let mut encodings = attributes.iter().rev();
    let encoding = encodings.find(|(name, _)| name == "body_encoding");
    let encoding = encoding.and_then(|(_, value)| value.one("stringValue"));
    match encoding.and_then(Json::text) {
        None => Some(body.as_bytes().to_vec()),
        Some("base64") => BASE64.decode(body).ok(),
        Some(_) => None,
    }
}

/// AWS takes everything. No state has been published before.
fn answer(done: &Mutex<Done>, operation: &str, request: &Value) -> Value {
    let mut done = lock(done);
    match operation {
        "SendMessage" => {
            assert_eq!(request["QueueUrl"], DEAD_LETTERS);
            let body = request["MessageBody"].as_str().expect("it has a body");
            done.set_aside.insert(body.to_owned());
            json!({"MessageId": "m"})
        }
        "PutEvents" => {
            let entry = &request["Entries"][0];
            let detail = entry["Detail"].as_str().expect("it has a detail");
            let detail: Value = serde_json::from_str(detail).expect("a detail is JSON");
            let field = |name: &str| detail[name].as_str().expect("it is a text").to_owned();
            let event = (field("event_type"), field("resource_id"));
            done.published.insert(event);
            json!({"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]})
        }
        "GetSecretValue" => {
            let secret = r#"{"client_id":"lab","client_secret":"secret"}"#;
            json!({"SecretString": secret})
        }
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "ChangeMessageVisibility" => {
            json!({})
        }
        other => panic!("an unexpected call: {other}"),
    }
}

/// WHOOP knows each order, unless its id says otherwise: `404`, `422` and `500` get this status, `deep` an answer that is hard to
/// read.
fn whoops_answer(request: &Request) -> (u16, Vec<u8>) {
    let path = request.url().path();
    if path.ends_with("/token") {
        return whoop::token();
    }
    if *request.method() == Method::PATCH {
        let service_request = r#"{"id":"s","status":"active","code":"ferritin"}"#;
        return (200, service_request.into());
    }
    match path.rsplit('/').next() {
        Some("404") => (404, Vec::new()),
        Some("422") => (422, Vec::new()),
        Some("500") => (500, Vec::new()),
        Some("deep") => (200, br#"{"updated_at":7,"service_requests":[7]}"#.to_vec()),
        _ => (
            200,
            br#"{"updated_at":"2026-11-18T11:00:00Z","service_requests":[{"id":"s"}]}"#.to_vec(),
        ),
    }
}

fn lock(done: &Mutex<Done>) -> MutexGuard<'_, Done> {
    done.lock().unwrap_or_else(PoisonError::into_inner)
}
