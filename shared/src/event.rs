//! What a webhook says (feature `message`): an event type, and the id of the resource that it is about.
//!
//! Follows WHOOP's partner documentation, "Webhooks". WHOOP may add event types, and a body may lack a field. Neither is an
//! error here, so that no signed webhook is lost.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

use crate::lenient;

/// The two fields of a webhook's body. A field is absent if the body does not hold it as a string.
///
/// `Debug` leaves out the resource id, because it points at a patient's order.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct WebhookEvent<'a> {
    /// What happened, such as `lab_requisition.created`.
    #[serde(default, borrow, deserialize_with = "lenient::text")]
    pub event_type: Option<Cow<'a, str>>,
    /// Which resource it happened to.
    #[serde(default, borrow, deserialize_with = "lenient::text")]
    pub resource_id: Option<Cow<'a, str>>,
}

impl<'a> WebhookEvent<'a> {
    /// Reads the body of a webhook. If the body is not a JSON object, both fields are absent.
    ///
    /// ```
    /// use whoop_partner::event::WebhookEvent;
    ///
    /// let event = WebhookEvent::from_body(br#"{"event_type":"lab_requisition.created","resource_id":"e72719d6"}"#);
    /// assert_eq!(event.event_type.as_deref(), Some("lab_requisition.created"));
    /// assert_eq!(event.resource_id.as_deref(), Some("e72719d6"));
    /// ```
    #[must_use]
    pub fn from_body(body: &'a [u8]) -> Self {
        let mut json = serde_json::Deserializer::from_slice(body);
        let event = lenient::object(&mut json).unwrap_or_default();
        // if more text follows the object, the body is not JSON
        json.end().map_or_else(|_| Self::default(), |()| event)
    }
}

impl fmt::Debug for WebhookEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookEvent")
            .field("event_type", &self.event_type)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(body: &[u8], event_type: Option<&str>, resource_id: Option<&str>) {
        let event = WebhookEvent::from_body(body);
        assert_eq!(event.event_type.as_deref(), event_type);
        assert_eq!(event.resource_id.as_deref(), resource_id);
    }

    #[test]
    fn a_webhook_says_what_happened_and_to_which_resource() {
        says(
            br#"{"event_type":"lab_requisition.created","resource_id":"e72719d6"}"#,
            Some("lab_requisition.created"),
            Some("e72719d6"),
        );
    }

    #[test]
    fn unknown_types_and_fields_are_kept_and_ignored() {
        says(
            br#"{"event_type":"moon.risen","phase":{"full":[true,1.5]}}"#,
            Some("moon.risen"),
            None,
        );
    }

    #[test]
    fn escapes_are_decoded() {
        says(br#"{"event_type":"a\u002eb"}"#, Some("a.b"), None);
    }

    #[test]
    fn a_field_of_another_type_counts_as_absent() {
        for value in [
            "null",
            "true",
            "-1",
            "7",
            "1e3",
            r#"["a",{}]"#,
            r#"{"a":{"b":[]}}"#,
        ] {
            says(
                format!(r#"{{"event_type":{value},"resource_id":"r"}}"#).as_bytes(),
                None,
                Some("r"),
            );
        }
    }

    #[test]
    fn a_body_that_is_no_json_object_says_nothing() {
        for body in [
            &b"not json"[..],
            b"",
            b"[]",
            b"[\"a\", \"b\"]",
            b"{\"event_type\":\"a\"} and more",
            b"\xff\xfe",
            b"\"text\"",
            b"{\"event_type\":",
        ] {
            says(body, None, None);
        }
    }

    #[test]
    fn debug_leaves_the_resource_id_out() {
        let event = WebhookEvent::from_body(br#"{"event_type":"t","resource_id":"secret-order"}"#);
        let text = format!("{event:?}");
        assert!(
            text.contains("\"t\"") && !text.contains("secret-order"),
            "{text}"
        );
    }
}
