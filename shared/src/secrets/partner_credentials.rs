//! The client credentials (OAuth 2.0, RFC 6749 section 2.3.1) that WHOOP gave the partner.

use std::sync::Arc;
use std::time::SystemTime;

use aws_sdk_secretsmanager::Client;
use aws_smithy_async::time::{SharedTimeSource, SystemTimeSource};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{EXPIRE_AFTER, SecretError, SecretReader, Stage, age};

/// Client ID and client secret. `Debug` shows neither.
#[derive(Deserialize)]
pub struct PartnerCredentials {
    /// The client ID.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
}

impl PartnerCredentials {
    /// Says whether both hold the same ID and secret.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.client_id == other.client_id
            && self.client_secret.expose_secret() == other.client_secret.expose_secret()
    }
}

impl std::fmt::Debug for PartnerCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartnerCredentials(REDACTED)")
    }
}

/// Keeps the client credentials at hand, for 15 minutes at most.
#[derive(Debug)]
pub struct PartnerCredentialsCache {
    reader: SecretReader,
    clock: SharedTimeSource,
    cache: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    credentials: Arc<PartnerCredentials>,
    loaded_at: SystemTime,
}

impl PartnerCredentialsCache {
    /// Prepares for reading the secret `secret_id` (name or ARN); no call yet.
    #[must_use]
    pub fn new(client: Client, secret_id: String) -> Self {
        Self {
            reader: SecretReader { client, secret_id },
            clock: SharedTimeSource::new(SystemTimeSource::new()),
            cache: Mutex::default(),
        }
    }

    /// Takes the time from another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: SharedTimeSource) -> Self {
        self.clock = clock;
        self
    }

    /// The credentials, from the cache or from Secrets Manager.
    ///
    /// # Errors
    ///
    /// When none under 15 minutes old are cached and the secret is missing, malformed or not to be read.
    pub async fn get(&self) -> Result<Arc<PartnerCredentials>, SecretError> {
        let mut cache = self.cache.lock().await;
        if let Some(cached) = &*cache
            && age(cached.loaded_at, self.clock.now()) < EXPIRE_AFTER
        {
            return Ok(cached.credentials.clone());
        }
        self.load(&mut cache).await
    }

    /// The credentials as they are in Secrets Manager now: WHOOP refused the cached ones, they may have been rotated.
    ///
    /// # Errors
    ///
    /// When the secret is missing, malformed or not to be read.
    pub async fn refetch(&self) -> Result<Arc<PartnerCredentials>, SecretError> {
        self.load(&mut *self.cache.lock().await).await
    }

    async fn load(
        &self,
        cache: &mut Option<Cached>,
    ) -> Result<Arc<PartnerCredentials>, SecretError> {
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
        let credentials = Arc::new(credentials);
        *cache = Some(Cached {
            credentials: credentials.clone(),
            loaded_at: self.clock.now(),
        });
        Ok(credentials)
    }
}

#[cfg(test)]
mod tests {
    use super::super::canned::{Canned, Versions};
    use super::*;
    use std::time::Duration;

    const FIRST: &str = r#"{"client_id": "lab", "client_secret": "5309"}"#;
    const SECOND: &str = r#"{"client_id": "lab", "client_secret": "8675"}"#;

    fn canned(current: &'static str) -> Canned {
        Canned::new(Versions {
            current: Some(current),
            ..Versions::default()
        })
    }

    fn cache(canned: &Canned) -> PartnerCredentialsCache {
        PartnerCredentialsCache::new(canned.client(), "credentials".into())
            .with_clock(SharedTimeSource::new(canned.clock.clone()))
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_cached_for_15_minutes() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        cache.get().await.unwrap();
        canned
            .clock
            .advance(EXPIRE_AFTER - Duration::from_millis(1));
        cache.get().await.unwrap();
        assert_eq!(canned.calls(), 1);
        canned.clock.advance(Duration::from_millis(1));
        cache.get().await.unwrap();
        assert_eq!(canned.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refetch_finds_rotated_credentials() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        let first = cache.get().await.unwrap();
        assert!(cache.refetch().await.unwrap().same_as(&first));
        canned.versions.lock().unwrap().current = Some(SECOND);
        let second = cache.refetch().await.unwrap();
        assert!(!second.same_as(&first));
        assert!(cache.get().await.unwrap().same_as(&second));
    }

    #[tokio::test(start_paused = true)]
    async fn empty_fields_are_malformed_and_named() {
        for (current, reason) in [
            (
                r#"{"client_id": "", "client_secret": "5309"}"#,
                "client_id is empty",
            ),
            (
                r#"{"client_id": "lab", "client_secret": ""}"#,
                "client_secret is empty",
            ),
        ] {
            let error = cache(&canned(current)).get().await.unwrap_err().to_string();
            assert!(error.ends_with(reason), "{error}");
            assert!(error.starts_with("secret credentials "), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn debug_shows_neither_id_nor_secret() {
        let canned = canned(FIRST);
        let cache = cache(&canned);
        let credentials = cache.get().await.unwrap();
        let text = format!("{credentials:?} {cache:?}");
        assert!(!text.contains("lab") && !text.contains("5309"), "{text}");
    }
}
