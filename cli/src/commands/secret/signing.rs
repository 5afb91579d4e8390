//! The signing secret.

use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use whoop_partner::secrets::{PREVIOUS_KEY_VALID, SigningSecret};

use super::stored::{Report, StoredSecret, Version};
use crate::error::ToolError;
use crate::moment::timestamp;
use crate::secret_input;
use crate::session::Session;

/// What helps after the secret is stored.
const NEXT: &str = "whoop-partner webhook send --heartbeat, to see whether the webhook takes it";

/// Stores the signing secret of a new stack.
///
/// # Errors
///
/// If it has another value already.
pub(super) async fn set(session: &Session) -> Result<Report, ToolError> {
    let secret = secret(session).await?;
    let current = secret.version("AWSCURRENT").await?;
    let key = secret_input::read("signing secret")?;
    match current {
        Some(current) if is(&current, &key) => unchanged(&secret, &current).await,
        Some(current) => Err(secret.already_set(&current)),
        None => store(&secret, &key).await,
    }
}

/// Replaces the signing secret.
///
/// # Errors
///
/// If it has no value yet, or if the key before the current one is still valid and `drop_previous_key` is false.
pub(super) async fn rotate(
    session: &Session,
    drop_previous_key: bool,
) -> Result<Report, ToolError> {
    let secret = secret(session).await?;
    if secret.version("AWSCURRENT").await?.is_none() {
        return Err(secret.not_set());
    }
    let key = secret_input::read("signing secret")?;
    // only now: somebody else may have stored a key while this one was typed in
    let current = secret.version("AWSCURRENT").await?;
    let current = current.ok_or_else(|| secret.not_set())?;
    if is(&current, &key) {
        return unchanged(&secret, &current).await;
    }
    if !drop_previous_key
        && let Some(previous) = secret.version("AWSPREVIOUS").await?
        && let Some(valid_until) = drops_until(&current, &previous, &key, SystemTime::now())
    {
        return Err(would_drop(valid_until));
    }
    store(&secret, &key).await
}

/// Until when the previous key is valid that a third key would drop. `None` if it drops no valid key.
fn drops_until(
    current: &Version,
    previous: &Version,
    key: &SecretString,
    now: SystemTime,
) -> Option<SystemTime> {
    let valid_until = current.created?.checked_add(PREVIOUS_KEY_VALID)?;
    let dropped = self::key(previous)?;
    // the new key is the one that would be dropped: it becomes the current one
    let is_kept = is(current, &dropped) || dropped.expose_secret() == key.expose_secret();
    (now < valid_until && !is_kept).then_some(valid_until)
}

fn would_drop(valid_until: SystemTime) -> ToolError {
    let until = timestamp(valid_until).map_or_else(|| "later".into(), |time| time.to_string());
    ToolError::Remediable {
        message: format!(
            "WHOOP may still sign with the key before the current one, which is valid until {until}; a further key would drop it"
        ),
        remedy: "wait until then; if the current key is a mistake, store the one before it again; if WHOOP does not sign with that one any more, give --drop-previous-key".into(),
    }
}

async fn store(secret: &StoredSecret, key: &SecretString) -> Result<Report, ToolError> {
    let value = json!({"signing_secret": key.expose_secret()});
    let version_id = secret.put(&value).await?;
    let report = secret.stored(version_id, NEXT).await?;
    with_previous_key(secret, report).await
}

async fn unchanged(secret: &StoredSecret, current: &Version) -> Result<Report, ToolError> {
    with_previous_key(secret, secret.unchanged(current, NEXT)).await
}

/// Adds until when the previous key is valid, if it still is.
async fn with_previous_key(secret: &StoredSecret, report: Report) -> Result<Report, ToolError> {
    let previous = secret.version("AWSPREVIOUS").await?;
    let previous = previous.filter(|version| key(version).is_some());
    let created = report.created.and_then(|time| time.try_into().ok());
    let valid_until =
        created.and_then(|created: SystemTime| created.checked_add(PREVIOUS_KEY_VALID));
    let valid_until = valid_until.filter(|until| SystemTime::now() < *until);
    Ok(Report {
        previous_key_valid_until: previous.and(valid_until).and_then(timestamp),
        ..report
    })
}

async fn secret(session: &Session) -> Result<StoredSecret, ToolError> {
    let arn = session.stack().await?.output("WebhookSigningSecretArn")?;
    let client = aws_sdk_secretsmanager::Client::new(session.config());
    Ok(StoredSecret::new(client, arn.into(), "signing"))
}

/// The key in a version, if the functions would take it.
fn key(version: &Version) -> Option<SecretString> {
    let secret: SigningSecret = version.value()?;
    let key = secret.signing_secret;
    (!key.expose_secret().is_empty()).then_some(key)
}

fn is(version: &Version, expected: &SecretString) -> bool {
    key(version).is_some_and(|key| key.expose_secret() == expected.expose_secret())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_003_200 + seconds)
    }

    fn version(json: &str) -> Version {
        Version::of_test(json, at(0))
    }

    fn with(key: &str) -> Version {
        version(&json!({"signing_secret": key}).to_string())
    }

    #[track_caller]
    fn assert_drops(current: &Version, previous: &Version, key: &str, now: SystemTime, yes: bool) {
        let until = drops_until(current, previous, &key.into(), now);
        assert_eq!(until, yes.then(|| at(24 * 60 * 60)));
    }

    #[test]
    fn a_third_key_drops_the_previous_one_for_a_day() {
        let (current, previous) = (with("b"), with("a"));
        let day = 24 * 60 * 60;
        assert_drops(&current, &previous, "c", at(0), true);
        assert_drops(&current, &previous, "c", at(day - 1), true);
        assert_drops(&current, &previous, "c", at(day), false);
    }

    #[test]
    fn going_back_to_the_previous_key_drops_nothing() {
        assert_drops(&with("b"), &with("a"), "a", at(0), false);
        assert_drops(&with("a"), &with("a"), "b", at(0), false);
    }

    #[test]
    fn a_malformed_current_value_leaves_the_previous_key_worth_keeping() {
        assert_drops(&version("{}"), &with("a"), "c", at(0), true);
        assert_drops(&version("{}"), &with("a"), "a", at(0), false);
    }

    #[test]
    fn a_malformed_previous_value_is_no_loss() {
        for previous in ["{}", "", "a", r#"{"signing_secret": ""}"#] {
            assert_drops(&with("b"), &version(previous), "c", at(0), false);
        }
    }
}
