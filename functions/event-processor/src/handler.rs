//! One batch: each message by itself, all before Lambda's deadline.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;
use whoop_partner::aws::{self, AwsHttpClients, CallTimeouts};
use whoop_partner::call_failure::CallFailure;
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::env::EnvError;
use whoop_partner::partner::{
    PartnerClient, PartnerError, ResourceJson, ServiceRequestId, TaskBusinessStatus,
};
use whoop_partner::queue_message::Undecodable;
use whoop_partner::secrets::PartnerCredentialsCache;
use whoop_partner::token_store::TokenStore;

use crate::batch::{
    AnyRecord, BatchItemFailure, BatchResponse, Record, SqsBatch, UnidentifiedMessage,
};
use crate::bus::{Bus, Publication};
use crate::config::{Config, QueueLimits};
use crate::dead_letter::DeadLetterQueue;
use crate::failure::{self, Failure, Fate};
use crate::message::{self, QueuedEvent};
use crate::pace::{Budget, PacedClient};
use crate::published_states::{Claim, PublishedStates};
use crate::queue::{Queue, Returned};
use crate::resource::{self, Resource};

/// What is kept of the time until Lambda's deadline, for what becomes of the messages that are not done with.
const RESERVE: Duration = Duration::from_secs(5);

/// What of that is left for the messages that stay in the queue, after others have been set aside.
const KEEPING_OUT: Duration = Duration::from_millis(2500);

/// What of that is left for the answer to reach Lambda.
const ANSWER: Duration = Duration::from_secs(1);

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
    partner: PacedClient,
    bus: Bus,
    published: PublishedStates,
    dead_letters: DeadLetterQueue,
    queue: Queue,
    queue_limits: QueueLimits,
    auto_confirm_orders: bool,
    clock: Clock,
}

/// What became of a message that is done with.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Published,
    AlreadyPublished,
    Outdated,
}

impl EventProcessor {
    /// Builds the clients; no call yet.
    ///
    /// # Errors
    ///
    /// When a variable of the AWS SDK or of TLS is missing or malformed.
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
            .http_client(http)
            .clock(clock.clone())
            .build()
            .expect("the HTTP client is given");
        let sqs = aws_sdk_sqs::Client::new(&aws);
        let events = aws_sdk_eventbridge::Client::new(&aws);
        Ok(Self {
            partner: PacedClient::new(partner, clock.clone()),
            bus: Bus::new(events, config.event_bus_name),
            published: PublishedStates::new(dynamodb, config.published_table_name),
            dead_letters: DeadLetterQueue::new(sqs.clone(), config.dead_letter_queue_url),
            queue: Queue::new(sqs, config.queue_url),
            queue_limits: config.queue_limits,
            auto_confirm_orders: config.auto_confirm_orders,
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
            let wait = self
                .settle(&record, budget, invocation_ends - KEEPING_OUT)
                .await;
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

    /// Processes one message, whatever it holds, decides what becomes of it, and logs that.
    ///
    /// Returns how long the message is to stay out of the queue, if it goes back there. `aside_by` is the last moment for
    /// setting it aside.
    async fn settle(&self, record: &Record, budget: Budget, aside_by: Instant) -> Option<Duration> {
        let start = Instant::now();
        let now = self.clock.now();
        let event = QueuedEvent::decode(record, now);
        let event_type = event.as_ref().ok().map(QueuedEvent::detail_type);
        let message_id = record.message_id.as_deref();
        let request_id = record.text_attribute("request_id");
        let received_at = message::received_at(record, now);
        let attempt = record.receive_count();
        let span = tracing::info_span!("message", message_id, request_id, received_at);
        macro_rules! log {
            ($level:ident, $($line:tt)+) => {
                tracing::$level!(
                    message_id,
                    request_id,
                    received_at,
                    event_type,
                    attempt,
                    elapsed_ms = start.elapsed().as_millis(),
                    $($line)+
                )
            };
        }
        let processed = self.process_in_time(event, record, budget);
        let failure = match processed.instrument(span).await {
            Ok(outcome) => {
                log!(info, ?outcome, "message processed");
                return None;
            }
            Err(failure) => failure,
        };
        let error = failure.error();
        let wait = match failure.fate(record, self.queue_limits, self.clock.now()) {
            Fate::Returns(wait) => {
                log!(warn, error, wait_s = wait.as_secs(), "message goes back");
                wait
            }
            Fate::SetAside(reason) => {
                let failure_reason = reason.as_str();
                let sent = timeout_at(aside_by, self.dead_letters.send(record, reason));
                match sent.await.unwrap_or_else(|_| Err(no_time())) {
                    Ok(()) => {
                        log!(error, failure_reason, error, "message set aside");
                        return None;
                    }
                    Err(unsent) => {
                        let wait = failure::wait_unsent(record);
                        let wait_s = wait.as_secs();
                        log!(warn, failure_reason, error, %unsent, wait_s, "message goes back: not set aside");
                        wait
                    }
                }
            }
        };
        Some(wait)
    }

    /// Processes one message within its time; a panic is a failure like others.
    async fn process_in_time(
        &self,
        event: Result<QueuedEvent, Undecodable>,
        record: &Record,
        budget: Budget,
    ) -> Result<Outcome, Failure> {
        let event = event?;
        // boxed, because the compiler gives up on a future as deep as the whole story
        let story = Box::pin(self.process(&event, record, budget));
        let story = AssertUnwindSafe(story).catch_unwind();
        match timeout_at(budget.deadline, story).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Failure::passing("a panic")),
            Err(_) => Err(Failure::passing("no time left")),
        }
    }

    /// The story of a good message.
    async fn process(
        &self,
        event: &QueuedEvent,
        record: &Record,
        budget: Budget,
    ) -> Result<Outcome, Failure> {
        let Some(resource) = Resource::of(event)? else {
            self.bus.publish(event, None).await?;
            return Ok(Outcome::Published);
        };
        let fetched = self
            .partner
            .call(budget, async |partner| resource.fetch(partner).await)
            .await;
        let json = match fetched {
            // its state is not known, so it is published each time, and there is nothing to confirm
            Err(PartnerError::TooLarge { .. }) => {
                self.bus.publish_reference(event, &resource.path()).await?;
                return Ok(Outcome::Published);
            }
            fetched => {
                fetched.map_err(|error| Failure::from_partner(&error, record, self.clock.now()))?
            }
        };
        let outcome = self.publish(event, &resource, &json).await?;
        if !self.auto_confirm_orders {
            return Ok(outcome);
        }
        if outcome == Outcome::Outdated {
            // it may say that nobody has given a status, although somebody has by now
            return Err(Failure::passing(
                "what WHOOP shows is older than what is published, so nothing is confirmed yet",
            ));
        }
        let unconfirmed = resource::unconfirmed(&json);
        drop(json);
        self.confirm(unconfirmed, budget)
            .await
            .map_err(|error| Failure::from_partner(&error, record, self.clock.now()))?;
        Ok(outcome)
    }

    /// Publishes a resource in a state that is not on the bus yet.
    async fn publish(
        &self,
        event: &QueuedEvent,
        resource: &Resource,
        json: &ResourceJson,
    ) -> Result<Outcome, Failure> {
        let path = resource.path();
        let state = resource::state(json);
        let lease = match self.published.claim(&path, state, self.clock.now()).await? {
            Claim::Granted(lease) => lease,
            Claim::Published => return Ok(Outcome::AlreadyPublished),
            Claim::Outdated => return Ok(Outcome::Outdated),
            Claim::Busy => {
                return Err(Failure::passing(
                    "another execution is publishing the resource",
                ));
            }
        };
        let json: &RawValue =
            serde_json::from_str(json.as_str()).expect("the client checks that it is JSON");
        let publication = Publication { json, path: &path };
        if let Err(error) = self.bus.publish(event, Some(publication)).await {
            if let Err(error) = self.published.release(lease).await {
                tracing::warn!(%error, "the next try has to wait for the end of the lease");
            }
            return Err(error.into());
        }
        if let Err(error) = self.published.remember(lease, self.clock.now()).await {
            // going back would publish it a second time for sure, going on only if WHOOP repeats the webhook
            tracing::error!(%error, "a published state is not remembered");
        }
        Ok(Outcome::Published)
    }

    /// Confirms service requests, as many as WHOOP lets us.
    async fn confirm(
        &self,
        unconfirmed: Result<Vec<ServiceRequestId>, PartnerError>,
        budget: Budget,
    ) -> Result<(), PartnerError> {
        let mut refusal = None;
        for id in unconfirmed? {
            let confirmed = self
                .partner
                .call(budget, async |partner| {
                    let status = TaskBusinessStatus::OrderConfirmed;
                    partner.set_service_request_status(&id, status).await
                })
                .await;
            match confirmed {
                Ok(_) => {}
                Err(error @ (PartnerError::NotFound | PartnerError::InvalidRequest { .. })) => {
                    refusal = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        refusal.map_or(Ok(()), Err)
    }
}

fn no_time() -> CallFailure {
    CallFailure::no_answer("no time left")
}

#[cfg(test)]
mod tests;
