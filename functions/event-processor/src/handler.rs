//! One batch: each message by itself, all before Lambda's deadline.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use whoop_partner::aws::{self, AwsHttpClients, CallTimeouts};
use whoop_partner::call_failure::CallFailure;
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::env::EnvError;
use whoop_partner::partner::PartnerClient;
use whoop_partner::queue_message::{FailureReason, Undecodable};
use whoop_partner::secrets::PartnerCredentialsCache;
use whoop_partner::token_store::TokenStore;

use crate::batch::{
    AnyRecord, BatchItemFailure, BatchResponse, Record, SqsBatch, UnidentifiedMessage,
};
use crate::bus::Bus;
use crate::config::{Config, QueueLimits};
use crate::dead_letter::DeadLetterQueue;
use crate::failure::{self, Failure, Fate};
use crate::message::QueuedEvent;
use crate::message_log::MessageLog;
use crate::pace::{Budget, PacedClient};
use crate::published_states::PublishedStates;
use crate::queue::{Queue, Returned};
use crate::relay::{Outcome, Relay};

/// What is kept of the time until Lambda's deadline, for what becomes of the messages that are not done with.
const RESERVE: Duration = Duration::from_secs(5);

/// What of that is left for the messages that stay in the queue, after others have been set aside.
const KEEPING_OUT: Duration = Duration::from_millis(2500);

/// What of that is left for the answer to reach Lambda.
const ANSWER: Duration = Duration::from_secs(1);

/// How many calls of WHOOP's rate limit are left to the other executions of this function, of which there are two at most: the
/// last answer that this one has seen may be older than theirs. Without a reserve, one of them would run into a 429.
const CALLS_FOR_OTHERS: u32 = 2;

/// Limits for the AWS calls.
const CALL_TIMEOUTS: CallTimeouts = CallTimeouts {
    connect: Duration::from_secs(1),
    attempt: Duration::from_secs(3),
    operation: Duration::from_secs(8),
    max_attempts: 3,
    initial_backoff: Duration::from_millis(100),
};

/// The function with its long-lived clients.
pub struct EventProcessor {
    relay: Relay,
    queue: Queue,
    queue_limits: QueueLimits,
    dead_letters: DeadLetterQueue,
    clock: Clock,
}

impl EventProcessor {
    /// Builds the clients; no call yet.
    ///
    /// # Errors
    ///
    /// When a variable of the AWS SDK is missing or malformed.
    pub fn connect(
        config: Config,
        aws_http: AwsHttpClients,
        http: HttpClient,
        clock: Clock,
    ) -> Result<Self, EnvError> {
        let aws = aws::sdk_config(CALL_TIMEOUTS, aws_http.usual, clock.clone())?;
        let dynamodb = aws_sdk_dynamodb::Client::new(&aws);
        let credentials = PartnerCredentialsCache::new(
            aws_sdk_secretsmanager::Client::new(&aws),
            config.partner_credentials_secret_id,
        )
        .with_clock(clock.clone());
        let tokens = TokenStore::new(dynamodb.clone(), config.token_table_name);
        let partner = PartnerClient::builder(config.partner_api_base_url, credentials)
            .token_storage(tokens.with_clock(clock.clone()))
            .rate_limit_reserve(CALLS_FOR_OTHERS)
            .http_client(http)
            .clock(clock.clone())
            .build()
            .expect("the HTTP client is given");
        let events = aws_sdk_eventbridge::Client::new(&aws);
        let sqs = aws_sdk_sqs::Client::new(&aws);
        Ok(Self {
            relay: Relay {
                partner: PacedClient(partner),
                bus: Bus::new(events, config.event_bus_name),
                published: PublishedStates::new(dynamodb, config.published_table_name),
                auto_confirm_orders: config.auto_confirm_orders,
                clock: clock.clone(),
            },
            queue: Queue::new(sqs.clone(), config.queue_url),
            queue_limits: config.queue_limits,
            dead_letters: DeadLetterQueue::new(sqs, config.dead_letter_queue_url),
            clock,
        })
    }

    /// Processes a batch before `deadline`, and says which of its messages stay in the queue.
    ///
    /// # Errors
    ///
    /// When a record has no message id; then all messages stay in the queue.
    pub async fn handle(
        &self,
        batch: SqsBatch,
        deadline: SystemTime,
    ) -> Result<BatchResponse, UnidentifiedMessage> {
        let time_left = deadline.duration_since(self.clock.now());
        let time_left = time_left.unwrap_or_default();
        let invocation_ends = Instant::now() + time_left;
        let deadline = Instant::now() + time_left.saturating_sub(RESERVE);
        let mut unidentified = false;
        let mut returned = Vec::new();
        let mut to_do = batch.records.len();
        for AnyRecord(record) in batch.records {
            let budget = Budget::share(deadline, to_do);
            to_do -= 1;
            let aside_by = invocation_ends - KEEPING_OUT;
            let wait = self.handle_message(&record, budget, aside_by).await;
            match (record.message_id, wait) {
                (None, _) => unidentified = true,
                (Some(_), None) => {}
                (Some(message_id), Some(wait)) => returned.push(Returned {
                    message_id,
                    receipt_handle: record.receipt_handle,
                    wait,
                }),
            }
        }
        self.queue
            .keep_out(&returned, invocation_ends - ANSWER)
            .await;
        if unidentified {
            return Err(UnidentifiedMessage);
        }
        let failures = returned.into_iter().map(|message| BatchItemFailure {
            item_identifier: message.message_id,
        });
        Ok(BatchResponse {
            batch_item_failures: failures.collect(),
        })
    }

    /// Relays one message, whatever it holds, sees to what becomes of it, and logs that.
    ///
    /// Returns how long the message is to stay out of sight, if it stays in the queue. `aside_by` is the last moment for setting it
    /// aside.
    async fn handle_message(
        &self,
        record: &Record,
        budget: Budget,
        aside_by: Instant,
    ) -> Option<Duration> {
        let now = self.clock.now();
        let event = QueuedEvent::decode(record, now);
        let event_type = event.as_ref().ok().map(QueuedEvent::detail_type);
        let log = MessageLog::new(record, event_type, now);
        let relayed = self.relay_in_time(event, record, budget);
        let failure = match relayed.instrument(log.span()).await {
            Ok(outcome) => {
                log.processed(outcome);
                return None;
            }
            Err(failure) => failure,
        };
        let reason = match failure.fate(record, self.queue_limits, self.clock.now()) {
            Fate::SetAside(reason) => reason,
            Fate::Returns(wait) => {
                log.goes_back(&failure, wait);
                return Some(wait);
            }
        };
        match self.set_aside(record, reason, aside_by).await {
            Ok(()) => {
                log.set_aside(&failure, reason);
                None
            }
            Err(unsent) => {
                let wait = failure::wait_unsent(record);
                log.not_set_aside(&failure, reason, &unsent, wait);
                Some(wait)
            }
        }
    }

    /// Relays one message within its time. A panic is a failure like others.
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
            Ok(Err(_)) => Err(Failure::passing("a panic")),
            Err(_) => Err(Failure::passing("no time left")),
        }
    }

    async fn set_aside(
        &self,
        record: &Record,
        reason: FailureReason,
        aside_by: Instant,
    ) -> Result<(), CallFailure> {
        let sent = timeout_at(aside_by, self.dead_letters.send(record, reason));
        let sent = sent.await;
        sent.unwrap_or_else(|_| Err(CallFailure::no_answer("no time left")))
    }
}

#[cfg(test)]
mod tests;
