//! The values of attributes, and how DynamoDB writes them in JSON: `{"S": "text"}`, `{"N": "1"}`, ...
//!
//! Follows <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html>.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_types::base64;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::number::Number;

/// The attributes of an item by their names.
pub(crate) type Item = BTreeMap<String, AttributeValue>;

/// The value of an attribute. Two sets with the same members are equal, whatever their order, as in DynamoDB.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttributeValue {
    S(String),
    N(Number),
    B(Vec<u8>),
    Bool(bool),
    Null,
    L(Vec<AttributeValue>),
    M(Item),
    Ss(BTreeSet<String>),
    Ns(BTreeSet<Number>),
    Bs(BTreeSet<Vec<u8>>),
}

/// The names of all types.
pub(crate) const TYPES: [&str; 10] = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];

impl AttributeValue {
    pub(crate) fn from_json(value: &Value) -> Result<Self, Error> {
        let members = object(value)?;
        let mut known = members
            .iter()
            .filter(|(name, _)| TYPES.contains(&name.as_str()));
        let refusal = |problem| {
            Err(Error::validation(format!(
                "Supplied AttributeValue {problem}, must contain exactly one of the supported datatypes"
            )))
        };
        let (type_name, value) = match (known.next(), known.next()) {
            (Some(only), None) => only,
            (None, _) => return refusal("is empty"),
            (Some(_), Some(_)) => return refusal("has more than one datatypes set"),
        };
        Ok(match type_name.as_str() {
            "S" => Self::S(text(value)?.to_owned()),
            "N" => Self::N(number(value)?),
            "B" => Self::B(bytes(value)?),
            "BOOL" => Self::Bool(value.as_bool().ok_or_else(|| unexpected("BOOL"))?),
            "NULL" if *value == Value::Bool(true) => Self::Null,
            "NULL" => {
                return Err(Error::validation(
                    "One or more parameter values were invalid: Null attribute value types must have the value of true",
                ));
            }
            "L" => Self::L(
                list(value)?
                    .iter()
                    .map(Self::from_json)
                    .collect::<Result<_, _>>()?,
            ),
            "M" => Self::M(item_from_json(value)?),
            "SS" => Self::Ss(set(value, "string", |member| Ok(text(member)?.to_owned()))?),
            "NS" => Self::Ns(set(value, "number", number)?),
            "BS" => Self::Bs(set(value, "binary", bytes)?),
            other => unreachable!("{other} is no type"),
        })
    }

    pub(crate) fn to_json(&self) -> Value {
        let value = match self {
            Self::S(text) => json!(text),
            Self::N(number) => json!(number.to_string()),
            Self::B(bytes) => json!(base64::encode(bytes)),
            Self::Bool(value) => json!(value),
            Self::Null => json!(true),
            Self::L(values) => values.iter().map(Self::to_json).collect(),
            Self::M(values) => item_to_json(values),
            Self::Ss(texts) => json!(texts),
            Self::Ns(set) => set.iter().map(Number::to_string).collect(),
            Self::Bs(set) => set.iter().map(base64::encode).collect(),
        };
        json!({ self.type_name(): value })
    }

    /// The type as `attribute_type` and the JSON name it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::L(_) => "L",
            Self::M(_) => "M",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// The order of two values. Only two texts, two numbers or two binary values have one.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::S(left), Self::S(right)) => Some(left.cmp(right)),
            (Self::N(left), Self::N(right)) => Some(left.cmp(right)),
            (Self::B(left), Self::B(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }

    /// Whether values of this type have an order.
    pub(crate) fn is_ordered(&self) -> bool {
        matches!(self, Self::S(_) | Self::N(_) | Self::B(_))
    }
}

pub(crate) fn item_from_json(value: &Value) -> Result<Item, Error> {
    let attribute =
        |(name, value): (&String, &Value)| Ok((name.clone(), AttributeValue::from_json(value)?));
    object(value)?.iter().map(attribute).collect()
}

pub(crate) fn item_to_json(item: &Item) -> Value {
    let attribute = |(name, value): (&String, &AttributeValue)| (name.clone(), value.to_json());
    Value::Object(item.iter().map(attribute).collect())
}

pub(crate) fn object(value: &Value) -> Result<&Map<String, Value>, Error> {
    value.as_object().ok_or_else(|| unexpected("map"))
}

pub(crate) fn text(value: &Value) -> Result<&str, Error> {
    value.as_str().ok_or_else(|| unexpected("string"))
}

fn list(value: &Value) -> Result<&Vec<Value>, Error> {
    value.as_array().ok_or_else(|| unexpected("list"))
}

fn unexpected(wanted: &str) -> Error {
    Error::Serialization(format!("a value is no {wanted}"))
}

fn number(value: &Value) -> Result<Number, Error> {
    Number::parse(text(value)?).map_err(|error| Error::validation(error.to_string()))
}

fn bytes(value: &Value) -> Result<Vec<u8>, Error> {
    base64::decode(text(value)?).map_err(|_| unexpected("base64"))
}

fn set<T: Ord>(
    value: &Value,
    kind: &str,
    member: impl Fn(&Value) -> Result<T, Error>,
) -> Result<BTreeSet<T>, Error> {
    let members = list(value)?;
    let set = members
        .iter()
        .map(member)
        .collect::<Result<BTreeSet<_>, _>>()?;
    let problem = if members.is_empty() {
        format!("An {kind} set  may not be empty")
    } else if set.len() < members.len() {
        "Input collection contains duplicates.".to_owned()
    } else {
        return Ok(set);
    };
    Err(Error::validation(format!(
        "One or more parameter values were invalid: {problem}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: Value) -> AttributeValue {
        AttributeValue::from_json(&json).unwrap()
    }

    #[test]
    fn every_type_comes_back_as_it_went_in() {
        for json in [
            json!({"S": ""}),
            json!({"N": "-12.5"}),
            json!({"B": "AP8="}),
            json!({"BOOL": false}),
            json!({"NULL": true}),
            json!({"L": []}),
            json!({"L": [{"N": "1"}, {"S": "1"}]}),
            json!({"M": {"S": {"M": {}}}}),
            json!({"SS": ["a", "b"]}),
            json!({"NS": ["1", "2"]}),
            json!({"BS": ["AA==", "AP8="]}),
        ] {
            assert_eq!(value(json.clone()).to_json(), json);
        }
    }

    #[test]
    fn a_value_equals_another_one_of_its_type_and_content() {
        for (left, right) in [
            (json!({"N": "1"}), json!({"N": "1.0"})),
            (json!({"SS": ["a", "b"]}), json!({"SS": ["b", "a"]})),
            (json!({"NS": ["1", "2"]}), json!({"NS": ["2.0", "1E0"]})),
            (
                json!({"L": [{"N": "1"}, {"NS": ["1", "2"]}]}),
                json!({"L": [{"N": "1.0"}, {"NS": ["2", "1"]}]}),
            ),
        ] {
            assert_eq!(value(left), value(right));
        }
        for (left, right) in [
            (json!({"S": "1"}), json!({"N": "1"})),
            (json!({"S": "AA=="}), json!({"B": "AA=="})),
            (json!({"SS": ["1"]}), json!({"NS": ["1"]})),
            (json!({"BOOL": true}), json!({"NULL": true})),
            (
                json!({"L": [{"N": "1"}, {"N": "2"}]}),
                json!({"L": [{"N": "2"}, {"N": "1"}]}),
            ),
            (json!({"S": "a"}), json!({"S": "A"})),
        ] {
            assert_ne!(value(left), value(right));
        }
    }

    #[test]
    fn texts_and_bytes_are_ordered_by_their_bytes() {
        for (lesser, greater) in [
            (json!({"S": ""}), json!({"S": "a"})),
            (json!({"S": "Z"}), json!({"S": "a"})),
            (json!({"S": "a"}), json!({"S": "aa"})),
            (json!({"S": "z"}), json!({"S": "é"})),
            // 0x68 and 0xD0, whose order in base64 is the other way round
            (json!({"B": "aA=="}), json!({"B": "0A=="})),
            (json!({"N": "9"}), json!({"N": "10"})),
        ] {
            assert_eq!(value(lesser).order(&value(greater)), Some(Ordering::Less));
        }
        assert_eq!(
            value(json!({"S": "1"})).order(&value(json!({"N": "2"}))),
            None
        );
        let yes = value(json!({"BOOL": true}));
        assert_eq!(yes.order(&yes), None);
    }

    #[test]
    fn refuses_values_that_dynamodb_refuses() {
        for json in [
            json!({}),
            json!({"S": "a", "N": "1"}),
            json!({"X": "a"}),
            json!({"NULL": false}),
            json!({"N": "one"}),
            json!({"SS": []}),
            json!({"SS": ["a", "a"]}),
            json!({"NS": ["1", "1.0"]}),
            json!({"BS": ["AA==", "AA=="]}),
            json!({"L": [{}]}),
            json!({"M": {"a": {"N": ""}}}),
        ] {
            let refusal = AttributeValue::from_json(&json).unwrap_err();
            assert!(
                matches!(refusal, Error::Validation(_)),
                "{json}: {refusal:?}"
            );
        }
        for json in [
            json!("a"),
            json!({"N": 1}),
            json!({"BOOL": "true"}),
            json!({"B": "?"}),
            json!({"M": []}),
        ] {
            let refusal = AttributeValue::from_json(&json).unwrap_err();
            assert!(
                matches!(refusal, Error::Serialization(_)),
                "{json}: {refusal:?}"
            );
        }
    }
}
