//! What `ConditionExpression` says.

use serde_json::{Value, json};

use crate::{assert_refused, error_type, request, table};

/// The values that the conditions of these tests may use.
fn values() -> Value {
    json!({
        ":zero": {"N": "0"},
        ":one": {"N": "1.0"},
        ":two": {"N": "2"},
        ":text": {"S": "b"},
        ":later": {"S": "ba"},
        ":digit": {"S": "1"},
        ":bytes": {"B": "AP8="},
        ":byte": {"B": "AA=="},
        ":yes": {"BOOL": true},
        ":no": {"BOOL": false},
        ":null": {"NULL": true},
        ":list": {"L": [{"N": "1"}, {"S": "b"}]},
        ":map": {"M": {"a": {"N": "1"}}},
        ":texts": {"SS": ["b", "a"]},
        ":numbers": {"NS": ["2", "1"]},
        ":type_n": {"S": "N"},
        ":type_ss": {"S": "SS"},
        ":type_other": {"S": "DOG"},
    })
}

/// An item with an attribute of each type.
fn item() -> Value {
    json!({
        "amount": {"N": "1"},
        "larger": {"N": "2"},
        "text_1": {"S": "b"},
        "bytes_1": {"B": "AP8="},
        "flag": {"BOOL": true},
        "nothing": {"NULL": true},
        "list_1": {"L": [{"N": "1"}, {"S": "b"}]},
        "map_1": {"M": {"a": {"N": "1"}}},
        "texts": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1", "2"]},
        "status": {"S": "b"},
    })
}

/// A delete with a condition; it gets those of the values that the condition uses.
fn delete(condition: &str) -> Value {
    let is_used = |name: &str| {
        let mut words =
            condition.split(|char: char| !(char.is_alphanumeric() || "_:#".contains(char)));
        words.any(|word| word == name)
    };
    let used = |map: Value| -> Value {
        let entries = map.as_object().unwrap().clone().into_iter();
        let used: serde_json::Map<_, _> = entries.filter(|(name, _)| is_used(name)).collect();
        if used.is_empty() {
            Value::Null
        } else {
            used.into()
        }
    };
    request(&json!({
        "ConditionExpression": condition,
        "ExpressionAttributeNames": used(json!({"#status": "status", "#1": "amount", "#none": "none"})),
        "ExpressionAttributeValues": used(values()),
    }))
}

#[track_caller]
fn holds_for(item: Option<&Value>, condition: &str) -> bool {
    let (status, answer) = table(item).call("DeleteItem", &delete(condition));
    match (status, error_type(&answer)) {
        (200, "") => true,
        (400, "ConditionalCheckFailedException") => false,
        _ => panic!("{condition}: {answer}"),
    }
}

#[track_caller]
fn assert_hold(conditions: &[&str]) {
    for condition in conditions {
        assert!(holds_for(Some(&item()), condition), "{condition}");
        let opposite = format!("NOT ({condition})");
        assert!(!holds_for(Some(&item()), &opposite), "{opposite}");
    }
}

#[track_caller]
fn assert_fail(conditions: &[&str]) {
    for condition in conditions {
        assert!(!holds_for(Some(&item()), condition), "{condition}");
        let opposite = format!("NOT ({condition})");
        assert!(holds_for(Some(&item()), &opposite), "{opposite}");
    }
}

#[test]
fn equality_is_of_type_and_content() {
    assert_hold(&[
        "amount = :one",
        ":one = amount",
        "text_1 = :text",
        "bytes_1 = :bytes",
        "flag = :yes",
        "nothing = :null",
        "list_1 = :list",
        "map_1 = :map",
        "texts = :texts",
        "numbers = :numbers",
        "amount <> :two",
        "amount <> larger",
        "flag <> :no",
        "amount <> :digit",
        "texts <> :numbers",
        "nothing <> :no",
    ]);
    assert_fail(&[
        "amount = :two",
        "amount = :digit",
        "amount = larger",
        "flag = :no",
        "amount <> :one",
        "texts <> :texts",
    ]);
}

#[test]
fn numbers_texts_and_bytes_have_an_order() {
    assert_hold(&[
        "amount < :two",
        "amount <= :one",
        "amount <= :two",
        "amount > :zero",
        "amount >= :one",
        ":two > amount",
        "amount < larger",
        "text_1 < :later",
        "text_1 >= :text",
        "bytes_1 > :byte",
        "bytes_1 <= :bytes",
    ]);
    assert_fail(&[
        "amount < :one",
        "amount <= :zero",
        "amount > :one",
        "amount >= :two",
        "text_1 > :later",
        "bytes_1 < :byte",
    ]);
}

#[test]
fn values_of_different_types_have_no_order() {
    for comparator in ["<", "<=", ">", ">="] {
        assert_fail(&[
            &format!("amount {comparator} :digit"),
            &format!("text_1 {comparator} :one"),
            &format!("text_1 {comparator} :bytes"),
            &format!("amount {comparator} text_1"),
            // of the same type, which has none
            &format!("flag {comparator} nothing"),
            &format!("list_1 {comparator} map_1"),
        ]);
    }
    assert_fail(&[
        "amount BETWEEN :digit AND :text",
        "flag BETWEEN :zero AND :two",
    ]);
}

#[test]
fn a_missing_attribute_equals_nothing_and_has_no_order() {
    assert_hold(&[
        "gone <> :one",
        ":one <> gone",
        "gone <> unset",
        "gone <> :null",
    ]);
    assert_fail(&[
        "gone = :one",
        "gone = unset",
        "gone = :null",
        "gone < :one",
        "gone <= unset",
        ":one > gone",
        "gone >= :one",
        "gone BETWEEN :zero AND :two",
        "amount BETWEEN gone AND :two",
        "gone IN (:one, unset)",
        "begins_with(gone, :text)",
        "attribute_type(gone, :type_n)",
    ]);
}

#[test]
fn an_item_that_does_not_exist_has_no_attributes() {
    assert!(holds_for(
        None,
        "attribute_not_exists(id) AND amount <> :one"
    ));
    assert!(!holds_for(None, "attribute_exists(id)"));
    assert!(holds_for(Some(&item()), "attribute_exists(id)"));
}

#[test]
fn between_includes_its_bounds() {
    assert_hold(&[
        "amount BETWEEN :one AND :two",
        "larger BETWEEN :one AND :two",
        "amount BETWEEN :one AND :one",
        "text_1 BETWEEN :text AND :later",
        ":one BETWEEN amount AND larger",
    ]);
    assert_fail(&[
        "larger BETWEEN :zero AND :one",
        "amount BETWEEN larger AND :two",
        // in the wrong order, which is no error as long as one bound is an attribute
        "amount BETWEEN larger AND :zero",
    ]);
}

#[test]
fn in_looks_for_an_equal_value_of_any_type() {
    assert_hold(&[
        "amount IN (:one)",
        "amount IN (:text, :one)",
        "texts IN (:numbers, :texts)",
        "amount IN (larger, unset, :one)",
    ]);
    assert_fail(&["amount IN (:text, :two)", "amount IN (larger)"]);
}

#[test]
fn functions_ask_for_presence_type_and_beginning() {
    assert_hold(&[
        "attribute_exists(nothing)",
        "attribute_exists (flag)",
        "attribute_not_exists(gone)",
        "attribute_type(amount, :type_n)",
        "attribute_type(texts, :type_ss)",
        "attribute_type(:one, :type_n)",
        "begins_with(text_1, :text)",
        "begins_with(:later, text_1)",
        "begins_with(bytes_1, :byte)",
    ]);
    assert_fail(&[
        "attribute_exists(gone)",
        "attribute_not_exists(nothing)",
        "attribute_type(amount, :type_ss)",
        "begins_with(text_1, :later)",
        "begins_with(text_1, :byte)",
        "begins_with(amount, :digit)",
    ]);
}

#[test]
fn not_binds_closest_then_and_then_or() {
    let (yes, no) = ("flag = :yes", "flag = :no");
    assert_hold(&[
        &format!("{yes} OR {no} AND {no}"),
        &format!("{no} AND {no} OR {yes}"),
        &format!("NOT {no} OR {yes}"),
        &format!("NOT {no} AND {yes}"),
        &format!("NOT NOT {yes}"),
        &format!("NOT ({yes} AND {no})"),
        &format!("({no} OR {yes}) AND ({yes} OR {no})"),
        "amount BETWEEN :one AND :two AND flag = :yes",
    ]);
    assert_fail(&[
        &format!("({yes} OR {no}) AND {no}"),
        &format!("NOT {yes} AND {no}"),
        &format!("NOT {yes} OR {no}"),
        &format!("NOT ({no} OR {yes})"),
    ]);
}

#[test]
fn keywords_may_be_in_any_case_and_whitespace_is_ignored() {
    assert_hold(&[
        "not flag=:no aNd amount between :one and :two",
        "amount\n in(:one)\tOr flag=:no",
    ]);
}

#[test]
fn placeholders_stand_for_any_name() {
    assert_hold(&[
        "#status = :text",
        "#1 = :one",
        "attribute_not_exists(#none)",
    ]);
}

#[test]
fn refuses_conditions_that_make_no_sense_whatever_the_item_is() {
    for (condition, reason) in [
        ("", "The expression can not be empty"),
        (" ", "The expression can not be empty"),
        ("amount", "Syntax error; token: \"<EOF>\""),
        ("amount = ", "Syntax error"),
        (
            "amount :one",
            "Syntax error; token: \":one\", near: \"amount :one\"",
        ),
        ("amount == :one", "Syntax error; token: \"=\""),
        ("amount != :one", "Syntax error; token: \"!\""),
        ("amount = 1", "Syntax error; token: \"1\""),
        ("_number = :one", "Syntax error; token: \"_\""),
        ("(amount = :one", "Syntax error; token: \"<EOF>\""),
        ("amount = :one)", "Syntax error; token: \")\""),
        ("amount = :one AND", "Syntax error"),
        (
            "amount = :one amount = :one",
            "Syntax error; token: \"amount\"",
        ),
        ("amount BETWEEN :one", "Syntax error"),
        ("amount IN ()", "Syntax error; token: \")\""),
        (
            "attribute_exists(amount) = :yes",
            "Syntax error; token: \"=\"",
        ),
        ("status = :text", "reserved keyword: status"),
        ("amount = :undefined", "attribute value: :undefined"),
        ("#undefined = :one", "attribute name: #undefined"),
        ("((amount = :one))", "redundant parentheses"),
        ("amount = amount", "operator: =, first operand: [amount]"),
        ("#1 < amount", "operator: <, first operand: [amount]"),
        ("begins_with(text_1, text_1)", "operator: begins_with"),
        (
            "amount < :yes",
            "operator or function: <, operand type: BOOL",
        ),
        (
            ":list >= amount",
            "operator or function: >=, operand type: L",
        ),
        (
            "amount BETWEEN :yes AND :yes",
            "operator or function: BETWEEN, operand type: BOOL",
        ),
        (
            "amount BETWEEN :two AND :one",
            "requires upper bound to be greater than or equal",
        ),
        ("amount BETWEEN :one AND :text", "requires same data type"),
        (
            "begins_with(text_1, :one)",
            "operator or function: begins_with, operand type: N",
        ),
        ("attribute_type(amount, :type_other)", "type: DOG"),
        (
            "attribute_type(amount, text_1)",
            "operator or function: attribute_type",
        ),
        ("attribute_exists(:one)", "requires a document path"),
        ("attribute_exists(amount, larger)", "number of operands: 2"),
        ("begins_with(text_1)", "number of operands: 1"),
        ("dog(amount)", "Invalid function name; function: dog"),
        ("ATTRIBUTE_EXISTS(amount)", "Invalid function name"),
        (
            "if_not_exists(amount, :one) = :one",
            "not allowed to be used this way",
        ),
        (
            "amount = attribute_exists(larger)",
            "not allowed to be used this way",
        ),
    ] {
        for item in [None, Some(&item())] {
            let answer = table(item).call("DeleteItem", &delete(condition));
            assert_refused(answer.clone(), reason);
            assert_refused(answer, "Invalid ConditionExpression: ");
        }
    }
}

#[test]
fn an_error_behind_a_decided_or_is_found_too() {
    let condition = "attribute_exists(id) OR amount = :undefined";
    let answer = table(Some(&item())).call("DeleteItem", &delete(condition));
    assert_refused(answer, ":undefined");
    assert!(holds_for(
        Some(&item()),
        "attribute_exists(id) OR #none = :one"
    ));
}
