//! The webhook signing secret: the current key, and during a rotation the one before it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_smithy_async::time::SharedTimeSource;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{EXPIRE_AFTER, REFRESH_AFTER, SecretError, SecretReader, Stage, Version, age};

/// How long the previous key is good after the current one was created: WHOOP signs with either meanwhile.
const PREVIOUS_KEY_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a signature that matches no key may make us look for newer keys: a forger must not cause AWS calls.
const REFETCH_INTERVAL: Duration = Duration::from_secs(30);

/// How long a look for newer keys may take while the cached ones are still good.
const RELOAD_PATIENCE: Duration = Duration::from_millis(250);

/// How long the current key waits for the previous one.
const PREVIOUS_PATIENCE: Duration = Duration::from_millis(150);

/// How long a failure is remembered while there are no keys at all: nobody must cause a call with each request.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(1);

/// The JSON of the secret.
#[derive(Deserialize)]
struct SigningSecret {
    signing_secret: SecretString,
}

/// The keys that a webhook may be signed with.
pub struct KeySet {
    current: SecretString,
    previous: Option<PreviousKey>,
    loaded_at: SystemTime,
}

#[derive(Clone)]
struct PreviousKey {
    key: SecretString,
    valid_until: SystemTime,
}

impl KeySet {
    /// The keys that are good at `now`, the current one first.
    pub fn valid_at(&self, now: SystemTime) -> impl Iterator<Item = &[u8]> {
        let previous = self
            .previous
            .as_ref()
            .filter(|previous| now < previous.valid_until)
            .map(|previous| &previous.key);
        std::iter::once(&self.current)
            .chain(previous)
            .map(|key| key.expose_secret().as_bytes())
    }
}

impl KeySet {
    /// The key before `current`, by what was known before it was read: ours, if it has taken our place.
    fn previous_to(&self, current: &Version<SigningSecret>) -> Option<PreviousKey> {
        if current.value.signing_secret.expose_secret() == self.current.expose_secret() {
            self.previous.clone()
        } else {
            PreviousKey::new(self.current.clone(), current.created)
        }
    }
}

impl PreviousKey {
    /// `created` is when the current version came; if Secrets Manager does not tell, there is no end to wait for, so no key.
    fn new(key: SecretString, created: Option<SystemTime>) -> Option<Self> {
        Some(Self {
            key,
            valid_until: created? + PREVIOUS_KEY_VALID,
        })
    }
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet")
            .field("previous", &self.previous.is_some())
            .field("loaded_at", &self.loaded_at)
            .finish_non_exhaustive()
    }
}

/// Keeps the signing keys at hand.
///
/// A look at the clock, no call, while they are under 10 minutes old; they are used for 15 minutes at most.
#[derive(Debug)]
pub struct SigningKeys {
    reader: SecretReader,
    clock: SharedTimeSource,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    keys: Option<Arc<KeySet>>,
    /// When a mismatch last made us look, or the reload of keys that were still good last failed.
    looked_at: Option<SystemTime>,
    /// Why there were no keys for the last request, and when.
    failure: Option<(SecretError, SystemTime)>,
}

impl Cache {
    /// Takes the one look in [`REFETCH_INTERVAL`], if it is still to be had.
    fn take_look(&mut self, now: SystemTime) -> bool {
        let free = self
            .looked_at
            .is_none_or(|looked_at| age(looked_at, now) >= REFETCH_INTERVAL);
        if free {
            self.looked_at = Some(now);
        }
        free
    }
}

impl SigningKeys {
    /// Prepares for reading the secret `secret_id` (name or ARN); no call yet.
    #[must_use]
    pub fn new(client: Client, secret_id: String, clock: SharedTimeSource) -> Self {
        Self {
            reader: SecretReader { client, secret_id },
            clock,
            cache: Mutex::default(),
        }
    }

    /// Reads the current key ahead of the first request, with a single call: a signature that it did not make asks for the
    /// previous one.
    ///
    /// # Errors
    ///
    /// As for [`Self::get`], which will then try again at once.
    pub async fn prefetch(&self) -> Result<(), SecretError> {
        let mut cache = self.cache.lock().await;
        let current = self.reader.read(Stage::Current).await?;
        cache.keys = Some(self.key_set(current, None)?);
        Ok(())
    }

    /// The keys, from the cache or from Secrets Manager.
    ///
    /// # Errors
    ///
    /// When none under 15 minutes old are cached and the current version of the secret is missing, malformed or not to be
    /// read, or was so less than a second ago.
    pub async fn get(&self) -> Result<Arc<KeySet>, SecretError> {
        let mut cache = self.cache.lock().await;
        let now = self.clock.now();
        let age = cache.keys.as_ref().map(|keys| age(keys.loaded_at, now));
        match (cache.keys.clone(), age) {
            (Some(keys), Some(age)) if age < REFRESH_AFTER => Ok(keys),
            (Some(keys), Some(age)) if age < EXPIRE_AFTER => {
                Ok(self.reload(&mut cache, now).await.unwrap_or(keys))
            }
            (expired, _) => self.load_anew(&mut cache, expired, now).await,
        }
    }

    /// Looks for newer keys while the cached ones are still good, unless it is not yet time again or there is no answer.
    async fn reload(&self, cache: &mut Cache, now: SystemTime) -> Option<Arc<KeySet>> {
        if !cache.take_look(now) {
            return None;
        }
        match tokio::time::timeout(RELOAD_PATIENCE, self.load(cache.keys.as_deref())).await {
            Ok(Ok(newer)) => Some(cache.keys.insert(newer).clone()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "signing keys not reloaded yet");
                None
            }
            Err(_) => {
                tracing::warn!("signing keys not reloaded yet: no answer in time");
                None
            }
        }
    }

    /// Loads keys where there are none to be used.
    async fn load_anew(
        &self,
        cache: &mut Cache,
        expired: Option<Arc<KeySet>>,
        now: SystemTime,
    ) -> Result<Arc<KeySet>, SecretError> {
        if let Some((error, failed_at)) = &cache.failure
            && age(*failed_at, now) < FAILURE_REMEMBERED
        {
            return Err(error.clone());
        }
        match self.load(expired.as_deref()).await {
            Ok(keys) => {
                cache.failure = None;
                Ok(cache.keys.insert(keys).clone())
            }
            Err(error) => {
                cache.failure = Some((error.clone(), now));
                Err(error)
            }
        }
    }

    /// Looks for other keys than `stale`, none of which made a signature: the secret may have been rotated.
    ///
    /// Calls Secrets Manager at most once in 30 s, however many bad signatures arrive; `None` if it is not yet time again.
    ///
    /// # Errors
    ///
    /// When the current version of the secret is missing, malformed or not to be read. The keys stay as they were.
    pub async fn refetch(&self, stale: &Arc<KeySet>) -> Result<Option<Arc<KeySet>>, SecretError> {
        let mut cache = self.cache.lock().await;
        if let Some(keys) = cache.keys.as_ref().filter(|keys| !Arc::ptr_eq(keys, stale)) {
            return Ok(Some(keys.clone()));
        }
        if !cache.take_look(self.clock.now()) {
            return Ok(None);
        }
        let newer = self.load(Some(stale)).await?;
        Ok(Some(cache.keys.insert(newer).clone()))
    }

    /// Reads both versions of the secret at once. If the previous one can't be read, it is what `known` makes it.
    async fn load(&self, known: Option<&KeySet>) -> Result<Arc<KeySet>, SecretError> {
        let previous = tokio::time::timeout(PREVIOUS_PATIENCE, self.reader.read(Stage::Previous));
        let (current, previous) = tokio::join!(self.reader.read(Stage::Current), previous);
        let current: Version<SigningSecret> = current?;
        let known = || known.and_then(|known| known.previous_to(&current));
        let previous = match previous {
            Ok(Ok(version)) => match self.key(Stage::Previous, version.value) {
                Ok(key) => PreviousKey::new(key, current.created),
                Err(error) => {
                    tracing::warn!(%error, "going on with the current signing key alone");
                    None
                }
            },
            Ok(Err(SecretError::Missing { .. })) => None,
            Ok(Err(error @ SecretError::Malformed { .. })) => {
                tracing::warn!(%error, "going on with the current signing key alone");
                None
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "going on with the signing keys as they were known");
                known()
            }
            Err(_) => {
                tracing::warn!("no previous signing key in time, going on with what was known");
                known()
            }
        };
        self.key_set(current, previous)
    }

    fn key_set(
        &self,
        current: Version<SigningSecret>,
        previous: Option<PreviousKey>,
    ) -> Result<Arc<KeySet>, SecretError> {
        Ok(Arc::new(KeySet {
            current: self.key(Stage::Current, current.value)?,
            previous,
            loaded_at: self.clock.now(),
        }))
    }

    fn key(&self, stage: Stage, secret: SigningSecret) -> Result<SecretString, SecretError> {
        if secret.signing_secret.expose_secret().is_empty() {
            return Err(self
                .reader
                .malformed(stage, "signing_secret is empty".into()));
        }
        Ok(secret.signing_secret)
    }
}

#[cfg(test)]
mod tests {
    use super::super::canned::{Canned, Versions, start};
    use super::*;
    use aws_smithy_async::time::TimeSource;

    const ALL: &[&str] = &["AWSCURRENT", "AWSPREVIOUS"];
    const NONE: &[&str] = &[];
    const OLD: &str = r#"{"signing_secret": "old"}"#;
    const NEW: &str = r#"{"signing_secret": "new"}"#;

    fn signing_keys(canned: &Canned) -> SigningKeys {
        SigningKeys::new(
            canned.client(),
            "signing-secret".into(),
            SharedTimeSource::new(canned.clock.clone()),
        )
    }

    fn with_current(current: &'static str) -> Versions {
        Versions {
            current: Some(current),
            created: Some(start()),
            ..Versions::default()
        }
    }

    /// A secret that is rotated from `OLD` to `NEW`, now.
    fn rotate(canned: &Canned) {
        let mut versions = canned.versions.lock().unwrap();
        versions.previous = versions.current.replace(NEW);
        versions.created = Some(canned.clock.now());
    }

    fn keys(set: &KeySet, now: SystemTime) -> Vec<&[u8]> {
        set.valid_at(now).collect()
    }

    #[tokio::test]
    async fn a_prefetch_takes_one_call_and_the_requests_after_it_none() {
        let canned = Canned::new(with_current(NEW));
        let signing_keys = signing_keys(&canned);
        signing_keys.prefetch().await.unwrap();
        for _ in 0..3 {
            assert_eq!(keys(&signing_keys.get().await.unwrap(), start()), [b"new"]);
        }
        assert_eq!(canned.calls(), 1);
    }

    #[tokio::test]
    async fn the_key_is_the_value_neither_decoded_nor_trimmed() {
        let canned = Canned::new(with_current(
            r#"{"signing_secret": " a2V5\u00e9\n", "note": 1}"#,
        ));
        let set = signing_keys(&canned).get().await.unwrap();
        assert_eq!(keys(&set, start()), [" a2V5\u{e9}\n".as_bytes()]);
    }

    #[tokio::test]
    async fn a_mismatch_finds_both_keys_of_a_rotation() {
        let canned = Canned::new(with_current(OLD));
        let signing_keys = signing_keys(&canned);
        let stale = signing_keys.get().await.unwrap();
        rotate(&canned);
        let newer = signing_keys
            .refetch(&stale)
            .await
            .unwrap()
            .expect("newer keys");
        assert_eq!(keys(&newer, start()), [b"new", b"old"]);
        assert_eq!(
            keys(&signing_keys.get().await.unwrap(), start()),
            [b"new", b"old"]
        );
    }

    #[tokio::test]
    async fn mismatches_cause_one_look_in_30_seconds() {
        let canned = Canned::new(with_current(NEW));
        let signing_keys = signing_keys(&canned);
        let mut set = signing_keys.get().await.unwrap();
        set = signing_keys.refetch(&set).await.unwrap().expect("a look");
        let calls = canned.calls();
        for _ in 0..100 {
            assert!(signing_keys.refetch(&set).await.unwrap().is_none());
        }
        canned
            .clock
            .advance(REFETCH_INTERVAL - Duration::from_millis(1));
        assert!(signing_keys.refetch(&set).await.unwrap().is_none());
        assert_eq!(canned.calls(), calls);
        canned.clock.advance(Duration::from_millis(1));
        assert!(signing_keys.refetch(&set).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_failed_look_takes_its_turn_and_keeps_the_keys() {
        let canned = Canned::new(with_current(NEW));
        let signing_keys = signing_keys(&canned);
        let set = signing_keys.get().await.unwrap();
        canned.versions.lock().unwrap().failing = ALL;
        let error = signing_keys.refetch(&set).await.unwrap_err();
        assert!(matches!(error, SecretError::Unavailable { .. }), "{error}");
        assert!(signing_keys.refetch(&set).await.unwrap().is_none());
        assert_eq!(keys(&signing_keys.get().await.unwrap(), start()), [b"new"]);
    }

    #[tokio::test]
    async fn whoever_holds_older_keys_gets_the_cached_ones_without_a_call() {
        let canned = Canned::new(with_current(OLD));
        let signing_keys = signing_keys(&canned);
        let stale = signing_keys.get().await.unwrap();
        rotate(&canned);
        signing_keys
            .refetch(&stale)
            .await
            .unwrap()
            .expect("newer keys");
        let calls = canned.calls();
        let again = signing_keys
            .refetch(&stale)
            .await
            .unwrap()
            .expect("newer keys");
        assert_eq!(keys(&again, start()), [b"new", b"old"]);
        assert_eq!(canned.calls(), calls);
    }

    #[tokio::test]
    async fn the_previous_key_is_good_for_24_hours_after_the_current_ones_creation() {
        let canned = Canned::new(Versions {
            previous: Some(OLD),
            ..with_current(NEW)
        });
        let signing_keys = signing_keys(&canned);
        let stale = signing_keys.get().await.unwrap();
        let set = signing_keys
            .refetch(&stale)
            .await
            .unwrap()
            .expect("both keys");
        let end = start() + PREVIOUS_KEY_VALID;
        assert_eq!(keys(&set, end - Duration::from_millis(1)), [b"new", b"old"]);
        assert_eq!(keys(&set, end), [b"new"]);
    }

    #[tokio::test]
    async fn a_malformed_previous_version_never_disables_the_current_one() {
        for previous in [
            "",
            "{}",
            r#"{"signing_secret": ""}"#,
            r#"{"signing_secret": 7}"#,
        ] {
            let canned = Canned::new(Versions {
                previous: Some(previous),
                ..with_current(NEW)
            });
            let signing_keys = signing_keys(&canned);
            let stale = signing_keys.get().await.unwrap();
            let set = signing_keys.refetch(&stale).await.unwrap().expect("a look");
            assert_eq!(keys(&set, start()), [b"new"], "{previous:?}");
        }
    }

    #[tokio::test]
    async fn a_missing_or_malformed_secret_fails_closed_and_is_named_without_its_value() {
        for (current, problem) in [
            (None, "secret signing-secret has no version AWSCURRENT"),
            (
                Some("{\"signing_secret\": \"\"}"),
                "signing_secret is empty",
            ),
            (
                Some("{\"signing_secret\": 5309}"),
                "Data error in line 1, column 23",
            ),
            (Some("5309"), "Data error in line 1, column 4"),
            (
                Some("{\"secret\": \"5309\"}"),
                "Data error in line 1, column 18",
            ),
            (Some(""), "Eof error in line 1, column 0"),
        ] {
            let canned = Canned::new(Versions {
                current,
                ..Versions::default()
            });
            let error = signing_keys(&canned).get().await.unwrap_err().to_string();
            assert!(error.starts_with("secret signing-secret"), "{error}");
            assert!(error.ends_with(problem), "{error}");
            assert!(!error.contains("5309"), "{error}");
        }
    }

    #[tokio::test]
    async fn without_keys_a_failure_is_remembered_for_a_second() {
        let canned = Canned::new(with_current(NEW));
        let signing_keys = signing_keys(&canned);
        canned.versions.lock().unwrap().failing = ALL;
        assert!(signing_keys.get().await.is_err());
        let calls = canned.calls();
        canned.versions.lock().unwrap().failing = NONE;
        canned
            .clock
            .advance(FAILURE_REMEMBERED - Duration::from_millis(1));
        assert!(signing_keys.get().await.is_err());
        assert_eq!(canned.calls(), calls);
        canned.clock.advance(Duration::from_millis(1));
        assert_eq!(keys(&signing_keys.get().await.unwrap(), start()), [b"new"]);
    }

    #[tokio::test]
    async fn a_failed_prefetch_is_made_up_for_by_the_first_request() {
        let canned = Canned::new(with_current(NEW));
        let signing_keys = signing_keys(&canned);
        canned.versions.lock().unwrap().failing = ALL;
        assert!(signing_keys.prefetch().await.is_err());
        canned.versions.lock().unwrap().failing = NONE;
        assert_eq!(keys(&signing_keys.get().await.unwrap(), start()), [b"new"]);
    }

    #[tokio::test]
    async fn a_previous_version_that_can_not_be_read_is_what_it_was_known_to_be() {
        let canned = Canned::new(with_current(OLD));
        let signing_keys = signing_keys(&canned);
        let stale = signing_keys.get().await.unwrap();
        rotate(&canned);
        canned.versions.lock().unwrap().failing = &["AWSPREVIOUS"];
        let newer = signing_keys
            .refetch(&stale)
            .await
            .unwrap()
            .expect("newer keys");
        assert_eq!(keys(&newer, start()), [b"new", b"old"]);

        let now = canned.clock.advance(REFRESH_AFTER);
        let reloaded = signing_keys.get().await.unwrap();
        assert!(!Arc::ptr_eq(&reloaded, &newer));
        assert_eq!(keys(&reloaded, now), [b"new", b"old"]);
        assert_eq!(keys(&reloaded, start() + PREVIOUS_KEY_VALID), [b"new"]);
    }

    #[tokio::test]
    async fn a_previous_version_without_an_end_is_not_used() {
        let canned = Canned::new(Versions {
            previous: Some(OLD),
            created: None,
            ..with_current(NEW)
        });
        assert_eq!(
            keys(&signing_keys(&canned).get().await.unwrap(), start()),
            [b"new"]
        );
    }

    #[tokio::test]
    async fn keys_are_looked_at_anew_after_10_minutes() {
        let canned = Canned::new(with_current(OLD));
        let signing_keys = signing_keys(&canned);
        signing_keys.get().await.unwrap();
        rotate(&canned);
        canned
            .clock
            .advance(REFRESH_AFTER - Duration::from_millis(1));
        let now = canned.clock.now();
        assert_eq!(keys(&signing_keys.get().await.unwrap(), now), [b"old"]);
        let now = canned.clock.advance(Duration::from_millis(1));
        assert_eq!(
            keys(&signing_keys.get().await.unwrap(), now),
            [b"new", b"old"]
        );
    }

    #[tokio::test]
    async fn keys_outlive_a_failing_secrets_manager_up_to_15_minutes() {
        let canned = Canned::new(with_current(NEW));
        let signing_keys = signing_keys(&canned);
        signing_keys.get().await.unwrap();
        canned.versions.lock().unwrap().failing = ALL;
        let now = canned
            .clock
            .advance(EXPIRE_AFTER - Duration::from_millis(1));
        assert_eq!(keys(&signing_keys.get().await.unwrap(), now), [b"new"]);
        canned.clock.advance(Duration::from_millis(1));
        assert!(signing_keys.get().await.is_err());
    }

    #[tokio::test]
    async fn debug_shows_no_key() {
        let canned = Canned::new(with_current(r#"{"signing_secret": "5309"}"#));
        let signing_keys = signing_keys(&canned);
        let set = signing_keys.get().await.unwrap();
        assert!(!format!("{set:?} {signing_keys:?}").contains("5309"));
    }
}
