//! The log lines that say what became of a message, for operators and for the metrics. Operators find them by `request_id`,
//! `message_id` and `event_type`.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;
use tracing::{Level, Span};
use whoop_partner::call_failure::CallFailure;
use whoop_partner::lambda::metrics::{Measure, Metric, MetricLog};
use whoop_partner::partner::RateLimit;
use whoop_partner::queue_message::{FailureReason, REQUEST_ID};

use crate::batch::Record;
use crate::failure::Failure;
use crate::heartbeat::Heartbeat;
use crate::message;
use crate::relay::Outcome;

/// What the lines about one message have in common.
pub(crate) struct MessageLog<'r> {
    log: &'r MetricLog,
    record: &'r Record,
    received_at: String,
    event_type: Option<String>,
    cold_start: bool,
    start: Instant,
}

/// The moment at which something became of a message.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    /// The clock's time.
    pub(crate) now: SystemTime,
    /// What WHOOP last said about its rate limit.
    pub(crate) rate_limit: Option<RateLimit>,
}

/// The fields of a line.
#[derive(Default, Serialize)]
struct Fields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    received_at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<&'a str>,
    attempt: u32,
    elapsed_ms: u64,
    cold_start: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_s: Option<u64>,
}

impl<'r> MessageLog<'r> {
    /// Starts the log of a message. Its time runs from now on; `now` is the clock's time.
    pub(crate) fn new(
        log: &'r MetricLog,
        record: &'r Record,
        event_type: Option<String>,
        now: SystemTime,
        cold_start: bool,
    ) -> Self {
        Self {
            log,
            record,
            received_at: message::received_at(record, now),
            event_type,
            cold_start,
            start: Instant::now(),
        }
    }

    /// Returns the span of all lines that are logged while the message is processed.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(
            "message",
            message_id = self.record.message_id.as_deref(),
            request_id = self.record.text_attribute(REQUEST_ID),
            received_at = self.received_at,
        )
    }

    /// The message needs no further try.
    pub(crate) fn processed(&self, outcome: Outcome, moment: Moment) {
        let mut measures = match outcome {
            Outcome::Published => vec![(Metric::Published, 1.0), (Metric::AlreadyPublished, 0.0)],
            Outcome::AlreadyPublished | Outcome::Outdated => {
                vec![(Metric::AlreadyPublished, 1.0), (Metric::Published, 0.0)]
            }
        };
        if outcome == Outcome::Published
            && let Some(elapsed) = self.since_received(moment.now)
        {
            measures.push((Metric::OrderSeconds, seconds(elapsed)));
        }
        measures.extend(rate_limit_remaining(moment));
        let fields = Fields {
            outcome: Some(outcome),
            ..self.fields()
        };
        self.log
            .write(Level::INFO, "message processed", &fields, &measures);
    }

    /// The message stays in the queue and is invisible for `wait`.
    pub(crate) fn goes_back(&self, failure: &Failure, wait: Duration, moment: Moment) {
        let fields = Fields {
            error: Some(failure.error()),
            wait_s: Some(wait.as_secs()),
            ..self.fields()
        };
        let measures = self.returned(moment);
        self.log
            .write(Level::WARN, "message goes back", &fields, &measures);
    }

    /// The message is in the dead-letter queue.
    pub(crate) fn set_aside(&self, failure: &Failure, reason: FailureReason, moment: Moment) {
        let fields = Fields {
            failure_reason: Some(reason.as_str()),
            error: Some(failure.error()),
            ..self.fields()
        };
        let mut measures = vec![(Metric::SetAside, 1.0)];
        measures.extend(rate_limit_remaining(moment));
        self.log
            .write(Level::ERROR, "message set aside", &fields, &measures);
    }

    /// The dead-letter queue did not take the message, so it stays in the queue and is invisible for `wait`.
    pub(crate) fn not_set_aside(
        &self,
        failure: &Failure,
        reason: FailureReason,
        unsent: &CallFailure,
        wait: Duration,
        moment: Moment,
    ) {
        let unsent = unsent.to_string();
        let fields = Fields {
            failure_reason: Some(reason.as_str()),
            error: Some(failure.error()),
            unsent: Some(&unsent),
            wait_s: Some(wait.as_secs()),
            ..self.fields()
        };
        let message = "message goes back: not set aside";
        let measures = self.returned(moment);
        self.log.write(Level::WARN, message, &fields, &measures);
    }

    /// The message is a heartbeat. It needs no further try.
    pub(crate) fn heartbeat(&self, heartbeat: Heartbeat) {
        match heartbeat {
            Heartbeat::Counts(age) => {
                let measures = [(Metric::HeartbeatSeconds, seconds(age))];
                self.log
                    .write(Level::INFO, "heartbeat arrived", &self.fields(), &measures);
            }
            Heartbeat::Dropped(reason) => {
                let fields = Fields {
                    error: Some(reason),
                    ..self.fields()
                };
                self.log
                    .write(Level::WARN, "heartbeat dropped", &fields, &[]);
            }
        }
    }

    fn fields(&self) -> Fields<'_> {
        let elapsed = self.start.elapsed().as_millis();
        Fields {
            message_id: self.record.message_id.as_deref(),
            request_id: self.record.text_attribute(REQUEST_ID),
            received_at: &self.received_at,
            event_type: self.event_type.as_deref(),
            attempt: self.record.receive_count(),
            elapsed_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
            cold_start: self.cold_start,
            ..Fields::default()
        }
    }

    fn since_received(&self, now: SystemTime) -> Option<Duration> {
        let received_at: Timestamp = self.received_at.parse().ok()?;
        Some(since(received_at.try_into().ok()?, now))
    }

    /// Returns the metrics of a message that goes back. What is published counts 0, so that the alarm Stuck has values in an outage.
    fn returned(&self, moment: Moment) -> Vec<Measure> {
        let mut measures = vec![
            (Metric::Returned, 1.0),
            (Metric::Published, 0.0),
            (Metric::AlreadyPublished, 0.0),
        ];
        if let Some(sent_at) = self.record.sent_at() {
            let age = seconds(since(sent_at, moment.now));
            measures.push((Metric::ReturnedAgeSeconds, age));
        }
        measures.extend(rate_limit_remaining(moment));
        measures
    }
}

/// What WHOOP said, unless its window has ended since.
fn rate_limit_remaining(moment: Moment) -> Option<Measure> {
    let limit = moment.rate_limit?;
    let in_window = !limit.resets_in(moment.now).is_zero();
    in_window.then(|| (Metric::RateLimitRemaining, limit.remaining.into()))
}

/// The time since then; zero if that is in the future.
fn since(then: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(then).unwrap_or_default()
}

/// In seconds, to a thousandth.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}
