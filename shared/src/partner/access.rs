//! The access token of a call: the cached one, or else the stored one, or else a new one from WHOOP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, timeout_at};

use super::PartnerError;
use super::rate_limit::{RateLimitGate, SHORTEST_WINDOW};
use crate::call_failure::CallFailure;
use crate::clock::Clock;
use crate::token::{
    AccessToken, LOOK_INTERVAL, Memory, StoreOutcome, TokenError, TokenSource, TokenSourceError,
    TokenStorage,
};

/// How long before its end a token is no longer used, at least, unless it lives for less than ten times as long. Up to as
/// much again is added at random, so that not all processes ask for the next one at the same moment.
const EARLY: Duration = Duration::from_secs(60);

/// Keeps the access token of the process, and gets the next one, one load at a time.
pub(super) struct AccessTokens {
    source: TokenSource,
    store: Option<Box<dyn TokenStorage>>,
    gate: Arc<RateLimitGate>,
    clock: Clock,
    cache: Mutex<Cache>,
    /// How many loads have ended.
    loads: AtomicU64,
}

#[derive(Default)]
struct Cache {
    current: Option<Cached>,
    /// Why the last load failed, if the next one would fail alike.
    failure: Option<PartnerError>,
    /// When the store was last looked at.
    store_read_at: Option<SystemTime>,
}

struct Cached {
    token: Arc<AccessToken>,
    early: Duration,
}

/// A token in place of a refused one.
#[derive(Clone)]
pub(super) struct Replacement {
    pub(super) token: Arc<AccessToken>,
    /// Whether WHOOP has given it just now. Else it was at hand or in the store, and WHOOP may have ended it long ago.
    pub(super) is_new: bool,
}

impl AccessTokens {
    pub(super) fn new(
        source: TokenSource,
        store: Option<Box<dyn TokenStorage>>,
        gate: Arc<RateLimitGate>,
        clock: Clock,
    ) -> Self {
        Self {
            source,
            store,
            gate,
            clock,
            cache: Mutex::default(),
            loads: AtomicU64::new(0),
        }
    }

    /// A token that is good for now.
    ///
    /// # Errors
    ///
    /// When neither the store nor WHOOP gives one before `deadline`.
    pub(super) async fn get(&self, deadline: Instant) -> Result<Arc<AccessToken>, PartnerError> {
        let replacement = self.other_than(None, deadline).await?;
        Ok(replacement.token)
    }

    /// Takes the stored token, if it is good for now. WHOOP is not asked.
    ///
    /// # Errors
    ///
    /// When the store can't be read before `deadline`.
    pub(super) async fn prefetch(&self, deadline: Instant) -> Result<(), PartnerError> {
        let mut cache = timeout_at(deadline, self.cache.lock())
            .await
            .map_err(|_| no_time())?;
        self.take_stored(&mut cache, None, deadline).await?;
        Ok(())
    }

    /// Another token than `refused`, which WHOOP has just refused.
    ///
    /// # Errors
    ///
    /// When neither the store nor WHOOP gives one before `deadline`.
    pub(super) async fn replace(
        &self,
        refused: &AccessToken,
        deadline: Instant,
    ) -> Result<Replacement, PartnerError> {
        self.other_than(Some(refused), deadline).await
    }

    /// Takes note that WHOOP has refused a new token.
    pub(super) async fn new_token_refused(&self, deadline: Instant) {
        self.source.new_token_refused(deadline).await;
    }

    async fn other_than(
        &self,
        refused: Option<&AccessToken>,
        deadline: Instant,
    ) -> Result<Replacement, PartnerError> {
        let seen = self.loads.load(Ordering::Relaxed);
        let mut cache = timeout_at(deadline, self.cache.lock())
            .await
            .map_err(|_| no_time())?;
        if let Some(Cached { token, early }) = &cache.current
            && self.is_good(token, *early, refused)
        {
            return Ok(Replacement {
                token: token.clone(),
                is_new: false,
            });
        }
        // whoever waited for a load shares its end, if the next one would have the same
        if self.loads.load(Ordering::Relaxed) != seen
            && let Some(failure) = &cache.failure
        {
            return Err(failure.clone());
        }
        let loaded = self.load(&mut cache, refused, deadline).await;
        cache.failure = match &loaded {
            Err(error) if !error.is_transient() => Some(error.clone()),
            _ => None,
        };
        self.loads.fetch_add(1, Ordering::Relaxed);
        loaded
    }

    async fn load(
        &self,
        cache: &mut MutexGuard<'_, Cache>,
        refused: Option<&AccessToken>,
        deadline: Instant,
    ) -> Result<Replacement, PartnerError> {
        let at_hand = |token| Replacement {
            token,
            is_new: false,
        };
        if let Some(stored) = self.take_stored(cache, refused, deadline).await? {
            return Ok(at_hand(stored));
        }
        let token = self.ask(deadline).await?;
        let early = early(&token);
        // at hand from now on, whatever becomes of storing it
        let token = keep(cache, token, early);
        match self.store(&token, refused, deadline).await {
            Some(newer) if self.is_good(&newer, early, refused) => {
                Ok(at_hand(keep(cache, newer, early)))
            }
            _ => Ok(Replacement {
                token,
                is_new: true,
            }),
        }
    }

    /// Puts the stored token at hand, if it is good.
    async fn take_stored(
        &self,
        cache: &mut Cache,
        refused: Option<&AccessToken>,
        deadline: Instant,
    ) -> Result<Option<Arc<AccessToken>>, PartnerError> {
        let Some(stored) = self.stored(cache, deadline).await? else {
            return Ok(None);
        };
        let early = early(&stored);
        let good = self.is_good(&stored, early, refused);
        Ok(good.then(|| keep(cache, stored, early)))
    }

    fn is_good(&self, token: &AccessToken, early: Duration, refused: Option<&AccessToken>) -> bool {
        let refused =
            refused.is_some_and(|refused| refused.expose_secret() == token.expose_secret());
        !refused && !token.expires_within(early, self.clock.now())
    }

    /// The token in the store. While a refusal is remembered, nobody looks more often than needed.
    async fn stored(
        &self,
        cache: &mut Cache,
        deadline: Instant,
    ) -> Result<Option<AccessToken>, PartnerError> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let now = self.clock.now();
        let read_at = cache.store_read_at.replace(now);
        let last_look = read_at.and_then(|read_at| now.duration_since(read_at).ok());
        if self.source.is_refused() && last_look.is_some_and(|age| age < LOOK_INTERVAL) {
            cache.store_read_at = read_at;
            return Ok(None);
        }
        let stored = timeout_at(deadline, store.load()).await;
        Ok(stored.map_err(|_| no_time())??)
    }

    async fn ask(&self, deadline: Instant) -> Result<AccessToken, PartnerError> {
        self.gate.pass(deadline).await?;
        let answer = self.source.next(Memory::Used, deadline).await;
        if let Err(TokenSourceError::Token(TokenError::RateLimited { retry_after })) = answer {
            self.gate.close(retry_after.unwrap_or(SHORTEST_WINDOW));
        }
        Ok(answer?)
    }

    /// Stores a new token for the other processes, and gives back the one that the store keeps instead. A failure is only
    /// logged: this process has its token.
    async fn store(
        &self,
        token: &AccessToken,
        refused: Option<&AccessToken>,
        deadline: Instant,
    ) -> Option<AccessToken> {
        let store = self.store.as_ref()?;
        match timeout_at(deadline, store.store(token, refused)).await {
            Ok(Ok(StoreOutcome::Stored)) => None,
            Ok(Ok(StoreOutcome::KeptNewer(newer))) => Some(newer),
            Ok(Err(error)) => not_stored(&error),
            Err(_) => {
                tracing::warn!("the new access token is not stored: no time left");
                None
            }
        }
    }
}

fn keep(cache: &mut Cache, token: AccessToken, early: Duration) -> Arc<AccessToken> {
    let token = Arc::new(token);
    cache.current = Some(Cached {
        token: token.clone(),
        early,
    });
    token
}

/// How long before its end a token is no longer used.
fn early(token: &AccessToken) -> Duration {
    let least = (token.lifetime() / 10).min(EARLY);
    least + least.mul_f64(fastrand::f64())
}

fn not_stored(error: &CallFailure) -> Option<AccessToken> {
    tracing::warn!(%error, "the new access token is not stored");
    None
}

fn no_time() -> PartnerError {
    PartnerError::Temporary("no access token before the deadline".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_early(lifetime: u64, least: Duration) {
        let token = AccessToken::new("t".into(), "bearer".into(), 0, lifetime).unwrap();
        let windows: Vec<_> = (0..1000).map(|_| early(&token)).collect();
        assert!(
            windows
                .iter()
                .all(|early| (least..least * 2).contains(early))
        );
        assert!(windows.iter().any(|early| *early < least * 11 / 10));
        assert!(windows.iter().any(|early| *early > least * 19 / 10));
    }

    #[test]
    fn a_token_is_given_up_one_to_two_minutes_early_or_a_tenth_to_a_fifth_of_its_life() {
        assert_early(3600, Duration::from_secs(60));
        assert_early(600, Duration::from_secs(60));
        assert_early(100, Duration::from_secs(10));
        assert_early(1, Duration::from_millis(100));
    }
}
