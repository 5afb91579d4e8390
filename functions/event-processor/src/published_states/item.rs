//! Reads an item of the table. It may have been written by us, by hand or by accident.

use std::collections::HashMap;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{LEASE, State, since_epoch};

/// Attributes by their names.
pub(super) type Item = HashMap<String, AttributeValue>;

/// How much the clocks of two executions may differ.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// All attributes except the key.
const ATTRIBUTES: [&str; 7] = [
    "updated_at",
    "body_hash",
    "undated_body_hash",
    "tried_updated_at",
    "claimed_by",
    "claimed_until",
    "expires_at",
];

/// An attribute has a type or a value that we never write.
struct Malformed;

type Field<T> = Result<Option<T>, Malformed>;

/// What an item says, as far as it can be read.
pub(super) struct StoredItem {
    item: Item,
    /// The newest state that has a date.
    dated: Field<State>,
    /// The hash of the latest state without a date.
    undated: Field<String>,
    /// The date of the newest state that anybody has claimed.
    tried: Field<Timestamp>,
    /// Whether an execution holds a lease.
    claimed: Field<bool>,
}

impl StoredItem {
    pub(super) fn read(item: Item, now: SystemTime) -> Self {
        Self {
            dated: dated(&item),
            undated: text(&item, "undated_body_hash").map(|hash| hash.map(str::to_owned)),
            tried: timestamp(&item, "tried_updated_at"),
            claimed: claimed(&item, since_epoch(now)),
            item,
        }
    }

    /// Says whether a newer state than `state` has been published.
    pub(super) fn is_newer_than(&self, state: &State) -> bool {
        match (&self.dated, state.updated_at) {
            (Ok(Some(stored)), Some(updated_at)) => stored.updated_at > Some(updated_at),
            _ => false,
        }
    }

    /// Says whether a newer state than `state` has been claimed, and nobody knows whether it was published.
    pub(super) fn overtakes(&self, state: &State) -> bool {
        let (Ok(Some(tried)), Some(updated_at)) = (&self.tried, state.updated_at) else {
            return false;
        };
        let is_settled = match &self.dated {
            Ok(Some(stored)) => stored.updated_at >= Some(*tried),
            _ => false,
        };
        *tried > updated_at && !is_settled
    }

    /// Says whether `state` has been published.
    pub(super) fn remembers(&self, state: &State) -> bool {
        match state.updated_at {
            Some(_) => matches!(&self.dated, Ok(Some(stored)) if stored == state),
            None => matches!(&self.undated, Ok(Some(hash)) if *hash == state.body_hash),
        }
    }

    /// Says whether an execution holds a lease.
    pub(super) fn is_claimed(&self) -> bool {
        matches!(self.claimed, Ok(Some(true)))
    }

    /// Says whether the item has attributes that we never write.
    pub(super) fn is_malformed(&self) -> bool {
        self.claimed.is_err() || self.tried.is_err() || !self.malformed_states().is_empty()
    }

    /// Returns the malformed attributes that describe states.
    pub(super) fn malformed_states(&self) -> Vec<&'static str> {
        let mut attributes = Vec::new();
        if self.dated.is_err() {
            attributes.extend(["updated_at", "body_hash"]);
        }
        if self.undated.is_err() {
            attributes.push("undated_body_hash");
        }
        attributes
    }

    /// Returns a condition that holds while nobody changes the item, and the values of its placeholders.
    pub(super) fn is_unchanged(&self) -> (String, Item) {
        let mut values = Item::new();
        let same = ATTRIBUTES.map(|name| match self.item.get(name) {
            None => format!("attribute_not_exists({name})"),
            Some(value) => {
                values.insert(format!(":stored_{name}"), value.clone());
                format!("{name} = :stored_{name}")
            }
        });
        (same.join(" AND "), values)
    }
}

fn dated(item: &Item) -> Field<State> {
    let Some(updated_at) = timestamp(item, "updated_at")? else {
        return Ok(None);
    };
    let body_hash = text(item, "body_hash")?.ok_or(Malformed)?;
    Ok(Some(State {
        updated_at: Some(updated_at),
        body_hash: body_hash.to_owned(),
    }))
}

fn timestamp(item: &Item, name: &str) -> Field<Timestamp> {
    let nanoseconds = number(item, name)?;
    let timestamp = nanoseconds.map(Timestamp::from_nanosecond).transpose();
    timestamp.map_err(|_| Malformed)
}

fn claimed(item: &Item, now: Duration) -> Field<bool> {
    text(item, "claimed_by")?;
    let Some(until) = number(item, "claimed_until")? else {
        return Ok(None);
    };
    let until = Duration::from_secs(until);
    if until > now + LEASE + CLOCK_TOLERANCE {
        return Err(Malformed);
    }
    // in whole seconds, like the condition of a claim
    Ok(Some(until.as_secs() >= now.as_secs()))
}

fn text<'i>(item: &'i Item, name: &str) -> Field<&'i str> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(Malformed),
    }
}

fn number<T: FromStr>(item: &Item, name: &str) -> Field<T> {
    match item.get(name) {
        None => Ok(None),
        Some(AttributeValue::N(number)) => number.parse().map(Some).map_err(|_| Malformed),
        Some(_) => Err(Malformed),
    }
}
