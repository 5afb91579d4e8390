//! What a queue message says: the body of a webhook as WHOOP signed it, and when it arrived.

use std::borrow::Cow;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use whoop_partner::event::WebhookEvent;

use crate::batch::Record;

/// How long an event's detail-type may be, in characters (EventBridge, `PutEventsRequestEntry`).
const MAX_DETAIL_TYPE: usize = 128;

/// A webhook that has arrived. Nothing formats it: the resource id points at a patient's order.
pub(crate) struct QueuedEvent {
    pub(crate) event_type: String,
    pub(crate) resource_id: String,
    /// RFC 3339.
    pub(crate) received_at: String,
}

/// The message is no webhook: its body does not decode, or lacks one of the two fields that WHOOP always sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Undecodable;

impl QueuedEvent {
    /// Decodes a message; `now` is when it was received if neither it nor SQS says.
    pub(crate) fn decode(record: &Record, now: SystemTime) -> Result<Self, Undecodable> {
        let body = record.body.as_deref().ok_or(Undecodable)?;
        let body = match record.text_attribute("body_encoding") {
            None => Cow::Borrowed(body.as_bytes()),
            Some("base64") => Cow::Owned(BASE64.decode(body).map_err(|_| Undecodable)?),
            Some(_) => return Err(Undecodable),
        };
        let event = WebhookEvent::from_body(&body);
        let present = |field: Option<Cow<'_, str>>| match field {
            Some(text) if !text.is_empty() => Ok(text.into_owned()),
            _ => Err(Undecodable),
        };
        Ok(Self {
            event_type: present(event.event_type)?,
            resource_id: present(event.resource_id)?,
            received_at: received_at(record, now),
        })
    }

    /// The event type as the event on the bus carries it outside of its detail.
    pub(crate) fn detail_type(&self) -> String {
        self.event_type.chars().take(MAX_DETAIL_TYPE).collect()
    }
}

/// When the webhook arrived, in RFC 3339.
pub(crate) fn received_at(record: &Record, now: SystemTime) -> String {
    match record.text_attribute("received_at") {
        Some(text) if text.parse::<Timestamp>().is_ok() => text.to_owned(),
        _ => rfc3339(record.sent_at().unwrap_or(now)),
    }
}

/// Formats as RFC 3339 in UTC, to the millisecond.
fn rfc3339(time: SystemTime) -> String {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn decode(body: &str, attributes: Value, sent: Value) -> Result<QueuedEvent, Undecodable> {
        let record = json!({
            "messageId": "m",
            "body": body,
            "attributes": {"SentTimestamp": sent},
            "messageAttributes": attributes,
        });
        let record: Record = serde_json::from_str(&record.to_string()).unwrap();
        QueuedEvent::decode(&record, SystemTime::UNIX_EPOCH)
    }

    const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"r-1"}"#;

    #[test]
    fn reads_the_body_as_it_is() {
        let event = decode(BODY, json!({}), json!(null)).unwrap();
        assert_eq!(event.event_type, "lab_requisition.created");
        assert_eq!(event.resource_id, "r-1");
    }

    #[test]
    fn decodes_a_body_in_base64() {
        let encoding = json!({"body_encoding": {"stringValue": "base64", "dataType": "String"}});
        let event = decode(&BASE64.encode(BODY), encoding.clone(), json!(null)).unwrap();
        assert_eq!(event.resource_id, "r-1");
        for body in ["%", BODY, "AP/+"] {
            assert!(
                decode(body, encoding.clone(), json!(null)).is_err(),
                "{body}"
            );
        }
    }

    #[test]
    fn what_lacks_a_field_or_has_an_unknown_encoding_is_undecodable() {
        for body in [
            "",
            "no json",
            "{}",
            "[]",
            r#"{"event_type":"lab_requisition.created"}"#,
            r#"{"event_type":"lab_requisition.created","resource_id":""}"#,
            r#"{"event_type":"lab_requisition.created","resource_id":7}"#,
            r#"{"event_type":"","resource_id":"r"}"#,
            r#"{"event_type":null,"resource_id":"r"}"#,
            r#"{"resource_id":"r"}"#,
        ] {
            assert_eq!(
                decode(body, json!({}), json!(null)).err(),
                Some(Undecodable),
                "{body}"
            );
        }
        let encoding = json!({"body_encoding": {"stringValue": "gzip"}});
        assert_eq!(decode(BODY, encoding, json!(null)).err(), Some(Undecodable));
    }

    #[test]
    fn a_detail_type_has_128_characters_at_most() {
        for length in [1, 127, 128, 129, 1000] {
            let event = QueuedEvent {
                event_type: "é".repeat(length),
                resource_id: "r".into(),
                received_at: "t".into(),
            };
            assert_eq!(event.detail_type(), "é".repeat(length.min(128)));
        }
    }

    #[track_caller]
    fn assert_received_at(attribute: Value, sent: Value, expected: &str) {
        let attributes = json!({"received_at": {"stringValue": attribute}});
        let event = decode(BODY, attributes, sent).unwrap();
        assert_eq!(event.received_at, expected);
    }

    #[test]
    fn the_time_of_arrival_is_the_attribute_or_else_when_the_message_was_sent() {
        let sent = json!("1795000000123");
        assert_received_at(
            json!("2026-11-18T11:06:39.5Z"),
            sent.clone(),
            "2026-11-18T11:06:39.5Z",
        );
        assert_received_at(json!(null), sent.clone(), "2026-11-18T11:06:40.123Z");
        assert_received_at(json!("yesterday"), sent, "2026-11-18T11:06:40.123Z");
        assert_received_at(json!(null), json!(null), "1970-01-01T00:00:00.000Z");
    }
}
