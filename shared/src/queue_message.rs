//! The message that the webhook function puts in the queue (feature `message`): a webhook's body, byte for byte as WHOOP signed
//! it, and when it arrived.
//!
//! If SQS does not accept the body as text, the message holds it in base64, and the attribute [`BODY_ENCODING`] says so. The
//! resource id is not an attribute, because it points at a patient's order and encryption at rest does not cover attributes.
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

/// The attribute with the event type. It is absent if the body has no event type, or one that does not fit an attribute.
pub const EVENT_TYPE: &str = "event_type";

/// The attribute that says when the webhook arrived (RFC 3339, UTC). If it is missing, use SQS's `SentTimestamp`.
pub const RECEIVED_AT: &str = "received_at";

/// The attribute with API Gateway's id of the request. It is absent if the id is unknown.
pub const REQUEST_ID: &str = "request_id";

/// The attribute that says how the body is encoded: `base64`. It is absent if the body is plain text.
pub const BODY_ENCODING: &str = "body_encoding";

/// The attribute that says why a message is in the dead-letter queue: see [`FailureReason`].
pub const FAILURE_REASON: &str = "failure_reason";

/// The data type of all these attributes.
pub const ATTRIBUTE_TYPE: &str = "String";

/// The largest size of an SQS message in bytes. Its body and its attributes count.
pub const MAX_SIZE: usize = 1024 * 1024;

/// How many attributes an SQS message may have.
#[doc(hidden)]
pub const MAX_ATTRIBUTES: usize = 10;

/// The value of [`BODY_ENCODING`] for a body in base64.
const BASE64_ENCODING: &str = "base64";

/// The longest text of an attribute, in bytes. SQS would accept longer ones.
const MAX_ATTRIBUTE_LENGTH: usize = 256;

/// A message for the queue. `Debug` shows neither body nor attributes.
pub struct QueueMessage {
    body: String,
    attributes: Vec<(&'static str, String)>,
}

/// The message would be larger than SQS accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

impl QueueMessage {
    /// Encodes the verified body of a webhook.
    ///
    /// # Errors
    ///
    /// [`TooLarge`] if the message would be larger than SQS accepts.
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

    /// Returns the encoded body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns the text of the attribute `name`.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find_map(|(key, value)| (*key == name).then_some(value.as_str()))
    }

    /// Returns the body, and the attributes with their names. Each attribute's data type is [`ATTRIBUTE_TYPE`].
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

/// What a queue message says. It has no `Debug` and no `Display`, because the resource id points at a patient's order.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Webhook {
    /// What happened, such as `lab_requisition.created`. It is never empty.
    pub event_type: String,
    /// Which resource it happened to. It is never empty.
    pub resource_id: String,
}

/// The message is not a webhook: its body does not decode, or lacks one of the two fields that WHOOP always sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecodable;

impl Webhook {
    /// Decodes a message: `body` as SQS gives it, and `attribute` for the text of a message attribute.
    ///
    /// # Errors
    ///
    /// [`Undecodable`] if the body does not decode as [`BODY_ENCODING`] says, is not a JSON object, or lacks the event type
    /// or the resource id.
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
        f.write_str("the message is not a webhook")
    }
}

impl std::error::Error for Undecodable {}

/// Returns the bytes that WHOOP signed. `encoding` is the text of the attribute [`BODY_ENCODING`].
///
/// # Errors
///
/// [`Undecodable`] if the encoding is unknown, or the body does not decode.
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

/// Returns when the webhook arrived (RFC 3339): `attribute`, the text of [`RECEIVED_AT`], or `otherwise` if that is not a time.
#[must_use]
pub fn received_at(attribute: Option<&str>, otherwise: SystemTime) -> String {
    match attribute {
        Some(text) if text.parse::<Timestamp>().is_ok() => text.to_owned(),
        _ => rfc3339(otherwise),
    }
}

/// Why our event processor has moved a message to the dead-letter queue: the value of [`FAILURE_REASON`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureReason {
    /// The message is not a webhook.
    Undecodable,
    /// WHOOP has no such resource, even a minute after the first try.
    NotFound,
    /// WHOOP refuses the request for the resource as invalid, even a minute after the first try.
    InvalidRequest,
    /// EventBridge refuses the event as invalid.
    Refused,
    /// The next try would begin less than 12 hours before the queue deletes the message.
    Expired,
    /// The message was received as often as the queue allows.
    AttemptsExhausted,
}

impl FailureReason {
    /// Returns the text of the attribute.
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

/// Returns what SQS counts of an attribute, in bytes: its name, its data type and its value.
#[doc(hidden)]
#[must_use]
pub fn attribute_size(name: &str, data_type: &str, value_length: usize) -> usize {
    name.len() + data_type.len() + value_length
}

/// Returns whether SQS accepts the character as text (SQS `SendMessage`: `#x9 | #xA | #xD | #x20 to #xD7FF | …`).
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

/// Formats a time as RFC 3339 in UTC, with milliseconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests;
