//! The log lines that say what becomes of a message. Operators search for them by `request_id`, `message_id` and `event_type`.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::Span;
use whoop_partner::call_failure::CallFailure;
use whoop_partner::queue_message::{FailureReason, REQUEST_ID};

use crate::batch::Record;
use crate::failure::Failure;
use crate::message;
use crate::relay::Outcome;

/// What every line about a message says.
pub(crate) struct MessageLog<'r> {
    message_id: Option<&'r str>,
    request_id: Option<&'r str>,
    received_at: String,
    event_type: Option<String>,
    attempt: u32,
    start: Instant,
}

/// A line at a level, with what every line says and with fields of its own.
macro_rules! line {
    ($log:ident, $level:ident, $($fields_and_text:tt)+) => {
        tracing::$level!(
            message_id = $log.message_id,
            request_id = $log.request_id,
            received_at = $log.received_at,
            event_type = $log.event_type,
            attempt = $log.attempt,
            elapsed_ms = $log.start.elapsed().as_millis(),
            $($fields_and_text)+
        )
    };
}

impl<'r> MessageLog<'r> {
    /// The log of a message that is being processed from `now` on.
    pub(crate) fn new(record: &'r Record, event_type: Option<String>, now: SystemTime) -> Self {
        Self {
            message_id: record.message_id.as_deref(),
            request_id: record.text_attribute(REQUEST_ID),
            received_at: message::received_at(record, now),
            event_type,
            attempt: record.receive_count(),
            start: Instant::now(),
        }
    }

    /// The span for everything that is logged while the message is processed.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(
            "message",
            message_id = self.message_id,
            request_id = self.request_id,
            received_at = self.received_at,
        )
    }

    pub(crate) fn processed(&self, outcome: Outcome) {
        line!(self, info, ?outcome, "message processed");
    }

    pub(crate) fn goes_back(&self, failure: &Failure, wait: Duration) {
        let (error, wait_s) = (failure.error(), wait.as_secs());
        line!(self, warn, error, wait_s, "message goes back");
    }

    pub(crate) fn set_aside(&self, failure: &Failure, reason: FailureReason) {
        let (error, failure_reason) = (failure.error(), reason.as_str());
        line!(self, error, failure_reason, error, "message set aside");
    }

    /// The dead-letter queue did not take the message.
    pub(crate) fn not_set_aside(
        &self,
        failure: &Failure,
        reason: FailureReason,
        unsent: &CallFailure,
        wait: Duration,
    ) {
        let (error, failure_reason, wait_s) = (failure.error(), reason.as_str(), wait.as_secs());
        line!(
            self,
            warn,
            failure_reason,
            error,
            %unsent,
            wait_s,
            "message goes back: not set aside"
        );
    }
}
