//! A log line about a delivery.

use std::fmt;

use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::printable::printable;

/// The fields that tell what became of a delivery, in the order in which they are shown.
const DETAILS: [&str; 14] = [
    "status",
    "outcome",
    "reason",
    "event_type",
    "attempt",
    "wait_s",
    "failure_reason",
    "error",
    "unsent",
    "error_type",
    "elapsed_ms",
    "responseLatency",
    "integrationStatus",
    "integrationError",
];

/// A line that has the request id.
#[derive(Serialize)]
pub struct Line {
    pub time: Timestamp,
    pub log: &'static str,
    /// The whole line, without what it says to CloudWatch about its metrics.
    line: Value,
}

impl Line {
    /// Reads an event of a log group. Returns `None` if the line has no such request id, even if the id is somewhere in it.
    pub fn read(log: &'static str, event: &FilteredLogEvent, request_id: &str) -> Option<Self> {
        let mut line: Value = serde_json::from_str(event.message()?).ok()?;
        has_request_id(&line, request_id).then_some(())?;
        line.as_object_mut()?.remove("_aws");
        let time = Timestamp::from_millisecond(event.timestamp()?).ok()?;
        Some(Self { time, log, line })
    }

    /// What the line is about.
    pub fn message(&self) -> String {
        match self.line["message"].as_str() {
            Some(message) => printable(message),
            None if self.line["requestId"].is_string() => "answered".into(),
            None => "-".into(),
        }
    }

    /// What else the line says.
    pub fn details(&self) -> String {
        let details = DETAILS.iter().filter_map(|name| {
            let value = match self.line.get(*name)? {
                Value::String(text) if text.is_empty() || text == "-" => return None,
                Value::String(text) => printable(text),
                Value::Null => return None,
                other => other.to_string(),
            };
            Some(format!("{name}={value}"))
        });
        details.collect::<Vec<_>>().join(" ")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, message, details) = (self.time, self.message(), self.details());
        write!(f, "{time:.3} {} {message} {details}", self.log)
    }
}

/// Looks where the access log, the functions and their spans have the id.
fn has_request_id(line: &Value, request_id: &str) -> bool {
    let is_it = |value: &Value| value.as_str() == Some(request_id);
    let spans = line["spans"].as_array().into_iter().flatten();
    is_it(&line["requestId"])
        || is_it(&line["request_id"])
        || is_it(&line["span"]["request_id"])
        || spans.map(|span| &span["request_id"]).any(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(message: &str) -> Option<Line> {
        let event = FilteredLogEvent::builder()
            .timestamp(1_795_000_000_123)
            .message(message);
        Line::read("webhook", &event.build(), "JKJaXmPLvHcESHA=")
    }

    #[test]
    fn the_id_is_in_the_access_log_in_a_line_and_in_its_span() {
        for line in [
            json!({"requestId": "JKJaXmPLvHcESHA="}),
            json!({"request_id": "JKJaXmPLvHcESHA="}),
            json!({"span": {"request_id": "JKJaXmPLvHcESHA="}}),
            json!({"spans": [{}, {"request_id": "JKJaXmPLvHcESHA="}]}),
        ] {
            assert!(read(&line.to_string()).is_some(), "{line}");
        }
    }

    #[test]
    fn another_id_that_holds_this_one_is_another_delivery() {
        for line in [
            r#"{"request_id": "JKJaXmPLvHcESHA=="}"#,
            r#"{"message": "JKJaXmPLvHcESHA="}"#,
            "START JKJaXmPLvHcESHA=",
            "",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_line_is_shown_by_its_message_and_what_became_of_the_delivery() {
        let line = json!({
            "message": "message goes back", "request_id": "JKJaXmPLvHcESHA=", "wait_s": 7, "error": "no\nanswer", "Stack": "s",
            "failure_reason": null, "_aws": {},
        });
        let line = read(&line.to_string()).unwrap();
        assert_eq!(line.message(), "message goes back");
        assert_eq!(line.details(), r"wait_s=7 error=no\nanswer");
        assert_eq!(line.line["Stack"], "s");
        assert_eq!(line.line.get("_aws"), None);
        let line = json!({"requestId": "JKJaXmPLvHcESHA=", "status": "204", "error": "-"});
        let line = read(&line.to_string()).unwrap();
        assert_eq!(
            (line.message(), line.details()),
            ("answered".into(), "status=204".into())
        );
    }
}
