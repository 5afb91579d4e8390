//! A resource as the JSON that WHOOP sent.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{DateTime, PartnerError};
use crate::lenient;

/// A JSON object byte for byte as WHOOP sent it, unknown fields included. `Debug` shows its length only.
#[derive(Clone, PartialEq, Eq)]
pub struct ResourceJson(String);

impl ResourceJson {
    /// Checks that the body is a JSON object.
    pub(super) fn new(body: Vec<u8>) -> Result<Self, PartnerError> {
        let text = String::from_utf8(body)
            .map_err(|_| PartnerError::Protocol("the answer is not UTF-8".into()))?;
        if !text.trim_start().starts_with('{') {
            return Err(PartnerError::Protocol(
                "the answer is no JSON object".into(),
            ));
        }
        serde_json::from_str::<IgnoredAny>(&text)
            .map_err(|error| PartnerError::malformed(&error))?;
        Ok(Self(text))
    }

    /// Returns the JSON. It is a person's order: keep it out of logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the JSON as an owned string.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// Returns the field `updated_at`, if it is there and holds a text.
    #[must_use]
    pub fn updated_at(&self) -> Option<DateTime> {
        #[derive(Deserialize)]
        struct Updated {
            #[serde(default, deserialize_with = "lenient::string")]
            updated_at: Option<String>,
        }
        let updated: Updated = serde_json::from_str(&self.0).ok()?;
        updated.updated_at.map(DateTime::from)
    }

    /// Decodes it as a type, such as [`LabRequisition`](super::LabRequisition).
    ///
    /// # Errors
    ///
    /// [`PartnerError::Protocol`] if it does not decode.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, PartnerError> {
        serde_json::from_str(&self.0).map_err(|error| PartnerError::malformed(&error))
    }
}

impl fmt::Debug for ResourceJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceJson({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(text: &str) -> Result<ResourceJson, PartnerError> {
        ResourceJson::new(text.into())
    }

    #[test]
    fn the_text_is_kept_byte_for_byte() {
        let text = " {\"b\": 1.10,\n \"a\":\"\\u00e9\", \"updated_at\": \"2026-11-23T09:30:00Z\"}";
        let json = read(text).unwrap();
        assert_eq!(json.as_str(), text);
        let value = json!({"a": "é", "b": 1.1, "updated_at": "2026-11-23T09:30:00Z"});
        assert_eq!(json.decode::<Value>().unwrap(), value);
        assert_eq!(json.updated_at().unwrap().as_str(), "2026-11-23T09:30:00Z");
        assert_eq!(json.into_string(), text);
    }

    #[test]
    fn an_odd_updated_at_counts_as_absent() {
        for text in ["{}", r#"{"updated_at":null}"#, r#"{"updated_at":[1]}"#] {
            assert_eq!(read(text).unwrap().updated_at(), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_object_is_refused_and_not_quoted() {
        for text in [
            "",
            "null",
            "[{}]",
            "\"seeded-name\"",
            "{\"seeded-name\"",
            "{} seeded-name",
            "{seeded-name}",
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, PartnerError::Protocol(_)), "{error}");
            assert!(
                !format!("{error} {error:?}").contains("seeded-name"),
                "{error}"
            );
        }
        assert!(ResourceJson::new(b"{\"a\":\"\xff\"}".to_vec()).is_err());
    }

    #[test]
    fn debug_shows_the_length_only() {
        let json = read(r#"{"first_name":"seeded-name"}"#).unwrap();
        assert_eq!(format!("{json:?}"), "ResourceJson(28 bytes)");
        let error = json.decode::<Vec<u8>>().unwrap_err();
        assert!(
            !format!("{error} {error:?}").contains("seeded-name"),
            "{error}"
        );
    }

    #[test]
    fn json_that_no_tree_can_hold_is_kept_and_does_no_harm() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in [r#"{"a":"\ud800"}"#, r#"{"a":1e999}"#, &deep] {
            if let Ok(json) = read(text) {
                assert_eq!(json.as_str(), text);
                assert!(json.decode::<Value>().is_err(), "{text}");
            }
        }
    }
}
