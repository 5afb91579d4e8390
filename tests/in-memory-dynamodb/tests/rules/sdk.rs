//! The table behind the real client of the SDK.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Config, Credentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use in_memory_dynamodb::InMemoryDynamoDb;
use serde_json::json;

use crate::TABLE;

fn client(http_client: SharedHttpClient) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
        .retry_config(RetryConfig::disabled())
        .http_client(http_client);
    Client::from_conf(config.build())
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.into())
}

fn number(number: &str) -> AttributeValue {
    AttributeValue::N(number.into())
}

#[tokio::test]
async fn values_of_all_types_pass_through() {
    let item = HashMap::from([
        ("id".to_owned(), text("id")),
        ("number".to_owned(), number("-1.5")),
        ("bytes".to_owned(), AttributeValue::B(Blob::new([0, 255]))),
        ("flag".to_owned(), AttributeValue::Bool(false)),
        ("nothing".to_owned(), AttributeValue::Null(true)),
        (
            "list".to_owned(),
            AttributeValue::L(vec![text("a"), number("1")]),
        ),
        (
            "map".to_owned(),
            AttributeValue::M(HashMap::from([("a".to_owned(), text("b"))])),
        ),
        (
            "texts".to_owned(),
            AttributeValue::Ss(vec!["a".into(), "b".into()]),
        ),
        (
            "numbers".to_owned(),
            AttributeValue::Ns(vec!["1".into(), "2".into()]),
        ),
        ("blobs".to_owned(), AttributeValue::Bs(vec![Blob::new([0])])),
    ]);
    let client = client(Arc::new(InMemoryDynamoDb::new()).http_client());
    let put = client
        .put_item()
        .table_name(TABLE)
        .set_item(Some(item.clone()));
    put.send().await.unwrap();
    let get = client.get_item().table_name(TABLE).key("id", text("id"));
    assert_eq!(get.send().await.unwrap().item, Some(item));
}

#[tokio::test]
async fn the_client_tells_a_failed_condition_and_reads_the_item_in_it() {
    let dynamodb = Arc::new(InMemoryDynamoDb::new());
    dynamodb.put(
        TABLE,
        &json!({"id": {"S": "id"}, "expires_at": {"N": "20"}}),
    );
    let client = client(dynamodb.clone().http_client());
    let put = |expires_at: &str| {
        client
            .put_item()
            .table_name(TABLE)
            .item("id", text("id"))
            .item("expires_at", number(expires_at))
            .condition_expression("attribute_not_exists(id) OR expires_at <= :expires_at")
            .expression_attribute_values(":expires_at", number(expires_at))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
    };

    let earlier = put("9").await.unwrap_err().into_service_error();
    let later = put("100").await.unwrap();

    let PutItemError::ConditionalCheckFailedException(failed) = earlier else {
        panic!("{earlier:?}");
    };
    assert_eq!(failed.item().unwrap()["expires_at"], number("20"));
    assert_eq!(later.attributes().unwrap()["expires_at"], number("20"));
    let stored = json!({"id": {"S": "id"}, "expires_at": {"N": "100"}});
    assert_eq!(dynamodb.item(TABLE, "id"), Some(stored));
}

#[tokio::test]
async fn the_client_updates_and_deletes() {
    let dynamodb = Arc::new(InMemoryDynamoDb::new());
    let client = client(dynamodb.clone().http_client());
    let update = client
        .update_item()
        .table_name(TABLE)
        .key("id", text("id"))
        .update_expression("SET #state = :new")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":new", text("x"))
        .return_values(ReturnValue::AllNew);
    let updated = update.send().await.unwrap();
    assert_eq!(updated.attributes().unwrap()["state"], text("x"));
    let delete = client.delete_item().table_name(TABLE).key("id", text("id"));
    delete.send().await.unwrap();
    assert_eq!(dynamodb.items(TABLE).len(), 0);
}

#[tokio::test]
async fn a_hook_counts_operations_and_answers_in_place_of_the_tables() {
    let dynamodb = Arc::new(InMemoryDynamoDb::new());
    let puts = Arc::new(AtomicUsize::new(0));
    let counted = puts.clone();
    let client = client(
        dynamodb
            .clone()
            .http_client_with(move |operation, request| {
                assert_eq!(request["TableName"], TABLE);
                if operation != "PutItem" {
                    return None;
                }
                let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
                let throttled = json!({"__type": "ProvisionedThroughputExceededException"});
                is_first.then_some((400, throttled))
            }),
    );
    let put = || {
        client
            .put_item()
            .table_name(TABLE)
            .item("id", text("id"))
            .send()
    };
    let get = client.get_item().table_name(TABLE).key("id", text("id"));

    let refused = put().await.unwrap_err();
    let not_there = get.send().await.unwrap();
    put().await.unwrap();

    assert_eq!(
        refused.code(),
        Some("ProvisionedThroughputExceededException")
    );
    assert_eq!(not_there.item(), None);
    assert_eq!(puts.load(Ordering::Relaxed), 2);
    assert_eq!(dynamodb.items(TABLE).len(), 1);
}

#[tokio::test]
async fn a_hook_may_lose_the_answer_after_the_effect() {
    let dynamodb = Arc::new(InMemoryDynamoDb::new());
    let behind = dynamodb.clone();
    let client = client(
        dynamodb
            .clone()
            .http_client_with(move |operation, request| {
                behind.call(operation, request);
                Some((500, json!({"__type": "InternalServerError"})))
            }),
    );
    let put = client.put_item().table_name(TABLE).item("id", text("id"));
    let error = put.send().await.unwrap_err();
    assert_eq!(error.code(), Some("InternalServerError"));
    assert_eq!(dynamodb.items(TABLE).len(), 1);
}
