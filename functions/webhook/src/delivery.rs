//! The message that a verified webhook becomes in the queue.

use std::time::SystemTime;

use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use whoop_partner::event::WebhookEvent;

/// What an SQS message may weigh, body and attributes together, in bytes.
const MAX_MESSAGE_SIZE: usize = 1024 * 1024;

/// The data type of all attributes.
pub(crate) const ATTRIBUTE_TYPE: &str = "String";

/// How long a text may be, in bytes, to travel as an attribute.
const MAX_ATTRIBUTE_LENGTH: usize = 256;

/// A queue message: the body as WHOOP signed it, and what is known about it.
pub struct Delivery {
    pub(crate) body: String,
    pub(crate) attributes: Vec<(&'static str, String)>,
}

/// The message would be larger than SQS takes.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

impl Delivery {
    /// Makes a message of a verified body.
    ///
    /// # Errors
    ///
    /// When it would be larger than SQS takes.
    pub fn new(
        body: Vec<u8>,
        received_at: SystemTime,
        request_id: Option<String>,
    ) -> Result<Self, TooLarge> {
        let mut attributes = vec![("received_at", rfc3339(received_at))];
        let event_type = WebhookEvent::from_body(&body).event_type;
        if let Some(event_type) = event_type.filter(|text| fits_attribute(text)) {
            attributes.push(("event_type", event_type.into_owned()));
        }
        if let Some(request_id) = request_id.filter(|text| fits_attribute(text)) {
            attributes.push(("request_id", request_id));
        }
        let body = match String::from_utf8(body) {
            Ok(text) if text.chars().all(is_sqs_character) => text,
            bytes => {
                attributes.push(("body_encoding", "base64".to_owned()));
                BASE64.encode(bytes.map_or_else(|error| error.into_bytes(), String::into_bytes))
            }
        };
        let delivery = Self { body, attributes };
        if delivery.size() > MAX_MESSAGE_SIZE {
            return Err(TooLarge);
        }
        Ok(delivery)
    }

    /// The value of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find_map(|(key, value)| (*key == name).then_some(value.as_str()))
    }

    /// What SQS counts: the body, and of each attribute its name, data type and value.
    fn size(&self) -> usize {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| name.len() + ATTRIBUTE_TYPE.len() + value.len());
        self.body.len() + attributes.sum::<usize>()
    }
}

/// Whether SQS takes the character as text (SQS `SendMessage`: `#x9 | #xA | #xD | #x20 to #xD7FF | …`).
fn is_sqs_character(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => character >= ' ',
    }
}

fn fits_attribute(text: &str) -> bool {
    (1..=MAX_ATTRIBUTE_LENGTH).contains(&text.len())
        && text.chars().all(|c| !c.is_control() && is_sqs_character(c))
}

/// Formats as RFC 3339 in UTC, to the millisecond.
fn rfc3339(time: SystemTime) -> String {
    let millis = DateTime::from(time).to_millis().unwrap_or_default();
    DateTime::from_millis(millis)
        .fmt(DateTimeFormat::DateTime)
        .expect("a time between the years 0 and 9999 has a text")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn received_at() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123)
    }

    fn delivery(body: impl Into<Vec<u8>>) -> Result<Delivery, TooLarge> {
        Delivery::new(body.into(), received_at(), Some("JKJaXmPLvHcESHA=".into()))
    }

    #[test]
    fn the_attributes_say_what_arrived_when_and_by_which_request() {
        let delivery =
            delivery(r#"{"event_type":"lab_requisition.created","resource_id":"r"}"#).unwrap();
        let attributes = [
            ("received_at", "2026-11-18T11:06:40.123Z"),
            ("event_type", "lab_requisition.created"),
            ("request_id", "JKJaXmPLvHcESHA="),
        ];
        assert_eq!(
            delivery.attributes,
            attributes.map(|(name, value)| (name, value.to_owned()))
        );
    }

    #[test]
    fn text_travels_byte_for_byte() {
        for body in [
            "{}",
            " \t\r\n{ }\u{e9}\u{1f600}\u{7f}\u{d7ff}\u{e000}\u{fffd}\u{10ffff}",
            "no json",
        ] {
            let delivery = delivery(body).unwrap();
            assert_eq!(delivery.body, body);
            assert_eq!(delivery.attribute("body_encoding"), None);
        }
    }

    #[test]
    fn what_sqs_takes_for_no_text_travels_in_base64() {
        for body in [
            &b"\xff"[..],
            b"{}\0",
            b"\x1b",
            "\u{fffe}".as_bytes(),
            "a\u{ffff}".as_bytes(),
        ] {
            let delivery = delivery(body).unwrap();
            assert_eq!(BASE64.decode(&delivery.body).unwrap(), body);
            assert_eq!(delivery.attribute("body_encoding"), Some("base64"));
        }
    }

    #[test]
    fn an_event_type_that_does_not_fit_is_left_out() {
        let long = "x".repeat(MAX_ATTRIBUTE_LENGTH);
        for (event_type, fits) in [
            (long.as_str(), true),
            (&format!("{long}x"), false),
            ("", false),
            ("a\nb", false),
            ("a\u{fffe}", false),
        ] {
            let body = serde_json::json!({"event_type": event_type}).to_string();
            let delivery = delivery(body).unwrap();
            assert_eq!(delivery.attribute("event_type"), fits.then_some(event_type));
        }
    }

    #[test]
    fn the_resource_id_is_not_among_the_attributes() {
        let delivery = delivery(r#"{"event_type":"t","resource_id":"the-order"}"#).unwrap();
        assert!(
            delivery
                .attributes
                .iter()
                .all(|(_, value)| !value.contains("the-order"))
        );
    }

    #[test]
    fn a_message_may_weigh_one_mebibyte_with_its_attributes() {
        let attributes = delivery("").unwrap().size();
        let largest = MAX_MESSAGE_SIZE - attributes;
        assert!(delivery("x".repeat(largest)).is_ok());
        assert_eq!(delivery("x".repeat(largest + 1)).err(), Some(TooLarge));
    }

    #[test]
    fn base64_counts_towards_the_size() {
        let body = vec![0xff; MAX_MESSAGE_SIZE * 3 / 4];
        assert_eq!(delivery(body).err(), Some(TooLarge));
    }
}
