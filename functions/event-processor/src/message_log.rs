//! The log lines that say what became of a message. Operators find them by `request_id`, `message_id` and `event_type`.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tracing::Span;
use whoop_partner::call_failure::CallFailure;
use whoop_partner::queue_message::{FailureReason, REQUEST_ID};

use crate::batch::Record;
use crate::failure::Failure;
use crate::message;
use crate::relay::Outcome;

/// The fields that every line about a message has.
pub(crate) struct MessageLog<'r> {
    message_id: Option<&'r str>,
    request_id: Option<&'r str>,
    received_at: String,
    event_type: Option<String>,
    attempt: u32,
    start: Instant,
}

/// Logs a line with the fields of every line and with its own.
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
    /// Starts the log of a message. Its time runs from now on; `now` is the clock's time.
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

    /// Returns the span of all lines that are logged while the message is processed.
    pub(crate) fn span(&self) -> Span {
        tracing::info_span!(
            "message",
            message_id = self.message_id,
            request_id = self.request_id,
            received_at = self.received_at,
        )
    }

    /// The message needs no further try.
    pub(crate) fn processed(&self, outcome: Outcome) {
        line!(self, info, ?outcome, "message processed");
    }

    /// The message stays in the queue and is invisible for `wait`.
    pub(crate) fn goes_back(&self, failure: &Failure, wait: Duration) {
        let (error, wait_s) = (failure.error(), wait.as_secs());
        line!(self, warn, error, wait_s, "message goes back");
    }

    /// The message is in the dead-letter queue.
    pub(crate) fn set_aside(&self, failure: &Failure, reason: FailureReason) {
        let (error, failure_reason) = (failure.error(), reason.as_str());
        line!(self, error, failure_reason, error, "message set aside");
    }

    /// The dead-letter queue did not take the message, so it stays in the queue and is invisible for `wait`.
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
