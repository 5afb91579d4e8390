//! Random values. They are few, so that two are often equal, and easy to confuse with each other.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use serde_json::Value;

/// The attributes. The first ones are those of our functions; the last one needs a placeholder.
pub const ATTRIBUTES: [&str; 11] = [
    "access_token",
    "token_type",
    "expires_at",
    "updated_at",
    "body_hash",
    "claimed_by",
    "claimed_until",
    "a",
    "b",
    "c",
    "state",
];

const TEXTS: [&str; 9] = ["", "1", "a", "ab", "b", "Z", "é", "\u{ffff}", "\u{1d11e}"];

/// Numbers from this index on are too long for the local AWS to calculate with.
const FIRST_LONG: usize = 10;

const NUMBERS: [&str; 17] = [
    "0",
    "-0.0",
    "1",
    "1.0",
    "10E-1",
    "+2",
    "-1",
    "0.1",
    "100",
    "1E2",
    "1795003200500000000",
    "1795003200500000001",
    "1795003200500000000.5",
    "99999999999999999999999999999999999999",
    "9.9E+125",
    "-9.9E+125",
    "1E-130",
];

const BLOBS: [&[u8]; 5] = [&[0], &[0x68], &[0xd0], &[0, 255], &[0, 255, 1]];

/// An item before an operation. It decides which operations the local AWS carries out as AWS does.
#[derive(Debug)]
pub struct Stored(Value);

impl Stored {
    pub fn new(item: Option<Value>) -> Self {
        Self(item.unwrap_or_default())
    }

    pub fn exists(&self) -> bool {
        !self.0.is_null()
    }

    pub fn has(&self, attribute: &str) -> bool {
        !self.0[attribute].is_null()
    }

    /// Whether an attribute has another type than this value.
    pub fn has_other_type(&self, attribute: &str, value: &AttributeValue) -> bool {
        let name = match value {
            AttributeValue::S(_) => "S",
            AttributeValue::N(_) => "N",
            _ => "B",
        };
        self.has(attribute) && self.0[attribute][name].is_null()
    }

    /// Whether the local AWS can calculate with an attribute: it rounds to 28 digits and takes anything that is no
    /// number for zero. A missing attribute is fine, because nothing is calculated then.
    pub fn is_short_number(&self, attribute: &str) -> bool {
        let number = self.0[attribute]["N"].as_str();
        !self.has(attribute) || number.is_some_and(|number| number.len() <= 12)
    }
}

pub fn pick<T: Clone>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(..values.len())].clone()
}

pub fn attribute(random: &mut Rng) -> &'static str {
    pick(random, &ATTRIBUTES)
}

pub fn text(random: &mut Rng) -> AttributeValue {
    AttributeValue::S(pick(random, &TEXTS).into())
}

pub fn number(random: &mut Rng) -> AttributeValue {
    AttributeValue::N(pick(random, &NUMBERS).into())
}

pub fn short_number(random: &mut Rng) -> AttributeValue {
    AttributeValue::N(pick(random, &NUMBERS[..FIRST_LONG]).into())
}

pub fn bytes(random: &mut Rng) -> AttributeValue {
    AttributeValue::B(Blob::new(pick(random, &BLOBS)))
}

/// A value of a type that has an order.
pub fn ordered(random: &mut Rng) -> AttributeValue {
    match random.u8(..4) {
        0 => text(random),
        1 => bytes(random),
        _ => number(random),
    }
}

/// A value of any type.
pub fn any(random: &mut Rng) -> AttributeValue {
    match random.u8(..16) {
        0 => AttributeValue::Bool(random.bool()),
        1 => AttributeValue::Null(true),
        2 => AttributeValue::L((0..random.usize(..3)).map(|_| ordered(random)).collect()),
        3 => AttributeValue::M(HashMap::from([
            ("a".into(), ordered(random)),
            ("S".into(), any(random)),
        ])),
        4 => AttributeValue::Ss(subset(random, &["a", "b", "é"])),
        // all different, because a set that holds a number twice is refused
        5 => AttributeValue::Ns(subset(random, &["1.0", "2", "-1", "1E2"])),
        6 => {
            let blobs = subset(random, &["a", "b", "c"]).into_iter();
            AttributeValue::Bs(blobs.map(Blob::new).collect())
        }
        _ => ordered(random),
    }
}

/// At least one of the members, in any order.
fn subset(random: &mut Rng, members: &[&str]) -> Vec<String> {
    let mut members = members.to_vec();
    random.shuffle(&mut members);
    members.truncate(random.usize(1..=members.len()));
    members.into_iter().map(ToOwned::to_owned).collect()
}
