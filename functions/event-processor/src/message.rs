//! The webhook in a message of the queue, and when it arrived.

use std::time::SystemTime;

use whoop_partner::queue_message::{self, RECEIVED_AT, Undecodable, Webhook};

use crate::batch::Record;

/// How long an event's detail-type may be, in characters (EventBridge, `PutEventsRequestEntry`).
const MAX_DETAIL_TYPE: usize = 128;

/// A webhook from the queue. It can't be formatted, because the resource id points at a patient's order.
pub(crate) struct QueuedEvent {
    pub(crate) event_type: String,
    pub(crate) resource_id: String,
    /// When the webhook arrived, in RFC 3339.
    pub(crate) received_at: String,
}

impl QueuedEvent {
    /// Decodes a message. If neither the message nor SQS says when the webhook arrived, it arrived `now`.
    pub(crate) fn decode(record: &Record, now: SystemTime) -> Result<Self, Undecodable> {
        let body = record.body.as_deref().ok_or(Undecodable)?;
        let webhook = Webhook::decode(body, |name| record.text_attribute(name))?;
        Ok(Self {
            event_type: webhook.event_type,
            resource_id: webhook.resource_id,
            received_at: received_at(record, now),
        })
    }

    /// Returns the event type for the detail-type of the event on the bus, cut to the length that EventBridge allows.
    pub(crate) fn detail_type(&self) -> String {
        self.event_type.chars().take(MAX_DETAIL_TYPE).collect()
    }
}

/// Returns when the webhook arrived, in RFC 3339.
pub(crate) fn received_at(record: &Record, now: SystemTime) -> String {
    let sent_at = record.sent_at().unwrap_or(now);
    queue_message::received_at(record.text_attribute(RECEIVED_AT), sent_at)
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
    fn the_attribute_says_how_the_body_is_encoded() {
        let event = decode(BODY, json!({}), json!(null)).unwrap();
        assert_eq!(event.event_type, "lab_requisition.created");
        assert_eq!(event.resource_id, "r-1");
        let encoding = json!({"body_encoding": {"stringValue": "gzip"}});
        assert_eq!(decode(BODY, encoding, json!(null)).err(), Some(Undecodable));
    }

    #[test]
    fn a_record_without_a_body_is_undecodable() {
        let record: Record = serde_json::from_str("{}").unwrap();
        let event = QueuedEvent::decode(&record, SystemTime::UNIX_EPOCH);
        assert_eq!(event.err(), Some(Undecodable));
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
