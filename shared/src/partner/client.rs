//! The client: what it is made of, and its deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;

use super::access::AccessTokens;
use super::rate_limit::{RateLimit, RateLimitGate};
use super::{PartnerApiBaseUrl, PartnerError};
use crate::clock::Clock;
use crate::credentials::CredentialsSource;
use crate::http::HttpClient;
use crate::tls::InvalidCertificates;
use crate::token::{TokenEndpoint, TokenSource, TokenStorage};

/// How long reading the token may take if the caller sets no deadline.
const PREFETCH_TIMEOUT: Duration = Duration::from_secs(30);

/// A client of the WHOOP Partner API. The [module](super) says what it does and what it leaves to you.
///
/// Clones are cheap and share connections, token and rate limit. Build one client for the whole process.
#[derive(Clone)]
pub struct PartnerClient {
    pub(super) inner: Arc<Inner>,
    deadline: Option<Instant>,
}

/// What all clones share.
pub(super) struct Inner {
    pub(super) http: HttpClient,
    pub(super) tokens: AccessTokens,
    pub(super) gate: Arc<RateLimitGate>,
    base_url: PartnerApiBaseUrl,
}

impl PartnerClient {
    /// Begins to build a client of the API at `base_url`. The client takes its credentials from `credentials`.
    pub fn builder(
        base_url: PartnerApiBaseUrl,
        credentials: impl CredentialsSource + 'static,
    ) -> PartnerClientBuilder {
        PartnerClientBuilder {
            base_url,
            credentials: Box::new(credentials),
            token_storage: None,
            http: None,
            rate_limit_reserve: 0,
            clock: Clock::system(),
        }
    }

    /// Returns the same client with a deadline. Its calls end before `deadline`, including all attempts and the waits
    /// between them.
    ///
    /// Without a deadline, a call may take 30 seconds and a download 5 minutes.
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use std::time::Duration;
    ///
    /// use tokio::time::Instant;
    ///
    /// let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?;
    /// let client = client.with_deadline(Instant::now() + Duration::from_secs(5));
    /// let requisition = client.get_requisition(&id).await?;
    /// # let _ = requisition;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_deadline(&self, deadline: Instant) -> Self {
        Self {
            inner: self.inner.clone(),
            deadline: Some(deadline),
        }
    }

    /// Reads the access token from the [storage](PartnerClientBuilder::token_storage), so that the first call need not.
    ///
    /// It makes no call of WHOOP. If the storage holds no valid token, the first call requests one.
    ///
    /// # Errors
    ///
    /// If the storage can't be read before the deadline.
    pub async fn prefetch_token(&self) -> Result<(), PartnerError> {
        let deadline = self.deadline_or(PREFETCH_TIMEOUT);
        self.inner.tokens.prefetch(deadline).await
    }

    /// Returns what WHOOP's last answer said about the rate limit; `None` before the first answer.
    ///
    /// The client makes no call while the limit is exhausted. The caller spreads its calls so that this does not happen.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.inner.gate.last()
    }

    /// Returns how long the client makes no calls because of the rate limit; `None` if it may make one now.
    ///
    /// The client makes none after a 429, and none while only the [reserve](PartnerClientBuilder::rate_limit_reserve) remains.
    #[must_use]
    pub fn rate_limited_for(&self) -> Option<Duration> {
        self.inner.gate.closed_for()
    }

    pub(super) fn deadline_or(&self, timeout: Duration) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + timeout)
    }

    /// Returns the URL of a path below `/v2/partner`.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        self.inner
            .base_url
            .join(&[&["v2", "partner"], segments].concat())
    }
}

impl fmt::Debug for PartnerClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartnerClient")
            .field("base_url", &self.inner.base_url)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Builds a [`PartnerClient`].
#[derive(Debug)]
#[must_use]
pub struct PartnerClientBuilder {
    base_url: PartnerApiBaseUrl,
    credentials: Box<dyn CredentialsSource>,
    token_storage: Option<Box<dyn TokenStorage>>,
    http: Option<HttpClient>,
    rate_limit_reserve: u32,
    clock: Clock,
}

/// Why a client can't be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The environment variable `SSL_CERT_FILE` names a file that can't be read or holds no certificates.
    #[error(transparent)]
    Certificates(#[from] InvalidCertificates),
}

impl PartnerClientBuilder {
    /// Shares the access token with other processes. Without a storage, each process requests tokens of its own.
    pub fn token_storage(self, storage: impl TokenStorage + 'static) -> Self {
        Self {
            token_storage: Some(Box::new(storage)),
            ..self
        }
    }

    /// Leaves the last `calls` calls before each reset of WHOOP's rate limit to other processes with the same credentials. The
    /// default is zero.
    ///
    /// While only these calls remain, a call waits for the reset if its deadline allows it. If not, it fails with
    /// [`PartnerError::RateLimited`](super::PartnerError::RateLimited).
    pub fn rate_limit_reserve(self, calls: u32) -> Self {
        Self {
            rate_limit_reserve: calls,
            ..self
        }
    }

    /// Takes the time from `clock` instead of the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sends the requests through `http`. The default is [`HttpClient::from_env`].
    pub fn http_client(self, http: HttpClient) -> Self {
        Self {
            http: Some(http),
            ..self
        }
    }

    /// Builds the client. It makes no call yet.
    ///
    /// # Errors
    ///
    /// [`BuildError::Certificates`] if the file that `SSL_CERT_FILE` names can't be read or holds no certificates.
    pub fn build(self) -> Result<PartnerClient, BuildError> {
        let http = match self.http {
            Some(http) => http,
            None => HttpClient::from_env()?,
        };
        let gate = RateLimitGate::new(self.clock.clone(), self.rate_limit_reserve);
        let gate = Arc::new(gate);
        let endpoint =
            TokenEndpoint::new(http.clone(), &self.base_url).with_clock(self.clock.clone());
        let source = TokenSource::new(endpoint, self.credentials, self.clock.clone());
        let tokens = AccessTokens::new(source, self.token_storage, gate.clone(), self.clock);
        Ok(PartnerClient {
            inner: Arc::new(Inner {
                http,
                tokens,
                gate,
                base_url: self.base_url,
            }),
            deadline: None,
        })
    }
}
