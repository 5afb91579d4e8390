//! The log line of a request: what became of it, for operators and for the metrics. Operators find it by `request_id`.

use std::time::Duration;

use lambda_http::http::StatusCode;
use serde::Serialize;
use tracing::Level;
use whoop_partner::heartbeat;
use whoop_partner::lambda::metrics::{Measure, Metric, MetricLog};
use whoop_partner::signature::MatchedKey;

use crate::accept::Refusal;

/// Writes the line of one request.
#[derive(Debug)]
pub struct RequestLog<'a> {
    log: &'a MetricLog,
    request_id: Option<&'a str>,
    cold_start: bool,
}

/// What a request led to.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Queued,
    Refused,
    Panicked,
}

/// The fields of the line.
#[derive(Serialize)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    outcome: Outcome,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
    elapsed_ms: u64,
    cold_start: bool,
}

impl<'a> RequestLog<'a> {
    /// Notes that an invocation begins with this request.
    pub fn new(log: &'a MetricLog, request_id: Option<&'a str>) -> Self {
        Self {
            log,
            request_id,
            cold_start: log.invocation_begins(),
        }
    }

    /// The webhook is in the queue, `elapsed` after the request arrived.
    pub fn queued(&self, elapsed: Duration, event_type: Option<&str>, key: MatchedKey) {
        let by_previous_key = [
            (Metric::Accepted, 1.0),
            latency(elapsed),
            (Metric::AcceptedByPreviousKey, 1.0),
        ];
        let measures = match (event_type, key) {
            (Some(heartbeat::EVENT_TYPE), _) => &[(Metric::HeartbeatAccepted, 1.0)],
            (_, MatchedKey::Previous) => &by_previous_key[..],
            (_, MatchedKey::Current) => &by_previous_key[..2],
        };
        let fields = Fields {
            event_type,
            ..self.fields(Outcome::Queued, StatusCode::NO_CONTENT, elapsed)
        };
        self.log
            .write(Level::INFO, "webhook queued", &fields, measures);
    }

    /// The webhook is refused. The metric with which an alarm compares this one counts 0, so that it has a value too.
    pub fn refused(&self, elapsed: Duration, refusal: Refusal) {
        let (metric, other) = match refusal {
            Refusal::SignatureWrong => (Metric::RefusedSignature, Some(Metric::Accepted)),
            Refusal::KeysUnavailable => (Metric::KeysUnavailable, Some(Metric::QueueUnavailable)),
            Refusal::QueueUnavailable => (Metric::QueueUnavailable, Some(Metric::KeysUnavailable)),
            Refusal::SignatureMissing
            | Refusal::SignatureMalformed
            | Refusal::Base64Malformed
            | Refusal::BodyEmpty
            | Refusal::BodyTooLarge => (Metric::RefusedOther, None),
        };
        let mut measures = vec![(metric, 1.0), latency(elapsed)];
        measures.extend(other.map(|other| (other, 0.0)));
        let fields = Fields {
            reason: Some(refusal),
            ..self.fields(Outcome::Refused, refusal.status(), elapsed)
        };
        self.log
            .write(Level::WARN, "webhook refused", &fields, &measures);
    }

    /// The function has a defect. The line before has the place of the panic. The metrics of the services count 0, so that an
    /// alarm can tell this answer from a 503.
    pub(crate) fn panicked(&self, elapsed: Duration) {
        let fields = self.fields(
            Outcome::Panicked,
            StatusCode::INTERNAL_SERVER_ERROR,
            elapsed,
        );
        let message = "webhook failed by a panic";
        let measures = [
            latency(elapsed),
            (Metric::KeysUnavailable, 0.0),
            (Metric::QueueUnavailable, 0.0),
        ];
        self.log.write(Level::ERROR, message, &fields, &measures);
    }

    fn fields(&self, outcome: Outcome, status: StatusCode, elapsed: Duration) -> Fields<'a> {
        Fields {
            request_id: self.request_id,
            outcome,
            status: status.as_u16(),
            event_type: None,
            reason: None,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            cold_start: self.cold_start,
        }
    }
}

/// In milliseconds, to a tenth.
fn latency(elapsed: Duration) -> Measure {
    let milliseconds = (elapsed.as_secs_f64() * 10_000.0).round() / 10.0;
    (Metric::Latency, milliseconds)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use whoop_partner::clock::Clock;

    use super::*;

    const ELAPSED: Duration = Duration::from_micros(2345);

    /// The line that `write` leads to, and the values of its metrics.
    fn line(write: impl FnOnce(&RequestLog<'_>)) -> (Value, BTreeMap<String, f64>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        let log = MetricLog::new("stack", "webhook", Clock::system(), move |line| {
            written.lock().unwrap().push(line.to_owned());
        });
        write(&RequestLog::new(&log, Some("r-1")));
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
        let names = metrics
            .unwrap()
            .iter()
            .map(|metric| metric["Name"].as_str());
        let values = names.map(|name| {
            let name = name.unwrap();
            (name.to_owned(), line[name].as_f64().unwrap())
        });
        let values = values.collect();
        (line, values)
    }

    #[track_caller]
    fn assert_counts(write: impl FnOnce(&RequestLog<'_>), expected: &[(&str, f64)]) {
        let (_, values) = line(write);
        let expected = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value));
        assert_eq!(values, expected.collect());
    }

    #[test]
    fn each_decision_has_its_metrics() {
        let created = Some("lab_requisition.created");
        assert_counts(
            |log| log.queued(ELAPSED, created, MatchedKey::Current),
            &[("Accepted", 1.0), ("Latency", 2.3)],
        );
        assert_counts(
            |log| log.queued(ELAPSED, None, MatchedKey::Previous),
            &[
                ("Accepted", 1.0),
                ("AcceptedByPreviousKey", 1.0),
                ("Latency", 2.3),
            ],
        );
        assert_counts(
            |log| log.queued(ELAPSED, Some(heartbeat::EVENT_TYPE), MatchedKey::Previous),
            &[("HeartbeatAccepted", 1.0)],
        );
        assert_counts(
            |log| log.refused(ELAPSED, Refusal::SignatureWrong),
            &[
                ("Accepted", 0.0),
                ("Latency", 2.3),
                ("RefusedSignature", 1.0),
            ],
        );
        for refusal in [
            Refusal::SignatureMissing,
            Refusal::SignatureMalformed,
            Refusal::Base64Malformed,
            Refusal::BodyEmpty,
            Refusal::BodyTooLarge,
        ] {
            assert_counts(
                |log| log.refused(ELAPSED, refusal),
                &[("Latency", 2.3), ("RefusedOther", 1.0)],
            );
        }
        assert_counts(
            |log| log.refused(ELAPSED, Refusal::KeysUnavailable),
            &[
                ("KeysUnavailable", 1.0),
                ("Latency", 2.3),
                ("QueueUnavailable", 0.0),
            ],
        );
        assert_counts(
            |log| log.refused(ELAPSED, Refusal::QueueUnavailable),
            &[
                ("KeysUnavailable", 0.0),
                ("Latency", 2.3),
                ("QueueUnavailable", 1.0),
            ],
        );
        assert_counts(
            |log| log.panicked(ELAPSED),
            &[
                ("KeysUnavailable", 0.0),
                ("Latency", 2.3),
                ("QueueUnavailable", 0.0),
            ],
        );
    }

    #[test]
    fn the_fields_say_what_became_of_the_request() {
        let (queued, _) = line(|log| log.queued(ELAPSED, Some("moon.risen"), MatchedKey::Current));
        assert_eq!(queued["message"], "webhook queued");
        assert_eq!(queued["request_id"], "r-1");
        assert_eq!(queued["outcome"], "queued");
        assert_eq!(queued["status"], 204);
        assert_eq!(queued["event_type"], "moon.risen");
        assert_eq!(queued["cold_start"], true);
        assert_eq!(queued["elapsed_ms"], 2);
        let (refused, _) = line(|log| log.refused(ELAPSED, Refusal::BodyTooLarge));
        assert_eq!(refused["outcome"], "refused");
        assert_eq!(refused["status"], 413);
        assert_eq!(refused["reason"], "BodyTooLarge");
        assert_eq!(refused.get("event_type"), None);
    }
}
