//! The JSON of a request, and the parameters that all operations have in common.

use serde_json::{Map, Value};

use crate::attribute_value::{AttributeValue, Item, item_from_json, object, text};
use crate::error::Error;

/// The key of every table.
pub(crate) const KEY: &str = "id";

/// The parameters of a request.
pub(crate) struct Request<'r> {
    parameters: &'r Map<String, Value>,
}

impl<'r> Request<'r> {
    /// A request with no other parameters than `known` ones.
    pub(crate) fn new(request: &'r Value, known: &[&str]) -> Result<Self, Error> {
        let parameters = object(request)?;
        let unknown = parameters
            .keys()
            .find(|name| !known.contains(&name.as_str()));
        if let Some(unknown) = unknown {
            return Err(Error::unsupported(format!("the parameter {unknown}")));
        }
        Ok(Self { parameters })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'r str>, Error> {
        self.parameters.get(name).map(text).transpose()
    }

    pub(crate) fn map(&self, name: &str) -> Result<Option<&'r Map<String, Value>>, Error> {
        self.parameters.get(name).map(object).transpose()
    }

    /// A parameter that has one of a few values, the first of which is the default.
    pub(crate) fn choice(
        &self,
        name: &str,
        allowed: &[&'static str],
    ) -> Result<&'static str, Error> {
        let Some(value) = self.text(name)? else {
            return Ok(allowed[0]);
        };
        let mut allowed_values = allowed.iter();
        allowed_values
            .find(|allowed| **allowed == value)
            .copied()
            .ok_or_else(|| {
                Error::Validation(format!(
                    "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must \
                     satisfy enum value set: [{}]",
                    allowed.join(", ")
                ))
            })
    }

    pub(crate) fn table(&self) -> Result<String, Error> {
        let name = self.text("TableName")?;
        name.map(ToOwned::to_owned)
            .ok_or_else(|| missing("TableName"))
    }

    /// The id in `Key`.
    pub(crate) fn key(&self) -> Result<String, Error> {
        let key = self.item("Key")?;
        match (key.get(KEY), key.len()) {
            (Some(AttributeValue::S(id)), 1) => fit_for_a_key(id),
            _ => Err(Error::validation(
                "The provided key element does not match the schema",
            )),
        }
    }

    /// The new item in `Item`, and its id.
    pub(crate) fn new_item(&self) -> Result<(String, Item), Error> {
        let item = self.item("Item")?;
        let problem = match item.get(KEY) {
            Some(AttributeValue::S(id)) => return Ok((fit_for_a_key(id)?, item)),
            Some(other) => {
                let actual = other.type_name();
                format!("Type mismatch for key {KEY} expected: S actual: {actual}")
            }
            None => format!("Missing the key {KEY} in the item"),
        };
        Err(Error::Validation(format!(
            "One or more parameter values were invalid: {problem}"
        )))
    }

    fn item(&self, name: &str) -> Result<Item, Error> {
        let item = self.parameters.get(name).ok_or_else(|| missing(name))?;
        item_from_json(item)
    }
}

fn missing(name: &str) -> Error {
    Error::Validation(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
    ))
}

fn fit_for_a_key(id: &str) -> Result<String, Error> {
    if id.is_empty() {
        return Err(Error::Validation(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty \
             string value. Key: {KEY}"
        )));
    }
    Ok(id.to_owned())
}
