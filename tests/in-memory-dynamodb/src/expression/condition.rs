//! What a condition says, and whether it holds for an item.

use std::cmp::Ordering;

use crate::attribute_value::{AttributeValue, Item};

/// A condition whose placeholders are resolved.
#[derive(Debug, PartialEq)]
pub(crate) enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    /// In parentheses.
    Group(Box<Condition>),
    Comparison(Operand, Comparator, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(String),
    NotExists(String),
    HasType(Operand, String),
    BeginsWith(Operand, Operand),
}

#[derive(Debug, PartialEq)]
pub(crate) enum Operand {
    Attribute(String),
    Value(AttributeValue),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Comparator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// Whether the condition holds for an item; an item that does not exist has no attributes.
    pub(crate) fn holds(&self, item: &Item) -> bool {
        match self {
            Self::Or(left, right) => left.holds(item) || right.holds(item),
            Self::And(left, right) => left.holds(item) && right.holds(item),
            Self::Not(condition) => !condition.holds(item),
            Self::Group(condition) => condition.holds(item),
            Self::Comparison(left, comparator, right) => {
                comparator.holds(left.value(item), right.value(item))
            }
            Self::Between(operand, low, high) => {
                let value = operand.value(item);
                Comparator::GreaterOrEqual.holds(value, low.value(item))
                    && Comparator::LessOrEqual.holds(value, high.value(item))
            }
            Self::In(operand, candidates) => {
                let value = operand.value(item);
                let mut candidates = candidates.iter();
                candidates.any(|candidate| Comparator::Equal.holds(value, candidate.value(item)))
            }
            Self::Exists(name) => item.contains_key(name),
            Self::NotExists(name) => !item.contains_key(name),
            Self::HasType(operand, wanted) => operand
                .value(item)
                .is_some_and(|value| value.type_name() == wanted),
            Self::BeginsWith(operand, start) => match (operand.value(item), start.value(item)) {
                (Some(AttributeValue::S(text)), Some(AttributeValue::S(start))) => {
                    text.starts_with(start)
                }
                (Some(AttributeValue::B(bytes)), Some(AttributeValue::B(start))) => {
                    bytes.starts_with(start)
                }
                _ => false,
            },
        }
    }
}

impl Operand {
    fn value<'v>(&'v self, item: &'v Item) -> Option<&'v AttributeValue> {
        match self {
            Self::Attribute(name) => item.get(name),
            Self::Value(value) => Some(value),
        }
    }
}

impl Comparator {
    pub(super) const SYMBOLS: [(&'static str, Self); 6] = [
        ("=", Self::Equal),
        ("<>", Self::NotEqual),
        ("<", Self::Less),
        ("<=", Self::LessOrEqual),
        (">", Self::Greater),
        (">=", Self::GreaterOrEqual),
    ];

    /// A missing attribute is equal to nothing, not even to another missing one, and neither less nor greater.
    fn holds(self, left: Option<&AttributeValue>, right: Option<&AttributeValue>) -> bool {
        let (Some(left), Some(right)) = (left, right) else {
            return self == Self::NotEqual;
        };
        let order = left.order(right);
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => order == Some(Ordering::Less),
            Self::LessOrEqual => order.is_some_and(Ordering::is_le),
            Self::Greater => order == Some(Ordering::Greater),
            Self::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }

    /// Whether this asks for an order and not only for equality.
    pub(super) fn needs_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }
}
