//! `ExpressionAttributeNames` and `ExpressionAttributeValues`.

use std::collections::{BTreeMap, BTreeSet};

use crate::attribute_value::{AttributeValue, text};
use crate::error::Error;
use crate::request::Request;

const NAMES: &str = "ExpressionAttributeNames";
const VALUES: &str = "ExpressionAttributeValues";

/// What the placeholders of a request stand for, and which of them its expressions have used.
#[derive(Debug, Default)]
pub(crate) struct Placeholders {
    names: BTreeMap<String, String>,
    values: BTreeMap<String, AttributeValue>,
    used: BTreeSet<String>,
}

impl Placeholders {
    /// Reads both maps; a request without expressions may have neither.
    pub(crate) fn of(request: &Request, has_expressions: bool) -> Result<Self, Error> {
        let names = entries(request, NAMES, '#', has_expressions, |name| {
            Ok(text(name)?.to_owned())
        })?;
        let value = AttributeValue::from_json;
        let values = entries(request, VALUES, ':', has_expressions, value)?;
        let used = BTreeSet::new();
        Ok(Self {
            names,
            values,
            used,
        })
    }

    /// The name that a placeholder such as `#name` stands for.
    pub(super) fn name(&mut self, placeholder: &str) -> Result<String, Error> {
        self.used.insert(placeholder.to_owned());
        self.names.get(placeholder).cloned().ok_or_else(|| {
            Error::validation(format!(
                "An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
            ))
        })
    }

    /// The value that a placeholder such as `:value` stands for.
    pub(super) fn value(&mut self, placeholder: &str) -> Result<AttributeValue, Error> {
        self.used.insert(placeholder.to_owned());
        self.values.get(placeholder).cloned().ok_or_else(|| {
            Error::validation(format!(
                "An expression attribute value used in expression is not defined; attribute value: {placeholder}"
            ))
        })
    }

    /// Refuses placeholders that no expression has used, once all are read.
    pub(crate) fn end(self) -> Result<(), Error> {
        let refuse_unused = |parameter, placeholders: Vec<String>| {
            let unused = |placeholder: &String| !self.used.contains(placeholder);
            let unused: Vec<_> = placeholders.into_iter().filter(unused).collect();
            if unused.is_empty() {
                return Ok(());
            }
            Err(Error::validation(format!(
                "Value provided in {parameter} unused in expressions: keys: {{{}}}",
                unused.join(", ")
            )))
        };
        refuse_unused(NAMES, self.names.into_keys().collect())?;
        refuse_unused(VALUES, self.values.into_keys().collect())
    }
}

fn entries<T>(
    request: &Request,
    parameter: &str,
    sign: char,
    has_expressions: bool,
    read: impl Fn(&serde_json::Value) -> Result<T, Error>,
) -> Result<BTreeMap<String, T>, Error> {
    let Some(map) = request.map(parameter)? else {
        return Ok(BTreeMap::new());
    };
    if !has_expressions {
        let message = format!("{parameter} can only be specified when using expressions");
        return Err(Error::Validation(message));
    }
    if map.is_empty() {
        return Err(Error::Validation(format!("{parameter} must not be empty")));
    }
    let entry = |(key, value): (&String, &serde_json::Value)| {
        let name = key.strip_prefix(sign).unwrap_or_default();
        let well_formed = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if name.is_empty() || !name.chars().all(well_formed) {
            return Err(Error::Validation(format!(
                "{parameter} contains invalid key: Syntax error; key: \"{key}\""
            )));
        }
        Ok((key.clone(), read(value)?))
    };
    map.iter().map(entry).collect()
}
