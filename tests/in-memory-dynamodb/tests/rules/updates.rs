//! What `UpdateExpression` does.

use serde_json::{Value, json};

use crate::{assert_refused, error_type, request, table, with_id};

fn update(expression: &str, values: &Value) -> Value {
    request(&json!({
        "UpdateExpression": expression,
        "ExpressionAttributeValues": values,
        "ReturnValues": "ALL_NEW",
    }))
}

/// Checks what an update makes of an item; both are given without the id.
#[track_caller]
fn assert_updated(item: Option<&Value>, expression: &str, values: &Value, expected: &Value) {
    let table = table(item);
    let answer = table.call("UpdateItem", &update(expression, values));
    let expected = with_id(expected);
    assert_eq!(
        answer,
        (200, json!({"Attributes": expected})),
        "{expression}"
    );
    assert_eq!(table.item(crate::TABLE, "id"), Some(expected));
}

#[test]
fn set_changes_what_it_names_and_leaves_the_rest() {
    assert_updated(
        Some(&json!({"a": {"S": "old"}, "b": {"N": "1"}})),
        "SET a = :new, c = b",
        &json!({":new": {"BOOL": true}}),
        &json!({"a": {"BOOL": true}, "b": {"N": "1"}, "c": {"N": "1"}}),
    );
}

#[test]
fn an_update_creates_an_item_that_is_missing() {
    assert_updated(
        None,
        "set a = :new",
        &json!({":new": {"N": "01.50"}}),
        &json!({"a": {"N": "1.5"}}),
    );
    let table = table(None);
    let (status, _) = table.call("UpdateItem", &request(&json!({})));
    assert_eq!(status, 200);
    assert_eq!(table.item(crate::TABLE, "id"), Some(with_id(&json!({}))));
}

#[test]
fn an_update_that_only_removes_creates_nothing() {
    let table = table(None);
    let answer = table.call("UpdateItem", &update("REMOVE a", &Value::Null));
    assert_eq!(answer, (200, json!({})));
    assert_eq!(table.items(crate::TABLE).len(), 0);
}

#[test]
fn remove_takes_attributes_away_if_they_are_there() {
    assert_updated(
        Some(&json!({"a": {"S": "x"}, "b": {"S": "y"}, "c": {"S": "z"}})),
        "REMOVE a, gone, b",
        &Value::Null,
        &json!({"c": {"S": "z"}}),
    );
}

#[test]
fn what_an_update_reads_it_reads_before_it_writes() {
    assert_updated(
        Some(&json!({"a": {"N": "1"}, "b": {"N": "2"}})),
        "SET a = b, b = a REMOVE c",
        &Value::Null,
        &json!({"a": {"N": "2"}, "b": {"N": "1"}}),
    );
    assert_updated(
        Some(&json!({"a": {"N": "1"}})),
        "REMOVE a SET b = a",
        &Value::Null,
        &json!({"b": {"N": "1"}}),
    );
}

#[test]
fn if_not_exists_keeps_what_is_there() {
    let values = json!({":new": {"N": "5"}});
    for (expression, expected) in [
        ("SET a = if_not_exists(a, :new)", json!({"a": {"N": "1"}})),
        (
            "SET b = if_not_exists(b, :new)",
            json!({"a": {"N": "1"}, "b": {"N": "5"}}),
        ),
        (
            "SET b = if_not_exists(c, if_not_exists(a, :new))",
            json!({"a": {"N": "1"}, "b": {"N": "1"}}),
        ),
        (
            "SET b = if_not_exists(b, :new) + a",
            json!({"a": {"N": "1"}, "b": {"N": "6"}}),
        ),
    ] {
        let item = json!({"a": {"N": "1"}});
        assert_updated(Some(&item), expression, &values, &expected);
    }
}

#[test]
fn sums_and_differences_are_exact() {
    let item = json!({"a": {"N": "1795003200500000000"}});
    for (expression, expected) in [
        ("SET a = a + :step", "1795003200500000000.1"),
        ("SET a = a - :step", "1795003200499999999.9"),
        ("SET a = :step - a", "-1795003200499999999.9"),
        ("SET a = :step+:step", "0.2"),
    ] {
        let values = json!({":step": {"N": "0.1"}});
        let expected = json!({"a": {"N": expected}});
        assert_updated(Some(&item), expression, &values, &expected);
    }
}

#[test]
fn refuses_updates_that_make_no_sense_whatever_the_item_is() {
    for (expression, values, reason) in [
        ("", Value::Null, "The expression can not be empty"),
        (
            "a = :v",
            json!({":v": {"N": "1"}}),
            "Syntax error; token: \"a\"",
        ),
        ("SET", Value::Null, "Syntax error; token: \"<EOF>\""),
        ("SET a", Value::Null, "Syntax error"),
        ("SET a = :v,", json!({":v": {"N": "1"}}), "Syntax error"),
        (
            "SET a = :v + :v + :v",
            json!({":v": {"N": "1"}}),
            "Syntax error; token: \"+\"",
        ),
        ("SET :v = :v", json!({":v": {"N": "1"}}), "Syntax error"),
        ("SET a = b c = d", Value::Null, "Syntax error; token: \"c\""),
        (
            "SET a = b SET c = d",
            Value::Null,
            "\"SET\" section can only be used once",
        ),
        (
            "REMOVE a REMOVE b",
            Value::Null,
            "\"REMOVE\" section can only be used once",
        ),
        (
            "SET a = b, a = c",
            Value::Null,
            "path one: [a], path two: [a]",
        ),
        (
            "SET a = b REMOVE a",
            Value::Null,
            "Two document paths overlap",
        ),
        ("SET state = b", Value::Null, "reserved keyword: state"),
        ("SET a = :v", Value::Null, "attribute value: :v"),
        ("SET #a = b", Value::Null, "attribute name: #a"),
        (
            "SET a = f(b)",
            Value::Null,
            "Invalid function name; function: f",
        ),
        (
            "SET a = attribute_exists(b)",
            Value::Null,
            "not allowed to be used this way",
        ),
        (
            "SET a = if_not_exists(b)",
            Value::Null,
            "number of operands: 1",
        ),
        (
            "SET a = if_not_exists(:v, b)",
            json!({":v": {"N": "1"}}),
            "requires a document path",
        ),
        (
            "SET a = b + :v",
            json!({":v": {"S": "1"}}),
            "operator or function: +, operand type: S",
        ),
        (
            "SET id = :v",
            json!({":v": {"S": "id"}}),
            "Cannot update attribute id",
        ),
        ("REMOVE id", Value::Null, "part of the key"),
    ] {
        // not even a condition that fails comes first
        let mut update = update(expression, &values);
        update["ConditionExpression"] = json!("attribute_exists(never)");
        assert_refused(table(None).call("UpdateItem", &update), reason);
    }
}

#[test]
fn refuses_updates_that_the_item_does_not_allow_and_leaves_it_alone() {
    let item = json!({"a": {"S": "1"}, "b": {"N": "9E125"}});
    for (expression, values, reason) in [
        (
            "SET c = gone",
            Value::Null,
            "attribute that does not exist in the item",
        ),
        (
            "SET c = :v, d = c",
            json!({":v": {"N": "1"}}),
            "attribute that does not exist in the item",
        ),
        (
            "SET c = gone + b",
            Value::Null,
            "attribute that does not exist in the item",
        ),
        ("SET c = a + b REMOVE a", Value::Null, "incorrect data type"),
        ("SET c = b + b", Value::Null, "Number overflow"),
    ] {
        let table = table(Some(&item));
        let before = table.item(crate::TABLE, "id");
        assert_refused(
            table.call("UpdateItem", &update(expression, &values)),
            reason,
        );
        assert_eq!(table.item(crate::TABLE, "id"), before);
        // the condition comes first
        let mut update = update(expression, &values);
        update["ConditionExpression"] = json!("attribute_not_exists(id)");
        let (_, answer) = table.call("UpdateItem", &update);
        assert_eq!(error_type(&answer), "ConditionalCheckFailedException");
    }
}
