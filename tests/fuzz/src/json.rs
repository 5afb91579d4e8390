//! Another reader of JSON than the product's own types: it keeps repeated fields and their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Any JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number,
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, with each field as often as it is there.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text; `None` if it is not JSON, or nested too deeply for `serde_json`.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Returns all values of the field `name`. They are none if this is not an object.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<&Json> {
        let Self::Object(fields) = self else {
            return Vec::new();
        };
        let named = fields.iter().filter(|(key, _)| key == name);
        named.map(|(_, value)| value).collect()
    }

    /// Returns the value of the field `name`, if there is exactly one.
    #[must_use]
    pub fn one(&self, name: &str) -> Option<&Json> {
        match self.all(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Returns whether one of the fields `names` is there more than once.
    #[must_use]
    pub fn repeats(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.all(name).len() > 1)
    }

    /// Returns the fields that a type with the fields `names` has, each if it is there once. Such a type is also read from a list of
    /// the fields in their order.
    #[must_use]
    pub fn fields<const N: usize>(&self, names: [&str; N]) -> [Option<&Json>; N] {
        match self {
            Self::Array(values) if values.len() == N => std::array::from_fn(|at| values.get(at)),
            _ => names.map(|name| self.one(name)),
        }
    }

    /// Returns the text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// What the body of a webhook says: its event type and its resource id.
pub type WebhookFields = (Option<String>, Option<String>);

/// Reads the body of a webhook. What is no JSON says nothing, and neither does a body with a repeated field.
///
/// Returns `None` for a body of which only a part [can be read](is_readable_in_part): it may say something.
#[must_use]
pub fn webhook_fields(body: &[u8]) -> Option<WebhookFields> {
    let Some(json) = Json::read(body) else {
        return (!is_readable_in_part(body)).then_some((None, None));
    };
    if json.repeats(&["event_type", "resource_id"]) {
        return Some((None, None));
    }
    let field = |name| json.one(name).and_then(Json::text).map(str::to_owned);
    Some((field("event_type"), field("resource_id")))
}

/// Whether a text is JSON only for a reader that skips the values that it does not need, as the product's types do. Such a text
/// holds something that is not UTF-8, a number that no `f64` holds, half of a surrogate pair, or very deep lists.
#[must_use]
pub fn is_readable_in_part(text: &[u8]) -> bool {
    Json::read(text).is_none() && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Json::Object(fields))
    }
}
