//! Operations that are refused, whatever the item is.
//!
//! AWS refuses more than the local AWS does. The local AWS accepts the following, so only the tests of the package
//! `in-memory-dynamodb` cover them:
//!
//! - in a condition: an attribute compared with itself; `<` and the like with a value that has no order; bounds of
//!   different types; a type that `attribute_type` does not know;
//! - in an update: the same target or the same section twice; `+` with three operands, or with a text; any error at all
//!   if the condition does not hold, because the local AWS looks at the condition first;
//! - in both: unknown functions, functions in upper case, a name that begins with `_`;
//! - an unused placeholder whose name is the beginning of another one's; an unknown
//!   `ReturnValuesOnConditionCheckFailure`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use fastrand::Rng;

use super::operation::{Item, Kind, Operation};
use super::values::pick;

/// Conditions that may use `:a` and `:b`, 1 and 2.
const CONDITIONS: [&str; 16] = [
    "",
    " ",
    "a",
    "a =",
    "a :a",
    "a = :a )",
    "(a = :a",
    "a = :a AND",
    "a = :a b = :a",
    "a BETWEEN :a",
    "a IN ()",
    "a BETWEEN :b AND :a",
    "((a = :a))",
    "attribute_exists(:a)",
    "status = :a",
    "#undefined = :undefined",
];

/// Updates that may use `:a` and `:b`.
const UPDATES: [&str; 6] = [
    "",
    "a = :a",
    "SET id = :a",
    "REMOVE id",
    "SET a = :undefined",
    "SET state = :a",
];

pub fn draw(random: &mut Rng, id: &str) -> Operation {
    let kinds = [Kind::Put, Kind::Update, Kind::Delete];
    let operation = Operation::new(pick(random, &kinds), id);
    match random.u8(..5) {
        0 => with_placeholders(operation, |operation| {
            operation.condition = Some(pick(random, &CONDITIONS).into());
        }),
        1 => with_placeholders(Operation::new(Kind::Update, id), |operation| {
            operation.update = Some(pick(random, &UPDATES).into());
        }),
        2 => with_wrong_placeholders(random, operation),
        3 => with_wrong_key(random, id),
        _ => with_wrong_item(random, id),
    }
}

/// Defines the placeholders that the expressions use.
fn with_placeholders(mut operation: Operation, set: impl FnOnce(&mut Operation)) -> Operation {
    set(&mut operation);
    let expressions = [&operation.condition, &operation.update];
    let uses = |placeholder: &str| {
        let mut expressions = expressions.into_iter().flatten();
        expressions.any(|expression| expression.contains(placeholder))
    };
    let used = [(":a", "1"), (":b", "2")].into_iter();
    let used = used.filter(|(placeholder, _)| uses(placeholder));
    let values: Item = used
        .map(|(placeholder, number)| (placeholder.to_owned(), AttributeValue::N(number.into())))
        .collect();
    operation.values = (!values.is_empty()).then_some(values);
    operation
}

fn with_wrong_placeholders(random: &mut Rng, mut operation: Operation) -> Operation {
    let condition = || Some("a <> :a".to_owned());
    let number = || AttributeValue::N("1".into());
    match random.u8(..6) {
        0 => {
            operation.condition = condition();
            operation.values = Some(Item::from([
                (":a".into(), number()),
                (":unused".into(), number()),
            ]));
        }
        1 => {
            operation.condition = Some("attribute_exists(a)".into());
            operation.names = Some(HashMap::from([("#unused".into(), "a".into())]));
        }
        2 => {
            operation.condition = Some("attribute_exists(a)".into());
            operation.values = Some(Item::new());
        }
        3 => {
            operation.condition = Some("attribute_exists(a)".into());
            operation.names = Some(HashMap::new());
        }
        4 => operation.values = Some(Item::from([(":a".into(), number())])),
        _ => operation.condition = condition(),
    }
    operation
}

fn with_wrong_key(random: &mut Rng, id: &str) -> Operation {
    let kinds = [Kind::Get, Kind::Put, Kind::Update, Kind::Delete];
    let mut operation = Operation::new(pick(random, &kinds), id);
    let key = match random.u8(..3) {
        0 => Some(AttributeValue::S(String::new())),
        1 => Some(AttributeValue::N("1".into())),
        _ => None,
    };
    match key {
        Some(key) => drop(operation.item.insert("id".into(), key)),
        None => drop(operation.item.remove("id")),
    }
    operation
}

fn with_wrong_item(random: &mut Rng, id: &str) -> Operation {
    let mut put = Operation::new(Kind::Put, id);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let wrong = match random.u8(..9) {
        0 => AttributeValue::N("one".into()),
        1 => AttributeValue::N("1E+126".into()),
        2 => AttributeValue::N("-1E-131".into()),
        3 => AttributeValue::N("3.14159265358979323846264338327950288419".into()),
        4 => AttributeValue::Ss(Vec::new()),
        5 => AttributeValue::Ss(texts(&["a", "b", "a"])),
        6 => AttributeValue::Ns(texts(&["1", "1.0"])),
        7 => AttributeValue::Null(false),
        _ => {
            put.return_values = Some(ReturnValue::AllNew);
            AttributeValue::Bool(true)
        }
    };
    put.item.insert("a".into(), wrong);
    put
}
