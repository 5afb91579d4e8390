//! Where new access tokens come from: WHOOP's token endpoint, with the client credentials.
//!
//! It remembers a refusal, because another request brings nothing until somebody has changed something.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{AccessToken, TokenEndpoint, TokenError};
use crate::call_failure::CallFailure;
use crate::clock::Clock;
use crate::credentials::{CredentialsSource, PartnerCredentials};

/// How long a refusal is remembered, by the wall clock.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(60);

/// How often the secret and the storage are read while a refusal is remembered: they may hold other credentials, or another
/// token.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Requests access tokens from WHOOP, and remembers for a minute if WHOOP refuses the credentials or even a new token.
pub struct TokenSource {
    endpoint: TokenEndpoint,
    credentials: Box<dyn CredentialsSource>,
    clock: Clock,
    refusal: Mutex<Option<Refusal>>,
}

/// Credentials that WHOOP has refused, or for which it has refused even a new token.
struct Refusal {
    credentials: Arc<PartnerCredentials>,
    error: TokenError,
    refused_at: SystemTime,
}

/// Whether a remembered refusal prevents a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// It does, unless the secret now holds other credentials.
    Used,
    /// It does not: there is always a request.
    Ignored,
}

/// Why there is no new token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenSourceError {
    /// WHOOP gave no token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The client credentials can't be read.
    #[error("{0}")]
    Credentials(CallFailure),
}

impl TokenSource {
    /// Prepares to request tokens from `endpoint` for `credentials`. It makes no call yet.
    #[must_use]
    pub fn new(
        endpoint: TokenEndpoint,
        credentials: Box<dyn CredentialsSource>,
        clock: Clock,
    ) -> Self {
        Self {
            endpoint,
            credentials,
            clock,
            refusal: Mutex::default(),
        }
    }

    /// Returns a new token. If WHOOP refuses the credentials and they have been rotated, it makes one more request with the
    /// new ones.
    ///
    /// # Errors
    ///
    /// If the credentials can't be read, or WHOOP gives no token before `deadline`. With [`Memory::Used`] also, without a
    /// request, if WHOOP has refused these credentials, or a new token for them, less than a minute ago.
    pub async fn next(
        &self,
        memory: Memory,
        deadline: Instant,
    ) -> Result<AccessToken, TokenSourceError> {
        let now = self.clock.now();
        let (mut credentials, looked_at) = match self.remembered() {
            Some((refused, error)) if memory == Memory::Used => {
                let last_look = now - LOOK_INTERVAL;
                let others = self.others(&refused, last_look, deadline).await;
                (others.ok_or(error)?, last_look)
            }
            _ => {
                let credentials = self.credentials.get(deadline).await;
                (credentials.map_err(TokenSourceError::Credentials)?, now)
            }
        };
        let mut answer = self.endpoint.request(&credentials, deadline).await;
        if let Err(TokenError::InvalidCredentials { .. }) = answer
            && let Some(rotated) = self.others(&credentials, looked_at, deadline).await
            && Instant::now() < deadline
        {
            tracing::info!("the client credentials were rotated, asking with the new ones");
            answer = self.endpoint.request(&rotated, deadline).await;
            credentials = rotated;
        }
        match &answer {
            Ok(_) => self.forget(),
            Err(error @ TokenError::InvalidCredentials { .. }) => {
                self.remember(credentials, error.clone());
            }
            Err(_) => {}
        }
        Ok(answer?)
    }

    /// Remembers that WHOOP has refused a token that it had just given. It would refuse the next one as well.
    pub async fn new_token_refused(&self, deadline: Instant) {
        // without credentials there is no request that the memory could prevent
        if let Ok(credentials) = self.credentials.get(deadline).await {
            self.remember(credentials, TokenError::NewTokenRefused);
        }
    }

    /// Returns whether a refusal is remembered.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.remembered().is_some()
    }

    fn forget(&self) {
        *self.refusal() = None;
    }

    fn remember(&self, credentials: Arc<PartnerCredentials>, error: TokenError) {
        *self.refusal() = Some(Refusal {
            credentials,
            error,
            refused_at: self.clock.now(),
        });
    }

    fn remembered(&self) -> Option<(Arc<PartnerCredentials>, TokenError)> {
        let refusal = self.refusal();
        let refusal = refusal.as_ref()?;
        let age = self.clock.now().duration_since(refusal.refused_at).ok()?;
        (age < REFUSAL_REMEMBERED).then(|| (refusal.credentials.clone(), refusal.error.clone()))
    }

    /// Returns the credentials that the secret held at `time` or later, if they differ from `refused`.
    async fn others(
        &self,
        refused: &PartnerCredentials,
        time: SystemTime,
        deadline: Instant,
    ) -> Option<Arc<PartnerCredentials>> {
        match self.credentials.get_as_of(time, deadline).await {
            Ok(current) => (!current.same_as(refused)).then_some(current),
            Err(error) => {
                tracing::warn!(%error, "client credentials not read again after their refusal");
                None
            }
        }
    }

    fn refusal(&self) -> MutexGuard<'_, Option<Refusal>> {
        // no code panics while it holds the lock
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
