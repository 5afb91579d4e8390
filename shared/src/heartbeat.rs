//! The heartbeat (feature `message`): a webhook that the stack sends to itself, to prove that webhooks still arrive.
//!
//! Our heartbeat function signs it with the signing secret and posts it to the webhook function. The event processor recognises
//! it by its event type, [`EVENT_TYPE`]. WHOOP sends no such event.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use whoop_partner::heartbeat;
//!
//! let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_003_200);
//! let body = heartbeat::body(noon);
//! assert_eq!(
//!     body,
//!     r#"{"event_type":"whoop_partner.heartbeat","resource_id":"heartbeat","sent_at":"2026-11-18T12:00:00.000Z"}"#
//! );
//! assert_eq!(heartbeat::sent_at(&body), Some(noon));
//! ```

use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::queue_message::rfc3339;

/// The event type of a heartbeat.
pub const EVENT_TYPE: &str = "whoop_partner.heartbeat";

/// The resource id of every heartbeat, because a webhook must have one.
const RESOURCE_ID: &str = "heartbeat";

/// Makes the body of a heartbeat. The time loses what is shorter than a millisecond.
#[must_use]
pub fn body(sent_at: SystemTime) -> String {
    let heartbeat = json!({
        "event_type": EVENT_TYPE,
        "resource_id": RESOURCE_ID,
        "sent_at": rfc3339(sent_at),
    });
    heartbeat.to_string()
}

/// Returns when a heartbeat was sent; `None` if its body does not say so. It does not check the event type.
#[must_use]
pub fn sent_at(body: &str) -> Option<SystemTime> {
    let heartbeat: Value = serde_json::from_str(body).ok()?;
    let sent_at: Timestamp = heartbeat.get("sent_at")?.as_str()?.parse().ok()?;
    sent_at.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::WebhookEvent;

    fn at(millis: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    #[test]
    fn the_time_comes_back_to_the_millisecond() {
        for millis in [0, 1, 999, 1_795_000_000_000, 1_795_000_000_123] {
            assert_eq!(sent_at(&body(at(millis))), Some(at(millis)));
            let later = at(millis) + Duration::from_nanos(999_999);
            assert_eq!(sent_at(&body(later)), Some(at(millis)));
        }
    }

    #[test]
    fn the_body_is_a_webhook_with_an_event_type_and_a_resource_id() {
        let body = body(at(1_795_000_000_123));
        let event = WebhookEvent::from_body(body.as_bytes());
        assert_eq!(event.event_type.as_deref(), Some(EVENT_TYPE));
        assert_eq!(event.resource_id.as_deref(), Some("heartbeat"));
    }

    #[test]
    fn a_body_without_a_valid_time_says_none() {
        for body in [
            "",
            "not json",
            "7",
            "{}",
            r#"["2026-11-18T12:00:00.000Z"]"#,
            r#"{"sent_at":null}"#,
            r#"{"sent_at":1795003200}"#,
            r#"{"sent_at":""}"#,
            r#"{"sent_at":"yesterday"}"#,
            r#"{"sent_at":"2026-11-18"}"#,
            r#"{"sent_at":"2026-02-30T12:00:00Z"}"#,
            r#"{"sent_at":"2026-11-18T12:00:00.000Z"} and more"#,
        ] {
            assert_eq!(sent_at(body), None, "{body}");
        }
    }
}
