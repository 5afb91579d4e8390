//! The webhook signing secret as Secrets Manager returns it, and the keys that follow from it.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{SecretError, SecretReader, Stage, Version};
use crate::aws::Hedge;
use crate::signature::Keys;

/// How long the previous key is valid after the current one was created. In this time WHOOP may sign with either.
pub const PREVIOUS_KEY_VALID: Duration = Duration::from_secs(24 * 60 * 60);

/// The JSON of the secret.
#[derive(Debug, Deserialize)]
pub struct SigningSecret {
    /// The key. Its UTF-8 bytes are used: neither decoded nor trimmed.
    pub signing_secret: SecretString,
}

/// A version of the secret: the key, and when it was created.
pub(super) type KeyVersion = Version<SecretString>;

/// Reads the current signing key from the secret `secret_id` (name or ARN), to sign a webhook as WHOOP would. It caches nothing,
/// so that a rotation takes effect at once.
///
/// # Errors
///
/// [`SecretError`] if the secret is missing, is malformed or can't be read.
pub async fn current_signing_key(
    client: &Client,
    secret_id: &str,
) -> Result<SecretString, SecretError> {
    let reader = SecretReader {
        client: client.clone(),
        secret_id: secret_id.to_owned(),
    };
    Ok(read_once(&reader, Stage::Current).await?.value)
}

/// Reads the current and the previous signing key from the secret `secret_id` (name or ARN), to find out which of them signed a
/// webhook. It caches nothing. A malformed previous version counts as none, as in [`SigningKeys`](super::SigningKeys).
///
/// # Errors
///
/// [`SecretError`] if the current version is missing or malformed, or if one of the two can't be read.
pub async fn read_signing_keys(client: &Client, secret_id: &str) -> Result<KeySet, SecretError> {
    let reader = SecretReader {
        client: client.clone(),
        secret_id: secret_id.to_owned(),
    };
    let loaded_at = SystemTime::now();
    let current = read_once(&reader, Stage::Current).await?;
    let previous = match read_once(&reader, Stage::Previous).await {
        Ok(previous) => Some(previous),
        Err(SecretError::Missing { .. } | SecretError::Malformed { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(KeySet::new(current, None, loaded_at).with_previous(previous))
}

/// Reads a version with a single call.
async fn read_once(reader: &SecretReader, stage: Stage) -> Result<KeyVersion, SecretError> {
    let version = reader.read(stage).await?;
    key_version(reader, stage, version)
}

/// Reads a version, with a second try if the first one is slow.
pub(super) async fn read(
    reader: &SecretReader,
    stage: Stage,
    hedge: &Hedge,
) -> Result<KeyVersion, SecretError> {
    let version = reader.read_hedged(stage, hedge).await?;
    key_version(reader, stage, version)
}

/// Takes the key out of a version. An empty key is malformed.
fn key_version(
    reader: &SecretReader,
    stage: Stage,
    version: Version<SigningSecret>,
) -> Result<KeyVersion, SecretError> {
    let key = version.value.signing_secret;
    if key.expose_secret().is_empty() {
        return Err(reader.malformed(stage, "signing_secret is empty".into()));
    }
    Ok(Version {
        value: key,
        created: version.created,
    })
}

/// The keys that a webhook may be signed with.
#[derive(Clone)]
pub struct KeySet {
    current: SecretString,
    /// When the current version was created.
    created: Option<SystemTime>,
    previous: Option<PreviousKey>,
    /// Whether Secrets Manager has said what the previous key is, or that there is none.
    pub(super) previous_is_known: bool,
    /// When the read of the current key began.
    pub(super) loaded_at: SystemTime,
}

#[derive(Clone)]
struct PreviousKey {
    key: SecretString,
    valid_until: SystemTime,
}

impl KeySet {
    /// Makes a set of the current key, whose read began at `loaded_at`. The previous key follows from the keys `known` until
    /// now.
    pub(super) fn new(current: KeyVersion, known: Option<&Self>, loaded_at: SystemTime) -> Self {
        let unchanged = known.filter(|known| known.is_current(&current));
        let previous = match (unchanged, known) {
            (Some(unchanged), _) => unchanged.previous.clone(),
            (None, Some(known)) => PreviousKey::new(known.current.clone(), current.created),
            (None, None) => None,
        };
        Self {
            current: current.value,
            created: current.created,
            previous,
            previous_is_known: unchanged.is_some_and(|keys| keys.previous_is_known),
            loaded_at,
        }
    }

    /// Returns the same current key with the previous key that Secrets Manager returned.
    pub(super) fn with_previous(&self, previous: Option<KeyVersion>) -> Self {
        Self {
            previous: previous.and_then(|version| PreviousKey::new(version.value, self.created)),
            previous_is_known: true,
            ..self.clone()
        }
    }

    /// Returns the same keys, and remembers that Secrets Manager has no others for now.
    pub(super) fn without_others(&self) -> Self {
        Self {
            previous_is_known: true,
            ..self.clone()
        }
    }

    fn is_current(&self, version: &KeyVersion) -> bool {
        version.value.expose_secret() == self.current.expose_secret()
    }

    /// Returns the current key.
    #[must_use]
    pub fn current(&self) -> &SecretString {
        &self.current
    }

    /// Returns the previous key, and until when it is valid. That time may have passed.
    #[must_use]
    pub fn previous(&self) -> Option<(&SecretString, SystemTime)> {
        let previous = self.previous.as_ref()?;
        Some((&previous.key, previous.valid_until))
    }

    /// Returns the keys that are valid at `now`.
    #[must_use]
    pub fn valid_at(&self, now: SystemTime) -> Keys<'_> {
        let previous = self
            .previous
            .as_ref()
            .filter(|previous| now < previous.valid_until)
            .map(|previous| previous.key.expose_secret());
        Keys::current(self.current.expose_secret()).and_previous(previous)
    }
}

impl PreviousKey {
    /// `created` is when the current version was created. If Secrets Manager does not say so, nobody knows how long the
    /// previous key is valid, so there is none.
    fn new(key: SecretString, created: Option<SystemTime>) -> Option<Self> {
        Some(Self {
            key,
            valid_until: created?.checked_add(PREVIOUS_KEY_VALID)?,
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

#[cfg(test)]
mod tests {
    use super::super::canned::{Canned, Fault, Versions, start};
    use super::*;

    const OLD: &str = r#"{"signing_secret": "old-key"}"#;
    const NEW: &str = r#"{"signing_secret": "new-key"}"#;

    fn canned(current: Option<&'static str>) -> Canned {
        Canned::new(Versions {
            current,
            previous: Some(OLD),
            ..Versions::default()
        })
    }

    async fn read(canned: &Canned) -> Result<SecretString, SecretError> {
        current_signing_key(&canned.client(), "signing-secret").await
    }

    #[tokio::test(start_paused = true)]
    async fn the_current_key_is_read_anew_each_time() {
        let canned = canned(Some(OLD));
        assert_eq!(read(&canned).await.unwrap().expose_secret(), "old-key");
        canned.versions.lock().unwrap().current = Some(NEW);
        assert_eq!(read(&canned).await.unwrap().expose_secret(), "new-key");
        assert_eq!(canned.calls(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_current_key_that_can_not_be_used_is_an_error_and_the_previous_one_is_not_taken() {
        for (current, reason) in [
            (None, "has no version AWSCURRENT"),
            (
                Some("new-key"),
                "is malformed in version AWSCURRENT: Syntax error in line 1, column 2",
            ),
            (
                Some(r#"{"key": "new-key"}"#),
                "is malformed in version AWSCURRENT: Data error in line 1, column 18",
            ),
            (
                Some(r#"{"signing_secret": ""}"#),
                "is malformed in version AWSCURRENT: signing_secret is empty",
            ),
        ] {
            let error = read(&canned(current)).await.unwrap_err();
            assert!(!error.is_no_answer(), "{error}");
            assert_eq!(error.to_string(), format!("secret signing-secret {reason}"));
            assert!(!format!("{error:?}").contains("new-key"), "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn both_keys_are_read_and_the_previous_one_ends_a_day_after_the_current_one_began() {
        let canned = canned(Some(NEW));
        let created = start();
        canned.versions.lock().unwrap().created = Some(created);
        let keys = read_signing_keys(&canned.client(), "signing-secret").await;
        let keys = keys.unwrap();
        assert_eq!(keys.current().expose_secret(), "new-key");
        let (previous, valid_until) = keys.previous().expect("there is a previous key");
        assert_eq!(previous.expose_secret(), "old-key");
        assert_eq!(valid_until, created + PREVIOUS_KEY_VALID);
    }

    #[tokio::test(start_paused = true)]
    async fn a_previous_version_that_is_missing_or_malformed_counts_as_none() {
        for previous in [None, Some("old-key"), Some(r#"{"signing_secret": ""}"#)] {
            let canned = canned(Some(NEW));
            canned.versions.lock().unwrap().previous = previous;
            let keys = read_signing_keys(&canned.client(), "signing-secret").await;
            assert!(keys.unwrap().previous().is_none(), "{previous:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_previous_version_that_can_not_be_read_is_an_error() {
        let canned = canned(Some(NEW));
        canned.versions.lock().unwrap().previous_fault = Some(Fault::Internal);
        let keys = read_signing_keys(&canned.client(), "signing-secret").await;
        assert!(keys.unwrap_err().is_no_answer());
    }

    #[tokio::test(start_paused = true)]
    async fn a_secret_that_can_not_be_read_is_an_error() {
        let canned = canned(Some(NEW));
        canned.versions.lock().unwrap().current_fault = Some(Fault::Internal);
        let error = read(&canned).await.unwrap_err();
        assert!(error.is_no_answer(), "{error}");
    }
}
