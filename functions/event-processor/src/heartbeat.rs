//! The heartbeats of our own heartbeat function: they show that webhooks get here. Nothing is published for them.

use std::time::{Duration, SystemTime};

use whoop_partner::heartbeat;

use crate::batch::Record;
use crate::message::QueuedEvent;

/// After so many intervals a heartbeat is too old to show anything. The alarm waits as long.
const INTERVALS: u32 = 3;

/// How far the clocks of two functions may differ.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(10);

/// What arrives, or why it does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heartbeat {
    /// It was sent so long ago.
    Counts(Duration),
    /// It could be a replay, and a replay must not silence the alarm.
    Dropped(&'static str),
}

impl Heartbeat {
    /// Judges a message. `None` if it is no heartbeat. `interval` is the time between two heartbeats, if any are sent.
    pub(crate) fn in_message(
        event: &QueuedEvent,
        record: &Record,
        interval: Option<Duration>,
        now: SystemTime,
    ) -> Option<Self> {
        if event.event_type != heartbeat::EVENT_TYPE {
            return None;
        }
        let body = record.body.as_deref().unwrap_or_default();
        let Some(sent_at) = heartbeat::sent_at(body) else {
            return Some(Self::Dropped("it does not say when it was sent"));
        };
        let Some(interval) = interval else {
            return Some(Self::Dropped("this stack sends none"));
        };
        if sent_at > now + CLOCK_DIFFERENCE {
            return Some(Self::Dropped("it is from the future"));
        }
        let age = now.duration_since(sent_at).unwrap_or_default();
        Some(if age > interval * INTERVALS {
            Self::Dropped("it is older than three intervals")
        } else {
            Self::Counts(age)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Duration = Duration::from_secs(1_795_000_000);
    const FIVE_MINUTES: Duration = Duration::from_secs(300);

    /// Judges a heartbeat that says this about itself.
    fn judged(sent_at: serde_json::Value, interval: Option<Duration>) -> Option<Heartbeat> {
        let body = json!({
            "event_type": "whoop_partner.heartbeat", "resource_id": "heartbeat", "sent_at": sent_at,
        });
        let record = json!({"messageId": "m", "body": body.to_string()});
        let record: Record = serde_json::from_str(&record.to_string()).unwrap();
        let now = SystemTime::UNIX_EPOCH + NOW;
        let event = QueuedEvent::decode(&record, now).unwrap();
        Heartbeat::in_message(&event, &record, interval, now)
    }

    fn sent(seconds_ago: i64) -> serde_json::Value {
        let sent = jiff::Timestamp::from_second(1_795_000_000 - seconds_ago).unwrap();
        json!(sent.to_string())
    }

    #[test]
    fn a_heartbeat_counts_for_three_intervals() {
        for age in [0, 1, 899, 900] {
            let expected = Heartbeat::Counts(Duration::from_secs(age));
            let age = i64::try_from(age).unwrap();
            assert_eq!(judged(sent(age), Some(FIVE_MINUTES)), Some(expected));
        }
    }

    #[test]
    fn a_replayed_or_odd_heartbeat_is_dropped() {
        for (sent_at, interval, reason) in [
            (
                sent(901),
                Some(FIVE_MINUTES),
                "it is older than three intervals",
            ),
            (sent(-11), Some(FIVE_MINUTES), "it is from the future"),
            (sent(0), None, "this stack sends none"),
            (
                json!(null),
                Some(FIVE_MINUTES),
                "it does not say when it was sent",
            ),
            (
                json!("soon"),
                Some(FIVE_MINUTES),
                "it does not say when it was sent",
            ),
        ] {
            let judged = judged(sent_at, interval);
            assert_eq!(judged, Some(Heartbeat::Dropped(reason)));
        }
    }

    #[test]
    fn clocks_may_differ_by_seconds() {
        let counts = Some(Heartbeat::Counts(Duration::ZERO));
        assert_eq!(judged(sent(-10), Some(FIVE_MINUTES)), counts);
    }

    #[test]
    fn other_events_are_no_heartbeats() {
        let body = json!({"event_type": "moon.risen", "resource_id": "r", "sent_at": sent(0)});
        let record = json!({"messageId": "m", "body": body.to_string()});
        let record: Record = serde_json::from_str(&record.to_string()).unwrap();
        let now = SystemTime::UNIX_EPOCH + NOW;
        let event = QueuedEvent::decode(&record, now).unwrap();
        assert_eq!(
            Heartbeat::in_message(&event, &record, Some(FIVE_MINUTES), now),
            None
        );
    }
}
