//! Processes one message, whatever it holds: decodes it, relays it in time, and decides what becomes of it if that fails.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use whoop_partner::call_failure::CallFailure;
use whoop_partner::clock::Clock;
use whoop_partner::lambda::metrics::MetricLog;
use whoop_partner::queue_message::{FailureReason, Undecodable};

use crate::batch::Record;
use crate::config::QueueLimits;
use crate::dead_letter::DeadLetterQueue;
use crate::failure::{self, Failure, Fate};
use crate::heartbeat::Heartbeat;
use crate::message::QueuedEvent;
use crate::message_log::{MessageLog, Moment};
use crate::pace::Budget;
use crate::relay::{Outcome, Relay};

/// Processes messages. One that fails affects no other.
pub(crate) struct MessageProcessor {
    pub(crate) relay: Relay,
    pub(crate) queue_limits: QueueLimits,
    pub(crate) dead_letters: DeadLetterQueue,
    /// The time between two heartbeats, if any are sent.
    pub(crate) heartbeat_interval: Option<Duration>,
    pub(crate) clock: Clock,
    pub(crate) log: MetricLog,
}

impl MessageProcessor {
    /// Processes a message, and logs what became of it.
    ///
    /// If the message stays in the queue, this returns how long it stays invisible there. If it has to be set aside, that ends
    /// at `aside_by`. `cold_start` says whether the batch met a cold start.
    pub(crate) async fn process(
        &self,
        record: &Record,
        budget: Budget,
        aside_by: Instant,
        cold_start: bool,
    ) -> Option<Duration> {
        let now = self.clock.now();
        let event = QueuedEvent::decode(record, now);
        let event_type = event.as_ref().ok().map(QueuedEvent::detail_type);
        let log = MessageLog::new(&self.log, record, event_type, now, cold_start);
        let heartbeat = event
            .as_ref()
            .ok()
            .and_then(|event| Heartbeat::in_message(event, record, self.heartbeat_interval, now));
        if let Some(heartbeat) = heartbeat {
            log.heartbeat(heartbeat);
            return None;
        }
        let relayed = self.relay_in_time(event, record, budget);
        let failure = match relayed.instrument(log.span()).await {
            Ok(outcome) => {
                log.processed(outcome, self.moment());
                return None;
            }
            Err(failure) => failure,
        };
        let reason = match failure.fate(record, self.queue_limits, self.clock.now()) {
            Fate::SetAside(reason) => reason,
            Fate::Returns(wait) => {
                log.goes_back(&failure, wait, self.moment());
                return Some(wait);
            }
        };
        match self.set_aside(record, reason, aside_by).await {
            Ok(()) => {
                log.set_aside(&failure, reason, self.moment());
                None
            }
            Err(unsent) => {
                let wait = failure::wait_unsent(record);
                log.not_set_aside(&failure, reason, &unsent, wait, self.moment());
                Some(wait)
            }
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            now: self.clock.now(),
            rate_limit: self.relay.partner.0.rate_limit(),
        }
    }

    /// Relays an event before the batch ends. A panic is a failure like any other.
    async fn relay_in_time(
        &self,
        event: Result<QueuedEvent, Undecodable>,
        record: &Record,
        budget: Budget,
    ) -> Result<Outcome, Failure> {
        let event = event?;
        // boxed, because the compiler gives up on a future as deep as this one
        let relayed = Box::pin(self.relay.relay(&event, record, budget));
        let relayed = AssertUnwindSafe(relayed).catch_unwind();
        match timeout_at(budget.deadline, relayed).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::passing("the function panicked")),
            Err(_) => Err(Failure::passing("no time left")),
        }
    }

    /// Sends a copy of the message to the dead-letter queue before `aside_by`.
    async fn set_aside(
        &self,
        record: &Record,
        reason: FailureReason,
        aside_by: Instant,
    ) -> Result<(), CallFailure> {
        timeout_at(aside_by, self.dead_letters.send(record, reason))
            .await
            .unwrap_or_else(|_| Err(CallFailure::no_answer("no time left")))
    }
}
