//! The operations that `token_store.rs` and `published_states.rs` send, on items of any shape.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure as OnFailure};
use fastrand::Rng;

use super::operation::{Item, Kind, Operation};
use super::values::{any, number, short_number, text};

/// The attributes of a stored token.
const OF_A_TOKEN: [&str; 4] = ["access_token", "token_type", "expires_at", "obtained_at"];

const FREE: &str =
    "(attribute_not_exists(claimed_until) OR claimed_until < :now OR claimed_by = :me)";

pub fn draw(random: &mut Rng, id: &str) -> Operation {
    match random.u8(..8) {
        0 => store_token(random, id, false),
        1 => store_token(random, id, true),
        2 => replace_malformed_token(random, id),
        3 | 4 => claim(random, id),
        5 => remember(random, id),
        6 => release(random, id),
        _ => end_lease(id),
    }
}

fn store_token(random: &mut Rng, id: &str, replaces_refused: bool) -> Operation {
    let mut put = Operation::new(Kind::Put, id);
    let expires_at = short_number(random);
    put.item.extend([
        ("access_token".into(), text(random)),
        ("token_type".into(), AttributeValue::S("bearer".into())),
        ("expires_at".into(), expires_at.clone()),
        ("obtained_at".into(), short_number(random)),
    ]);
    let mut condition = "attribute_not_exists(id) OR expires_at <= :expires_at".to_owned();
    let mut values = Item::from([(":expires_at".into(), expires_at)]);
    if replaces_refused {
        condition.push_str(" OR access_token = :refused");
        values.insert(":refused".into(), text(random));
    }
    with_condition(put, condition, values)
}

/// Puts an item if the stored one is still the one that was read, in which attributes may be missing or of any type.
fn replace_malformed_token(random: &mut Rng, id: &str) -> Operation {
    let mut values = Item::new();
    let same = OF_A_TOKEN.map(|name| {
        if random.bool() {
            return format!("attribute_not_exists({name})");
        }
        values.insert(format!(":{name}"), any(random));
        format!("{name} = :{name}")
    });
    with_condition(Operation::new(Kind::Put, id), same.join(" AND "), values)
}

fn claim(random: &mut Rng, id: &str) -> Operation {
    let mut update = Operation::new(Kind::Update, id);
    update.update = Some(
        "SET claimed_by = :me, claimed_until = :until, expires_at = if_not_exists(expires_at, :expires_at)".into(),
    );
    let mut values = Item::from([
        (":me".into(), text(random)),
        (":now".into(), short_number(random)),
        (":until".into(), short_number(random)),
        (":expires_at".into(), short_number(random)),
        (":body_hash".into(), text(random)),
    ]);
    let novel = if random.bool() {
        values.insert(":updated_at".into(), number(random));
        "(attribute_not_exists(updated_at) OR updated_at < :updated_at \
         OR (updated_at = :updated_at AND body_hash <> :body_hash))"
    } else {
        "(attribute_not_exists(undated_body_hash) OR undated_body_hash <> :body_hash)"
    };
    with_condition(update, format!("{FREE} AND {novel}"), values)
}

fn remember(random: &mut Rng, id: &str) -> Operation {
    let mut update = Operation::new(Kind::Update, id);
    let mut values = Item::from([
        (":me".into(), text(random)),
        (":body_hash".into(), text(random)),
        (":expires_at".into(), short_number(random)),
    ]);
    let (set, novel) = if random.bool() {
        values.insert(":updated_at".into(), number(random));
        (
            "SET updated_at = :updated_at, body_hash = :body_hash, expires_at = :expires_at",
            " AND (attribute_not_exists(updated_at) OR updated_at <= :updated_at)",
        )
    } else {
        (
            "SET undated_body_hash = :body_hash, expires_at = :expires_at",
            "",
        )
    };
    update.update = Some(format!("{set} REMOVE claimed_by, claimed_until"));
    with_condition(update, format!("claimed_by = :me{novel}"), values)
}

fn release(random: &mut Rng, id: &str) -> Operation {
    let mut update = Operation::new(Kind::Update, id);
    update.update = Some("REMOVE claimed_by, claimed_until".into());
    let values = Item::from([(":me".into(), text(random))]);
    with_condition(update, "claimed_by = :me".into(), values)
}

/// As a trial does it to play what happens after a crash.
fn end_lease(id: &str) -> Operation {
    let mut update = Operation::new(Kind::Update, id);
    update.update = Some("SET claimed_until = :past".into());
    let past = AttributeValue::N("0".into());
    update.values = Some(Item::from([(":past".into(), past)]));
    update
}

fn with_condition(mut operation: Operation, condition: String, values: Item) -> Operation {
    operation.condition = Some(condition);
    operation.values = (!values.is_empty()).then_some(values);
    operation.on_failure = Some(OnFailure::AllOld);
    operation
}
