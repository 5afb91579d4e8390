//! The client: what it is made of, and its deadline.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use reqwest::{Client, Url};
use tokio::time::Instant;

use super::access::AccessTokens;
use super::credentials::CredentialsSource;
use super::rate_limit::{RateLimit, RateLimitGate};
use crate::base_url::PartnerApiBaseUrl;
use crate::env::EnvError;
use crate::tls;
use crate::token::{TokenEndpoint, TokenSource};
use crate::token_store::TokenStore;

/// Name and version of this library, sent with each request.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// The longest time without a single byte of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A client of the WHOOP Partner API; see the [module](super) for what it does and what it leaves to you.
///
/// Clones are cheap and share connections, token and rate limit: build one for the whole process.
#[derive(Clone)]
pub struct PartnerClient {
    pub(super) inner: Arc<Inner>,
    deadline: Option<Instant>,
}

/// What all clones share.
pub(super) struct Inner {
    pub(super) http: Client,
    pub(super) tokens: AccessTokens,
    pub(super) gate: Arc<RateLimitGate>,
    base_url: PartnerApiBaseUrl,
}

impl PartnerClient {
    /// Begins to build a client of the API at `base_url`, with the client credentials themselves or the secret that holds
    /// them.
    #[must_use]
    pub fn builder(
        base_url: PartnerApiBaseUrl,
        credentials: impl Into<CredentialsSource>,
    ) -> PartnerClientBuilder {
        PartnerClientBuilder {
            base_url,
            credentials: credentials.into(),
            store: None,
            clock: SharedTimeSource::new(SystemTimeSource::new()),
        }
    }

    /// The same client for calls that must have ended at `deadline`, with all their attempts and the waits between them.
    ///
    /// Without one a call may take 30 seconds, a download 5 minutes.
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

    /// What WHOOP's last answer said about the rate limit; nothing before the first one.
    ///
    /// The client makes no call while the limit is exhausted. To spread the calls before that is up to the caller.
    #[must_use]
    pub fn rate_limit(&self) -> Option<RateLimit> {
        self.inner.gate.last()
    }

    pub(super) fn deadline_or(&self, timeout: Duration) -> Instant {
        self.deadline.unwrap_or_else(|| Instant::now() + timeout)
    }

    /// The URL of a path below `/v2/partner`.
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
pub struct PartnerClientBuilder {
    base_url: PartnerApiBaseUrl,
    credentials: CredentialsSource,
    store: Option<TokenStore>,
    clock: SharedTimeSource,
}

impl PartnerClientBuilder {
    /// Shares the access token with other processes through a DynamoDB table. Without one, each process asks for its own.
    #[must_use]
    pub fn token_store(self, store: TokenStore) -> Self {
        Self {
            store: Some(store),
            ..self
        }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn clock(self, clock: SharedTimeSource) -> Self {
        Self { clock, ..self }
    }

    /// Builds the client; no call yet.
    ///
    /// # Errors
    ///
    /// When the file that `SSL_CERT_FILE` names can't be read or is no bundle of certificates.
    pub fn build(self) -> Result<PartnerClient, EnvError> {
        let http = tls::client_builder()?
            .user_agent(USER_AGENT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .expect("a client with checked certificates builds");
        let gate = Arc::new(RateLimitGate::new(self.clock.clone()));
        let endpoint =
            TokenEndpoint::new(http.clone(), &self.base_url).with_clock(self.clock.clone());
        let source = TokenSource::new(endpoint, self.credentials, self.clock.clone());
        let store = self.store.map(|store| store.with_clock(self.clock.clone()));
        let tokens = AccessTokens::new(source, store, gate.clone(), self.clock);
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
