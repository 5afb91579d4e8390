//! Where new access tokens come from: WHOOP's token endpoint, asked with the client credentials.
//!
//! A refusal is remembered: as long as nothing has changed, asking again costs a request each time and brings nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{AccessToken, TokenEndpoint, TokenError};
use crate::call_failure::CallFailure;
use crate::clock::Clock;
use crate::credentials::{CredentialsSource, PartnerCredentials};

/// How long a refusal is remembered, by the wall clock.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(60);

/// How often somebody looks for a way out of a remembered refusal: other credentials, another stored token.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Gets access tokens from WHOOP, and remembers for a minute if WHOOP refuses the credentials or even a new token.
pub struct TokenSource {
    endpoint: TokenEndpoint,
    credentials: Box<dyn CredentialsSource>,
    clock: Clock,
    refusal: Mutex<Option<Refusal>>,
}

/// What WHOOP has refused.
struct Refusal {
    credentials: Arc<PartnerCredentials>,
    error: TokenError,
    refused_at: SystemTime,
}

/// Whether a remembered refusal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// It does, unless the secret holds other credentials by now.
    Used,
    /// It does not: WHOOP is asked in any case.
    Ignored,
}

/// Why there is no new token.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TokenSourceError {
    /// WHOOP gave none.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// There are no client credentials.
    #[error("{0}")]
    Credentials(CallFailure),
}

impl TokenSource {
    /// Tokens from `endpoint` for `credentials`; no call yet.
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

    /// A new token. If WHOOP refuses the credentials and they have been rotated since, it is asked once more with the new ones.
    ///
    /// # Errors
    ///
    /// When the credentials can't be read, or WHOOP gives no token before `deadline`; and without asking WHOOP when it has
    /// refused these credentials, or a new token for them, less than a minute ago, and that is to count.
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

    /// Takes note that WHOOP has refused a token that it had just given. The next one would be refused as well.
    pub async fn new_token_refused(&self, deadline: Instant) {
        // without credentials there can be no request either
        if let Ok(credentials) = self.credentials.get(deadline).await {
            self.remember(credentials, TokenError::NewTokenRefused);
        }
    }

    /// Says whether a refusal is remembered.
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

    /// Other credentials than `refused`, if the secret held some at `time` or later.
    async fn others(
        &self,
        refused: &PartnerCredentials,
        time: SystemTime,
        deadline: Instant,
    ) -> Option<Arc<PartnerCredentials>> {
        match self.credentials.get_as_of(time, deadline).await {
            Ok(current) => (!current.same_as(refused)).then_some(current),
            Err(error) => {
                tracing::warn!(%error, "no look at the client credentials after their refusal");
                None
            }
        }
    }

    fn refusal(&self) -> MutexGuard<'_, Option<Refusal>> {
        // nothing panics while it is held
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
