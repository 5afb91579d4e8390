//! The client credentials in Secrets Manager.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_secretsmanager::Client;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::call_failure::CallFailure;
use crate::clock::Clock;
use crate::credentials::{CredentialsSource, PartnerCredentials};
use crate::future::BoxFuture;

use super::{EXPIRE_AFTER, SecretError, SecretReader, Stage, age};

/// Reads the client credentials, and caches them for 15 minutes at most.
///
/// The secret holds JSON: `{"client_id": "…", "client_secret": "…"}`.
pub struct PartnerCredentialsCache {
    reader: SecretReader,
    clock: Clock,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    credentials: Option<Cached>,
    /// Why the last read failed, and when.
    failure: Option<(SecretError, SystemTime)>,
}

struct Cached {
    credentials: Arc<PartnerCredentials>,
    loaded_at: SystemTime,
}

impl PartnerCredentialsCache {
    /// Prepares to read the secret `secret_id` (name or ARN). It makes no call yet.
    #[must_use]
    pub fn new(client: Client, secret_id: String) -> Self {
        Self {
            reader: SecretReader { client, secret_id },
            clock: Clock::system(),
            cache: Mutex::default(),
        }
    }

    /// Takes the time from `clock` instead of the system's clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Returns the credentials, from the cache or from Secrets Manager.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the cached ones are 15 minutes old, or there are none, and the secret is missing, is malformed or
    /// can't be read before `deadline`.
    pub async fn get(&self, deadline: Instant) -> Result<Arc<PartnerCredentials>, SecretError> {
        self.cached_or_read(deadline, |cache, now| {
            let cached = cache.credentials.as_ref();
            let cached = cached.filter(|cached| age(cached.loaded_at, now) < EXPIRE_AFTER);
            Some(Ok(cached?.credentials.clone()))
        })
        .await
    }

    /// Returns the credentials as they were at `time` or later. Call this if WHOOP has refused older ones: they may have
    /// been rotated.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if the secret is missing, is malformed or can't be read before `deadline`, or if the last read failed
    /// at `time` or later.
    pub async fn get_as_of(
        &self,
        time: SystemTime,
        deadline: Instant,
    ) -> Result<Arc<PartnerCredentials>, SecretError> {
        self.cached_or_read(deadline, |cache, now| {
            let counts = |looked_at: SystemTime| (time..=now).contains(&looked_at);
            match (&cache.failure, &cache.credentials) {
                (Some((error, failed_at)), _) if counts(*failed_at) => Some(Err(error.clone())),
                (_, Some(cached)) if counts(cached.loaded_at) => {
                    Some(Ok(cached.credentials.clone()))
                }
                _ => None,
            }
        })
        .await
    }

    /// Returns what `cached` finds in the cache, or else what Secrets Manager answers.
    async fn cached_or_read(
        &self,
        deadline: Instant,
        cached: impl FnOnce(&Cache, SystemTime) -> Option<Result<Arc<PartnerCredentials>, SecretError>>,
    ) -> Result<Arc<PartnerCredentials>, SecretError> {
        let mut cache = self.cache.lock().await;
        let now = self.clock.now();
        if let Some(cached) = cached(&cache, now) {
            return cached;
        }
        let read = timeout_at(deadline, self.read()).await;
        let read = read
            .unwrap_or_else(|_| Err(self.reader.no_answer("no answer before the deadline")))
            .map(Arc::new);
        match &read {
            Ok(credentials) => {
                cache.failure = None;
                cache.credentials = Some(Cached {
                    credentials: credentials.clone(),
                    loaded_at: now,
                });
            }
            Err(error) => cache.failure = Some((error.clone(), now)),
        }
        read
    }

    async fn read(&self) -> Result<PartnerCredentials, SecretError> {
        let credentials: PartnerCredentials = self.reader.read(Stage::Current).await?.value;
        for (field, value) in [
            ("client_id", credentials.client_id.as_str()),
            ("client_secret", credentials.client_secret.expose_secret()),
        ] {
            if value.is_empty() {
                let reason = format!("{field} is empty");
                return Err(self.reader.malformed(Stage::Current, reason));
            }
        }
        Ok(credentials)
    }
}

impl CredentialsSource for PartnerCredentialsCache {
    fn get(
        &self,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Arc<PartnerCredentials>, CallFailure>> {
        Box::pin(async move { Ok(self.get(deadline).await?) })
    }

    fn get_as_of(
        &self,
        time: SystemTime,
        deadline: Instant,
    ) -> BoxFuture<'_, Result<Arc<PartnerCredentials>, CallFailure>> {
        Box::pin(async move { Ok(self.get_as_of(time, deadline).await?) })
    }
}

impl std::fmt::Debug for PartnerCredentialsCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartnerCredentialsCache")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::canned::{Canned, Fault, Versions};
    use super::*;
    use std::time::Duration;

    const FIRST: &str =
        r#"{"client_id": "lab-of-this-test", "client_secret": "the-first-client-secret"}"#;
    const SECOND: &str =
        r#"{"client_id": "lab-of-this-test", "client_secret": "the-second-client-secret"}"#;

    const MS: Duration = Duration::from_millis(1);

    fn canned(current: &'static str) -> Canned {
        Canned::new(Versions {
            current: Some(current),
            ..Versions::default()
        })
    }

    fn cache(canned: &Canned) -> PartnerCredentialsCache {
        PartnerCredentialsCache::new(canned.client(), "credentials".into())
            .with_clock(canned.clock())
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_cached_for_15_minutes() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        cache.get(deadline()).await.unwrap();
        canned.clock.advance(EXPIRE_AFTER - MS);
        cache.get(deadline()).await.unwrap();
        assert_eq!(canned.calls(), 1);
        canned.clock.advance(MS);
        cache.get(deadline()).await.unwrap();
        assert_eq!(canned.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_finds_rotated_credentials_and_is_made_once() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        let loaded_at = canned.clock.now();
        let first = cache.get(deadline()).await.unwrap();
        canned.versions.lock().unwrap().current = Some(SECOND);
        let now = canned.clock.advance(MS);
        let at_hand = cache.get_as_of(loaded_at, deadline()).await.unwrap();
        assert!(at_hand.same_as(&first));
        assert_eq!(canned.calls(), 1);
        for _ in 0..3 {
            let look = cache.get_as_of(now, deadline()).await.unwrap();
            assert!(!look.same_as(&first));
            assert!(cache.get(deadline()).await.unwrap().same_as(&look));
            canned.clock.advance(MS);
        }
        assert_eq!(canned.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_look_is_made_once_too_and_keeps_the_credentials() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        cache.get(deadline()).await.unwrap();
        let now = canned.clock.advance(MS);
        canned.versions.lock().unwrap().fail(Some(Fault::Internal));
        for _ in 0..3 {
            assert!(cache.get_as_of(now, deadline()).await.is_err());
            canned.clock.advance(MS);
        }
        assert_eq!(canned.calls(), 2);
        assert!(cache.get(deadline()).await.is_ok());
        canned.versions.lock().unwrap().fail(None);
        let now = canned.clock.now();
        assert!(cache.get_as_of(now, deadline()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_until_the_deadline() {
        let canned = canned(FIRST);
        let slow = Duration::from_secs(60);
        canned.versions.lock().unwrap().current_delay = slow;
        let begun = Instant::now();
        let error = cache(&canned).get(deadline()).await.unwrap_err();
        assert!(error.is_no_answer(), "{error}");
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn empty_fields_are_malformed_and_named() {
        for (current, reason) in [
            (
                r#"{"client_id": "", "client_secret": "the-first-client-secret"}"#,
                "client_id is empty",
            ),
            (
                r#"{"client_id": "lab-of-this-test", "client_secret": ""}"#,
                "client_secret is empty",
            ),
        ] {
            let canned = canned(current);
            let error = cache(&canned).get(deadline()).await.unwrap_err();
            let error = error.to_string();
            assert!(error.ends_with(reason), "{error}");
            assert!(error.starts_with("secret credentials "), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn debug_shows_neither_id_nor_secret() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        let credentials = cache.get(deadline()).await.unwrap();
        let text = format!("{credentials:?} {cache:?}");
        for hidden in ["lab-of-this-test", "the-first-client-secret"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
}
