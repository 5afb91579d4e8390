//! A Lambda function that receives orders from the bus through a queue, and keeps the newest state of each.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What SQS hands over. In all these types, serde ignores fields that are not named.
#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "messageId")]
    message_id: String,
    body: String,
}

#[derive(Deserialize)]
struct Event {
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    schema_version: u32,
    event_type: String,
    resource_id: String,
    resource: Option<Value>,
    resource_url: Option<String>,
}

/// The messages that SQS has to hand out again.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchResponse {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(handle)).await
}

async fn handle(batch: LambdaEvent<Batch>) -> Result<BatchResponse, Error> {
    let mut batch_item_failures = Vec::new();
    for record in batch.payload.records {
        match process(&record.body).await {
            Ok(outcome) => println!("message {}: {outcome}", record.message_id),
            Err(reason) => {
                println!("message {}: failed: {reason}", record.message_id);
                batch_item_failures.push(BatchItemFailure {
                    item_identifier: record.message_id,
                });
            }
        }
    }
    Ok(BatchResponse {
        batch_item_failures,
    })
}

async fn process(body: &str) -> Result<&'static str, &'static str> {
    // serde's own message may quote patients' data
    let event: Event = serde_json::from_str(body).map_err(|_| "the body is no event")?;
    let detail = event.detail;
    if detail.schema_version != 1 {
        return Err("unknown schema_version");
    }
    if detail.event_type != "lab_requisition.created" {
        return Ok("not an order");
    }
    let order = match (detail.resource, detail.resource_url) {
        (Some(order), _) => order,
        (None, Some(path)) => fetch(&path).await?,
        (None, None) => return Err("an order without a resource"),
    };
    Ok(match save_if_new(detail.resource_id, &order) {
        true => "saved",
        false => "known, or older than the saved state",
    })
}

/// Yours to write: GET the base URL + path, with the stored token.
async fn fetch(_path: &str) -> Result<Value, &'static str> {
    Err("fetch is not written yet")
}

/// A stand-in for your database, where one statement does all this, as above. Lambda forgets what is in memory.
fn save_if_new(order_id: String, order: &Value) -> bool {
    static ORDERS: LazyLock<Mutex<HashMap<String, State>>> = LazyLock::new(Mutex::default);

    let new = State {
        updated_at: order["updated_at"]
            .as_str()
            .and_then(|time| time.parse().ok()),
        // serde_json sorts the keys
        body: order.to_string(),
    };
    let mut orders = ORDERS
        .lock()
        .expect("nothing panics while it holds the lock");
    let is_new = orders.get(&order_id).is_none_or(|old| new.replaces(old));
    if is_new {
        orders.insert(order_id, new);
    }
    is_new
}

struct State {
    updated_at: Option<Timestamp>,
    body: String,
}

impl State {
    fn replaces(&self, old: &Self) -> bool {
        let is_older = match (self.updated_at, old.updated_at) {
            (Some(new), Some(old)) => new < old,
            _ => false,
        };
        self.body != old.body && !is_older
    }
}
