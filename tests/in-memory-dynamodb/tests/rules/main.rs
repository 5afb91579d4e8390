//! DynamoDB's rules, each of which the table in memory follows.

mod conditions;
mod requests;
mod sdk;
mod updates;

use in_memory_dynamodb::InMemoryDynamoDb;
use serde_json::{Value, json};

const TABLE: &str = "table";

/// A table with the item `item` of the id `id`, or with nothing.
fn table(item: Option<&Value>) -> InMemoryDynamoDb {
    let dynamodb = InMemoryDynamoDb::new();
    if let Some(item) = item {
        dynamodb.put(TABLE, &with_id(item));
    }
    dynamodb
}

fn with_id(attributes: &Value) -> Value {
    let mut item = attributes.clone();
    item["id"] = json!({"S": "id"});
    item
}

/// A request for the item `id`, with more parameters; those that are null are left out.
fn request(parameters: &Value) -> Value {
    let mut request = json!({"TableName": TABLE, "Key": {"id": {"S": "id"}}});
    for (name, value) in parameters.as_object().unwrap() {
        if !value.is_null() {
            request[name] = value.clone();
        }
    }
    request
}

fn error_type(answer: &Value) -> &str {
    let error_type = answer["__type"].as_str().unwrap_or_default();
    error_type.split_once('#').map_or("", |(_, name)| name)
}

/// Checks that an answer is a `ValidationException` with this in its message.
#[track_caller]
fn assert_refused((status, answer): (u16, Value), reason: &str) {
    assert_eq!(
        (status, error_type(&answer)),
        (400, "ValidationException"),
        "{reason}: {answer}"
    );
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains(reason), "{reason}: {message}");
}
