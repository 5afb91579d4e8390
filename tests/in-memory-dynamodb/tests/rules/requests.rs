//! What the operations take and give back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use in_memory_dynamodb::InMemoryDynamoDb;
use serde_json::{Value, json};

use crate::{TABLE, assert_refused, request, table, with_id};

fn put(attributes: &Value, parameters: &Value) -> Value {
    let mut request = request(parameters);
    request.as_object_mut().unwrap().remove("Key");
    request["Item"] = with_id(attributes);
    request
}

fn old() -> Value {
    json!({"a": {"N": "1"}, "b": {"S": "old"}})
}

fn new() -> Value {
    json!({"a": {"N": "2"}})
}

#[test]
fn a_put_replaces_the_whole_item() {
    let table = table(Some(&old()));
    assert_eq!(
        table.call("PutItem", &put(&new(), &json!({}))),
        (200, json!({}))
    );
    assert_eq!(table.item(TABLE, "id"), Some(with_id(&new())));
}

#[test]
fn a_get_returns_the_item_or_nothing() {
    let get = request(&json!({"ConsistentRead": true}));
    let found = json!({"Item": with_id(&old())});
    assert_eq!(table(Some(&old())).call("GetItem", &get), (200, found));
    assert_eq!(table(None).call("GetItem", &get), (200, json!({})));
}

#[test]
fn a_delete_takes_the_item_away_if_there_is_one() {
    let table = table(Some(&old()));
    let delete = request(&json!({"ReturnValues": "ALL_OLD"}));
    let deleted = json!({"Attributes": with_id(&old())});
    assert_eq!(table.call("DeleteItem", &delete), (200, deleted));
    assert_eq!(table.item(TABLE, "id"), None);
    assert_eq!(table.call("DeleteItem", &delete), (200, json!({})));
}

#[test]
fn tables_and_items_are_apart_from_each_other() {
    let dynamodb = InMemoryDynamoDb::new();
    let item = |id: &str| json!({"id": {"S": id}});
    dynamodb.put("one", &item("b"));
    dynamodb.put("one", &item("a"));
    dynamodb.put("other", &item("a"));
    let expected = [("a".to_owned(), item("a")), ("b".to_owned(), item("b"))];
    assert_eq!(dynamodb.items("one"), expected.into());
    assert_eq!(dynamodb.items("other").len(), 1);
    assert_eq!(dynamodb.item("other", "b"), None);
    assert_eq!(dynamodb.items("third").len(), 0);
}

#[test]
fn a_write_returns_the_item_before_or_after_it_if_asked() {
    let attributes = |item: &Value| json!({"Attributes": with_id(item)});
    for (return_values, expected) in [
        (Value::Null, json!({})),
        (json!("NONE"), json!({})),
        (json!("ALL_OLD"), attributes(&old())),
    ] {
        let put = put(&new(), &json!({"ReturnValues": return_values}));
        assert_eq!(table(Some(&old())).call("PutItem", &put), (200, expected));
        assert_eq!(table(None).call("PutItem", &put), (200, json!({})));
    }
    for (return_values, expected) in [
        ("NONE", json!({})),
        ("ALL_OLD", attributes(&old())),
        ("ALL_NEW", attributes(&new())),
    ] {
        let update = request(&json!({
            "UpdateExpression": "SET a = :a REMOVE b",
            "ExpressionAttributeValues": {":a": {"N": "2"}},
            "ReturnValues": return_values,
        }));
        assert_eq!(
            table(Some(&old())).call("UpdateItem", &update),
            (200, expected)
        );
    }
}

#[test]
fn a_failed_condition_changes_nothing_and_returns_the_item_if_asked() {
    let failure = |item: Option<Value>| {
        let mut failure = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed",
        });
        if let Some(item) = item {
            failure["Item"] = item;
        }
        (400, failure)
    };
    for (on_failure, item, returned) in [
        (json!("ALL_OLD"), Some(old()), Some(with_id(&old()))),
        (json!("ALL_OLD"), None, None),
        (json!("NONE"), Some(old()), None),
        (Value::Null, Some(old()), None),
    ] {
        let parameters = json!({
            "ConditionExpression": "a = :a",
            "ExpressionAttributeValues": {":a": {"N": "7"}},
            "ReturnValuesOnConditionCheckFailure": on_failure,
            "ReturnValues": "ALL_OLD",
        });
        let table = table(item.as_ref());
        for (operation, request) in [
            ("PutItem", put(&new(), &parameters)),
            ("UpdateItem", request(&parameters)),
            ("DeleteItem", request(&parameters)),
        ] {
            assert_eq!(table.call(operation, &request), failure(returned.clone()));
        }
        assert_eq!(table.item(TABLE, "id"), item.as_ref().map(with_id));
    }
}

#[test]
fn every_placeholder_has_to_be_defined_and_used() {
    let a = json!({"N": "1"});
    for (parameters, reason) in [
        (
            json!({"ExpressionAttributeValues": {":a": a}}),
            "can only be specified when using expressions",
        ),
        (
            json!({"ExpressionAttributeNames": {"#a": "a"}}),
            "can only be specified when using expressions",
        ),
        (
            json!({"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeValues": {}}),
            "ExpressionAttributeValues must not be empty",
        ),
        (
            json!({"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeNames": {}}),
            "ExpressionAttributeNames must not be empty",
        ),
        (
            // `:a` is not used by being a part of `:ab`
            json!({"ConditionExpression": "a = :ab", "ExpressionAttributeValues": {":a": a, ":ab": a, ":b": a}}),
            "ExpressionAttributeValues unused in expressions: keys: {:a, :b}",
        ),
        (
            json!({"ConditionExpression": "a = a_2", "ExpressionAttributeNames": {"#a": "a"}}),
            "ExpressionAttributeNames unused in expressions: keys: {#a}",
        ),
        (
            json!({"ConditionExpression": "a = :a", "ExpressionAttributeValues": {":a": a, "b": a}}),
            "ExpressionAttributeValues contains invalid key: Syntax error; key: \"b\"",
        ),
        (
            json!({"ConditionExpression": "a = :a", "ExpressionAttributeValues": {":a": {"SS": []}}}),
            "may not be empty",
        ),
    ] {
        assert_refused(
            table(None).call("PutItem", &put(&old(), &parameters)),
            reason,
        );
        assert_refused(
            table(None).call("DeleteItem", &request(&parameters)),
            reason,
        );
        assert_refused(
            table(None).call("UpdateItem", &request(&parameters)),
            reason,
        );
    }
    // one that condition and update share is used
    let update = request(&json!({
        "ConditionExpression": "#a <> :a",
        "UpdateExpression": "SET #a = :a",
        "ExpressionAttributeNames": {"#a": "a"},
        "ExpressionAttributeValues": {":a": {"N": "1"}},
    }));
    assert_eq!(table(None).call("UpdateItem", &update).0, 200);
}

#[test]
fn a_key_is_one_text_that_is_not_empty() {
    for key in [
        json!({}),
        json!({"id": {"N": "1"}}),
        json!({"name": {"S": "id"}}),
        json!({"id": {"S": "id"}, "name": {"S": "id"}}),
    ] {
        for operation in ["GetItem", "UpdateItem", "DeleteItem"] {
            let request = json!({"TableName": TABLE, "Key": key});
            let answer = table(None).call(operation, &request);
            assert_refused(answer, "key element does not match the schema");
        }
    }
    for (item, reason) in [
        (json!({"a": {"S": "x"}}), "Missing the key id"),
        (json!({"id": {"N": "1"}}), "expected: S actual: N"),
        (
            json!({"id": {"S": ""}}),
            "cannot contain an empty string value",
        ),
    ] {
        let put = json!({"TableName": TABLE, "Item": item});
        assert_refused(table(None).call("PutItem", &put), reason);
    }
    let empty = json!({"TableName": TABLE, "Key": {"id": {"S": ""}}});
    assert_refused(table(None).call("GetItem", &empty), "empty string value");
}

#[test]
fn refuses_requests_without_table_or_key_and_with_unknown_choices() {
    let key = json!({"id": {"S": "id"}});
    for (operation, request, reason) in [
        ("GetItem", json!({"Key": key}), "Value null at 'TableName'"),
        (
            "GetItem",
            json!({"TableName": TABLE}),
            "Value null at 'Key'",
        ),
        (
            "PutItem",
            json!({"TableName": TABLE}),
            "Value null at 'Item'",
        ),
        (
            "DeleteItem",
            request(&json!({"ReturnValues": "ALL_NEW"})),
            "Value 'ALL_NEW'",
        ),
        (
            "PutItem",
            put(&old(), &json!({"ReturnValues": "UPDATED_NEW"})),
            "Value 'UPDATED_NEW'",
        ),
        (
            "UpdateItem",
            request(&json!({"ReturnValues": "all_old"})),
            "Value 'all_old'",
        ),
        (
            "DeleteItem",
            request(&json!({"ReturnValuesOnConditionCheckFailure": "ALL_NEW"})),
            "Value 'ALL_NEW'",
        ),
    ] {
        assert_refused(table(None).call(operation, &request), reason);
    }
    let (status, answer) = table(None).call("GetItem", &request(&json!({"TableName": 1})));
    let serialization = "com.amazon.coral.service#SerializationException";
    assert_eq!((status, &answer["__type"]), (400, &json!(serialization)));
}

#[test]
fn what_is_not_supported_ends_in_a_panic_that_names_it() {
    let update = |expression: &str| request(&json!({"UpdateExpression": expression}));
    let delete = |condition: &str| request(&json!({"ConditionExpression": condition}));
    for (operation, request, named) in [
        ("Query", json!({"TableName": TABLE}), "the operation Query"),
        (
            "GetItem",
            request(&json!({"ProjectionExpression": "a"})),
            "the parameter ProjectionExpression",
        ),
        (
            "UpdateItem",
            request(&json!({"ReturnValues": "UPDATED_NEW"})),
            "ReturnValues=UPDATED_NEW",
        ),
        ("UpdateItem", update("ADD a :a"), "ADD"),
        ("UpdateItem", update("DELETE a :a"), "DELETE"),
        (
            "UpdateItem",
            update("SET a = list_append(a, b)"),
            "list_append",
        ),
        ("UpdateItem", update("SET a = (b)"), "parentheses"),
        ("UpdateItem", update("REMOVE a[0]"), "paths into a document"),
        ("DeleteItem", delete("a.b = c"), "paths into a document"),
        ("DeleteItem", delete("size(a) = b"), "the function size"),
        (
            "DeleteItem",
            delete("contains(a, b)"),
            "the function contains",
        ),
    ] {
        let table = table(Some(&old()));
        let call = AssertUnwindSafe(|| table.call(operation, &request));
        let panic = catch_unwind(call).expect_err(named);
        let message = panic.downcast_ref::<String>().expect("a message");
        assert!(message.contains(named), "{named}: {message}");
        assert_eq!(table.item(TABLE, "id"), Some(with_id(&old())));
    }
}

#[test]
fn no_write_is_lost_between_threads() {
    let table = Arc::new(InMemoryDynamoDb::new());
    let increment = request(&json!({
        "UpdateExpression": "SET a = if_not_exists(a, :zero) + :one",
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":one": {"N": "1"}},
    }));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..250 {
                    assert_eq!(table.call("UpdateItem", &increment).0, 200);
                }
            });
        }
    });
    let expected = with_id(&json!({"a": {"N": "1000"}}));
    assert_eq!(table.item(TABLE, "id"), Some(expected));
}
