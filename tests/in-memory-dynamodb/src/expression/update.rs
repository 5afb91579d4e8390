//! What an update says, and what it makes of an item.

use crate::attribute_value::{AttributeValue, Item};
use crate::error::Error;

/// An update whose placeholders are resolved.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Update {
    /// Attributes and what they are set to.
    pub(super) set: Vec<(String, SetValue)>,
    /// Attributes that are removed.
    pub(super) remove: Vec<String>,
}

#[derive(Debug, PartialEq)]
pub(super) enum SetValue {
    Operand(SetOperand),
    Sum(SetOperand, SetOperand),
    Difference(SetOperand, SetOperand),
}

#[derive(Debug, PartialEq)]
pub(super) enum SetOperand {
    Attribute(String),
    Value(AttributeValue),
    IfNotExists(String, Box<SetOperand>),
}

impl Update {
    /// Whether it only removes attributes; then an item that does not exist is not created.
    pub(crate) fn only_removes(&self) -> bool {
        self.set.is_empty() && !self.remove.is_empty()
    }

    /// The attributes that are set or removed.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &String> {
        self.set.iter().map(|(name, _)| name).chain(&self.remove)
    }

    /// The item after the update. Whatever is read is read before anything is written.
    pub(crate) fn apply(&self, item: &Item) -> Result<Item, Error> {
        let mut updated = item.clone();
        for (name, value) in &self.set {
            updated.insert(name.clone(), value.of(item)?);
        }
        for name in &self.remove {
            updated.remove(name);
        }
        Ok(updated)
    }
}

impl SetValue {
    fn of(&self, item: &Item) -> Result<AttributeValue, Error> {
        let number = |operand: &SetOperand| match operand.of(item)? {
            AttributeValue::N(number) => Ok(*number),
            _ => Err(Error::validation(
                "An operand in the update expression has an incorrect data type",
            )),
        };
        let result = match self {
            Self::Operand(operand) => return operand.of(item).cloned(),
            Self::Sum(left, right) => number(left)?.plus(number(right)?),
            Self::Difference(left, right) => number(left)?.minus(number(right)?),
        };
        result
            .map(AttributeValue::N)
            .map_err(|error| Error::validation(error.to_string()))
    }
}

impl SetOperand {
    fn of<'v>(&'v self, item: &'v Item) -> Result<&'v AttributeValue, Error> {
        match self {
            Self::Value(value) => Ok(value),
            Self::Attribute(name) => item.get(name).ok_or_else(|| {
                Error::validation(
                    "The provided expression refers to an attribute that does not exist in the item",
                )
            }),
            Self::IfNotExists(name, otherwise) => match item.get(name) {
                Some(value) => Ok(value),
                None => otherwise.of(item),
            },
        }
    }
}
