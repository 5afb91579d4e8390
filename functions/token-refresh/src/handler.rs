//! Refreshes the token once: reads the stored token and, if it is time, requests the next one from WHOOP and stores it.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::Instant;
use tracing::Level;
use whoop_partner::aws::{self, AwsHttpClients, CallTimeouts};
use whoop_partner::clock::Clock;
use whoop_partner::http::HttpClient;
use whoop_partner::lambda::env::EnvError;
use whoop_partner::lambda::metrics::{Metric, MetricLog};
use whoop_partner::secrets::PartnerCredentialsCache;
use whoop_partner::token::{Memory, StoreOutcome, TokenEndpoint, TokenSource};
use whoop_partner::token_store::TokenStore;

use crate::config::Config;
use crate::error::RefreshError;

/// How long an invocation may take until it has a new token. Storing it takes further time. Lambda's own limit is 30 s.
const BUDGET: Duration = Duration::from_secs(20);

/// Limits for the AWS calls. Storing makes two of them if the stored item is malformed.
const CALL_TIMEOUTS: CallTimeouts = CallTimeouts {
    connect: Duration::from_secs(1),
    attempt: Duration::from_millis(1400),
    operation: Duration::from_secs(3),
    max_attempts: 2,
    initial_backoff: Duration::from_millis(100),
};

/// The event of the scheduler, or of a person. Any JSON is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct RefreshRequest {
    /// Whether to renew the token even if it is still fresh.
    pub force: bool,
}

impl From<Value> for RefreshRequest {
    fn from(event: Value) -> Self {
        Self {
            force: event.get("force") == Some(&Value::Bool(true)),
        }
    }
}

/// What became of the stored token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum RefreshOutcome {
    /// A new token is stored.
    Refreshed {
        /// When the stored token expires, in Unix seconds.
        expires_at: u64,
    },
    /// The stored token has not changed, or another process has stored a newer one in the meantime.
    StillFresh {
        /// When the stored token expires, in Unix seconds.
        expires_at: u64,
    },
}

impl RefreshOutcome {
    /// Returns its name in the answer and in the log.
    fn name(&self) -> &'static str {
        match self {
            Self::Refreshed { .. } => "refreshed",
            Self::StillFresh { .. } => "still_fresh",
        }
    }

    fn expires_at(self) -> u64 {
        match self {
            Self::Refreshed { expires_at } | Self::StillFresh { expires_at } => expires_at,
        }
    }
}

/// The function with its long-lived clients.
pub struct TokenRefresh {
    source: TokenSource,
    store: TokenStore,
    clock: Clock,
    log: MetricLog,
}

impl TokenRefresh {
    /// Builds the clients: of AWS over `aws_http`, of WHOOP over `http`. It makes no call yet.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable of the AWS SDK or of the log is missing or malformed.
    pub fn connect(
        config: Config,
        aws_http: AwsHttpClients,
        http: HttpClient,
        clock: Clock,
    ) -> Result<Self, EnvError> {
        let aws = aws::sdk_config(CALL_TIMEOUTS, aws_http.usual, clock.clone())?;
        Ok(Self::new(
            aws_sdk_secretsmanager::Client::new(&aws),
            aws_sdk_dynamodb::Client::new(&aws),
            config,
            http,
            clock.clone(),
            MetricLog::from_env("token_refresh", clock)?,
        ))
    }

    fn new(
        secrets: aws_sdk_secretsmanager::Client,
        dynamodb: aws_sdk_dynamodb::Client,
        config: Config,
        http: HttpClient,
        clock: Clock,
        log: MetricLog,
    ) -> Self {
        let endpoint =
            TokenEndpoint::new(http, &config.partner_api_base_url).with_clock(clock.clone());
        let secret_id = config.partner_credentials_secret_id;
        let credentials =
            PartnerCredentialsCache::new(secrets, secret_id).with_clock(clock.clone());
        Self {
            source: TokenSource::new(endpoint, Box::new(credentials), clock.clone()),
            store: TokenStore::new(dynamodb, config.token_table_name).with_clock(clock.clone()),
            clock,
            log,
        }
    }

    /// Refreshes the stored token if it is time, or if `request` forces it.
    ///
    /// # Errors
    ///
    /// [`RefreshError`] if the table or the secret can't be used, or if WHOOP gives no token within 20 s. The stored token stays
    /// as it was.
    pub async fn handle(&self, request: RefreshRequest) -> Result<RefreshOutcome, RefreshError> {
        let cold_start = self.log.invocation_begins();
        let start = Instant::now();
        let mut stored = Stored::Unknown;
        // otherwise the runtime would answer with the message of a panic, which may quote anything
        let outcome = AssertUnwindSafe(self.refresh(request, &mut stored))
            .catch_unwind()
            .await
            .unwrap_or(Err(RefreshError::Panicked));
        let (level, message) = match outcome {
            Ok(_) => (Level::INFO, "refresh done"),
            // the runtime logs the error itself
            Err(_) => (Level::WARN, "refresh failed"),
        };
        let fields = Fields {
            outcome: outcome.as_ref().ok().map(RefreshOutcome::name),
            error_type: outcome.as_ref().err().map(RefreshError::error_type),
            force: request.force,
            elapsed_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            cold_start,
        };
        let left = stored.seconds_left(self.clock.now());
        let measures = left.map(|seconds| (Metric::TokenSecondsLeft, seconds));
        self.log.write(level, message, &fields, measures.as_slice());
        outcome
    }

    /// Sets `stored` as soon as it is known.
    async fn refresh(
        &self,
        request: RefreshRequest,
        stored: &mut Stored,
    ) -> Result<RefreshOutcome, RefreshError> {
        let deadline = Instant::now() + BUDGET;
        let now = self.clock.now();
        let loaded = self.store.load().await?;
        *stored = loaded
            .as_ref()
            .map_or(Stored::Nothing, |token| Stored::Until(token.expires_at()));
        if let Some(loaded) = loaded
            && !loaded.needs_renewal(now)
            && !request.force
        {
            return Ok(RefreshOutcome::StillFresh {
                expires_at: loaded.expires_at(),
            });
        }
        let memory = if request.force {
            Memory::Ignored
        } else {
            Memory::Used
        };
        let token = self.source.next(memory, deadline).await?;
        let outcome = match self.store.store(&token).await? {
            StoreOutcome::Stored => RefreshOutcome::Refreshed {
                expires_at: token.expires_at(),
            },
            StoreOutcome::KeptNewer(newer) => RefreshOutcome::StillFresh {
                expires_at: newer.expires_at(),
            },
        };
        *stored = Stored::Until(outcome.expires_at());
        Ok(outcome)
    }
}

/// What an invocation knows of the stored token.
enum Stored {
    /// The table could not be read.
    Unknown,
    /// There is no token, or a malformed one.
    Nothing,
    /// It expires then, in Unix seconds.
    Until(u64),
}

impl Stored {
    fn seconds_left(self, now: SystemTime) -> Option<f64> {
        let expires_at = match self {
            Self::Unknown => return None,
            Self::Nothing => 0,
            Self::Until(expires_at) => expires_at,
        };
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(expires_at);
        let left = expires_at.duration_since(now).unwrap_or_default();
        Some(left.as_secs_f64().floor())
    }
}

/// The fields of the line about an invocation.
#[derive(Serialize)]
struct Fields {
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_type: Option<&'static str>,
    force: bool,
    elapsed_ms: u64,
    cold_start: bool,
}

#[cfg(test)]
mod tests;
