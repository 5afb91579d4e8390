//! Processes one batch: one message after the other, all before Lambda's deadline.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use whoop_partner::aws::{self, AwsHttpClients, CallTimeouts, SdkConfig};
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::env::EnvError;
use whoop_partner::lambda::metrics::MetricLog;
use whoop_partner::partner::PartnerClient;
use whoop_partner::secrets::PartnerCredentialsCache;
use whoop_partner::token_store::TokenStore;

use crate::batch::{AnyRecord, BatchItemFailure, BatchResponse, SqsBatch, UnidentifiedMessage};
use crate::bus::Bus;
use crate::config::Config;
use crate::dead_letter::DeadLetterQueue;
use crate::message_processor::MessageProcessor;
use crate::pace::{Budget, PacedClient};
use crate::published_states::PublishedStates;
use crate::queue::{Queue, Returned};
use crate::relay::Relay;
use crate::start;

/// This long before Lambda's deadline, no message is relayed any more. The rest is for the messages that failed.
const RESERVE: Duration = Duration::from_secs(5);

/// This long before Lambda's deadline, no message is set aside any more. The rest is for the messages that stay in the queue.
const KEEPING_OUT: Duration = Duration::from_millis(2500);

/// This long before Lambda's deadline, nothing is done any more. The rest is for the answer to reach Lambda.
const ANSWER: Duration = Duration::from_secs(1);

/// How many calls of WHOOP's rate limit are left to other executions. At most two executions run at once, and the other may
/// have made calls since the last answer to this one. Without a reserve, one of them would run into a 429.
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
    messages: MessageProcessor,
    queue: Queue,
    clock: Clock,
}

impl EventProcessor {
    /// Builds the clients: of AWS over `aws_http`, of WHOOP over `http`. Then it reads the token and opens the connections, so that
    /// the first message finds everything ready. What fails or takes too long is left to that message.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable of the AWS SDK or of the log is missing or malformed.
    pub async fn connect(
        config: Config,
        aws_http: AwsHttpClients,
        http: HttpClient,
        clock: Clock,
    ) -> Result<Self, EnvError> {
        let aws = aws::sdk_config(CALL_TIMEOUTS, aws_http.usual, clock.clone())?;
        let log = MetricLog::from_env("event_processor", clock.clone())?;
        let processor = Self::new(config, &aws, http, clock, log);
        start::prepare(&processor.messages.relay).await;
        Ok(processor)
    }

    /// Builds the clients of AWS as `aws` says, whatever the environment holds. It makes no call yet.
    #[doc(hidden)]
    #[must_use]
    pub fn new(
        config: Config,
        aws: &SdkConfig,
        http: HttpClient,
        clock: Clock,
        log: MetricLog,
    ) -> Self {
        let dynamodb = aws_sdk_dynamodb::Client::new(aws);
        let credentials = PartnerCredentialsCache::new(
            aws_sdk_secretsmanager::Client::new(aws),
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
        let events = aws_sdk_eventbridge::Client::new(aws);
        let sqs = aws_sdk_sqs::Client::new(aws);
        let relay = Relay {
            partner: PacedClient(partner),
            bus: Bus::new(events, config.event_bus_name),
            published: PublishedStates::new(dynamodb, config.published_table_name),
            auto_confirm_orders: config.auto_confirm_orders,
            clock: clock.clone(),
        };
        Self {
            messages: MessageProcessor {
                relay,
                queue_limits: config.queue_limits,
                dead_letters: DeadLetterQueue::new(sqs.clone(), config.dead_letter_queue_url),
                heartbeat_interval: config.heartbeat_interval,
                clock: clock.clone(),
                log,
            },
            queue: Queue::new(sqs, config.queue_url),
            clock,
        }
    }

    /// Processes a batch before `deadline`, and says which of its messages stay in the queue.
    ///
    /// # Errors
    ///
    /// [`UnidentifiedMessage`] if a record has no message id. Then all messages stay in the queue.
    pub async fn handle(
        &self,
        batch: SqsBatch,
        deadline: SystemTime,
    ) -> Result<BatchResponse, UnidentifiedMessage> {
        let cold_start = self.messages.log.invocation_begins();
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
            let processed = self.messages.process(&record, budget, aside_by, cold_start);
            let wait = processed.await;
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
}

#[cfg(test)]
mod tests;
