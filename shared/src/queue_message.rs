//! The message in the queue between the webhook function and whoever consumes it: a webhook's body, byte for byte as WHOOP signed
//! it, and what is known about its arrival.
//!
//! A body that SQS does not take as text travels in base64, and the attribute [`BODY_ENCODING`] says so. The resource id is not
//! among the attributes: it points at a patient's order, and encryption at rest does not cover attributes.
//!
//! ```
//! use std::time::SystemTime;
//! use whoop_partner::queue_message::{QueueMessage, Webhook};
//!
//! let body = br#"{"event_type":"lab_requisition.created","resource_id":"e72719d6"}"#;
//! let message = QueueMessage::new(body.to_vec(), SystemTime::now(), None)?;
//! let webhook = Webhook::decode(message.body(), |name| message.attribute(name))?;
//! assert_eq!(webhook.event_type, "lab_requisition.created");
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::borrow::Cow;
use std::fmt;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;

use crate::event::WebhookEvent;

/// The attribute that says what happened, if the body says so and the text fits an attribute.
pub const EVENT_TYPE: &str = "event_type";

/// The attribute that says when the webhook arrived (RFC 3339, UTC). If it is missing, SQS's `SentTimestamp` takes its place.
pub const RECEIVED_AT: &str = "received_at";

/// The attribute that holds API Gateway's id of the request, if it is known.
pub const REQUEST_ID: &str = "request_id";

/// The attribute that says how the body is encoded: `base64`, or the attribute is absent.
pub const BODY_ENCODING: &str = "body_encoding";

/// The attribute by which a message in the dead-letter queue says why it is there: see [`FailureReason`].
pub const FAILURE_REASON: &str = "failure_reason";

/// The data type of all these attributes.
pub const ATTRIBUTE_TYPE: &str = "String";

/// How large an SQS message may be, in bytes: its body and its attributes together.
pub const MAX_SIZE: usize = 1024 * 1024;

/// How many attributes an SQS message may have.
pub const MAX_ATTRIBUTES: usize = 10;

/// The value of [`BODY_ENCODING`] for a body in base64.
const BASE64_ENCODING: &str = "base64";

/// How long an attribute's text may be, in bytes. SQS would take longer ones.
const MAX_ATTRIBUTE_LENGTH: usize = 256;

/// A message for the queue. `Debug` shows neither body nor attributes.
pub struct QueueMessage {
    body: String,
    attributes: Vec<(&'static str, String)>,
}

/// The message would be larger than SQS takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl QueueMessage {
    /// Encodes the verified body of a webhook.
    ///
    /// # Errors
    ///
    /// When the message would be larger than SQS takes.
    pub fn new(
        body: Vec<u8>,
        received_at: SystemTime,
        request_id: Option<String>,
    ) -> Result<Self, TooLarge> {
        let mut attributes = vec![(RECEIVED_AT, rfc3339(received_at))];
        let event_type = WebhookEvent::from_body(&body).event_type;
        if let Some(event_type) = event_type.filter(|text| fits_attribute(text)) {
            attributes.push((EVENT_TYPE, event_type.into_owned()));
        }
        if let Some(request_id) = request_id.filter(|text| fits_attribute(text)) {
            attributes.push((REQUEST_ID, request_id));
        }
        let body = match String::from_utf8(body) {
            Ok(text) if text.chars().all(is_sqs_character) => text,
            bytes => {
                attributes.push((BODY_ENCODING, BASE64_ENCODING.to_owned()));
                BASE64.encode(bytes.map_or_else(|error| error.into_bytes(), String::into_bytes))
            }
        };
        let message = Self { body, attributes };
        if message.size() > MAX_SIZE {
            return Err(TooLarge);
        }
        Ok(message)
    }

    /// The encoded body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The text of an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find_map(|(key, value)| (*key == name).then_some(value.as_str()))
    }

    /// The body, and the attributes with their names. Each attribute's data type is [`ATTRIBUTE_TYPE`].
    #[must_use]
    pub fn into_parts(self) -> (String, Vec<(&'static str, String)>) {
        (self.body, self.attributes)
    }

    fn size(&self) -> usize {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| attribute_size(name, ATTRIBUTE_TYPE, value.len()));
        self.body.len() + attributes.sum::<usize>()
    }
}

impl fmt::Debug for QueueMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueMessage").finish_non_exhaustive()
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the message is larger than {MAX_SIZE} bytes")
    }
}

impl std::error::Error for TooLarge {}

/// What a queue message says. Nothing formats it: the resource id points at a patient's order.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// What happened, such as `lab_requisition.created`; never empty.
    pub event_type: String,
    /// Which resource it happened to; never empty.
    pub resource_id: String,
}

/// The message is no webhook: its body does not decode, or lacks one of the two fields that WHOOP always sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecodable;

impl Webhook {
    /// Decodes a message: `body` as SQS gives it, and `attribute` for the text of a message attribute.
    ///
    /// # Errors
    ///
    /// When the body does not decode as [`BODY_ENCODING`] says, is no JSON object, or lacks event type or resource id.
    pub fn decode<'a>(
        body: &str,
        attribute: impl FnOnce(&str) -> Option<&'a str>,
    ) -> Result<Self, Undecodable> {
        let body = decode_body(body, attribute(BODY_ENCODING))?;
        let event = WebhookEvent::from_body(&body);
        let present = |field: Option<Cow<'_, str>>| match field {
            Some(text) if !text.is_empty() => Ok(text.into_owned()),
            _ => Err(Undecodable),
        };
        Ok(Self {
            event_type: present(event.event_type)?,
            resource_id: present(event.resource_id)?,
        })
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message is no webhook")
    }
}

impl std::error::Error for Undecodable {}

/// The bytes that WHOOP signed; `encoding` is the text of [`BODY_ENCODING`].
///
/// # Errors
///
/// When the encoding is unknown, or the body is not in it.
pub fn decode_body<'a>(
    body: &'a str,
    encoding: Option<&str>,
) -> Result<Cow<'a, [u8]>, Undecodable> {
    match encoding {
        None => Ok(Cow::Borrowed(body.as_bytes())),
        Some(BASE64_ENCODING) => BASE64.decode(body).map(Cow::Owned).map_err(|_| Undecodable),
        Some(_) => Err(Undecodable),
    }
}

/// When the webhook arrived (RFC 3339): as the text of [`RECEIVED_AT`] says; if that is no time, `otherwise`.
#[must_use]
pub fn received_at(attribute: Option<&str>, otherwise: SystemTime) -> String {
    match attribute {
        Some(text) if text.parse::<Timestamp>().is_ok() => text.to_owned(),
        _ => rfc3339(otherwise),
    }
}

/// Why our event processor has moved a message to the dead-letter queue, as [`FAILURE_REASON`] says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// It is no webhook.
    Undecodable,
    /// WHOOP knows no such resource, even a minute after the first try.
    NotFound,
    /// WHOOP refuses the request for the resource as invalid, even a minute after the first try.
    InvalidRequest,
    /// EventBridge refuses the event as invalid.
    Refused,
    /// Its next try would begin within 12 hours of the end of its retention.
    Expired,
    /// It was received for the last time that the queue allows.
    AttemptsExhausted,
}

impl FailureReason {
    /// The text of the attribute.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::NotFound => "not_found",
            Self::InvalidRequest => "invalid_request",
            Self::Refused => "refused",
            Self::Expired => "expired",
            Self::AttemptsExhausted => "attempts_exhausted",
        }
    }
}

/// What SQS counts of an attribute, in bytes: its name, its data type and its value.
#[must_use]
pub fn attribute_size(name: &str, data_type: &str, value_length: usize) -> usize {
    name.len() + data_type.len() + value_length
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
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests;
