//! The two secrets.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use whoop_partner::secrets::{
    PREVIOUS_KEY_VALID, PartnerCredentialsCache, SecretError, SigningSecret, current_signing_key,
};

use crate::error::ToolError;
use crate::finding::{Finding, is_denial};
use crate::moment::{elapsed, rough};
use crate::session::Session;

/// How long reading the credentials may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Checks that the signing secret has a value that the functions can use.
pub(super) async fn signing(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    let secret = stack.output("WebhookSigningSecretArn")?;
    let client = Client::new(session.config());
    let key = current_signing_key(&client, secret).await;
    let remedy = stack.command("secret set signing");
    judged(&client, secret, key, &remedy).await
}

/// Checks that the client credentials have values that the functions can use.
pub(super) async fn credentials(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    let secret = stack.output("PartnerCredentialsSecretArn")?;
    let client = Client::new(session.config());
    let cache = PartnerCredentialsCache::new(client.clone(), secret.to_owned());
    let credentials = cache.get(Instant::now() + LIMIT).await;
    let remedy = stack.command("secret set credentials");
    judged(&client, secret, credentials, &remedy).await
}

async fn judged<T>(
    client: &Client,
    secret: &str,
    value: Result<T, SecretError>,
    set: &str,
) -> Result<Finding, ToolError> {
    let error = match value {
        Ok(_) => return Ok(Finding::good("present and well-formed")),
        Err(error) => error,
    };
    match &error {
        SecretError::Missing { .. } => Ok(Finding::bad("it has no value", set)),
        SecretError::Malformed { reason, .. } => {
            Ok(Finding::bad(format!("it is malformed: {reason}"), set))
        }
        _ if error.is_no_answer() || is_denial(&error.to_string()) => {
            Err(ToolError::Failed(error.to_string()))
        }
        _ if is_deleted(client, secret).await => Ok(Finding::bad(
            "it is marked for deletion",
            format!("aws secretsmanager restore-secret --secret-id {secret}"),
        )),
        _ => Ok(Finding::bad(
            error.to_string(),
            "check the key and the secret: docs/outages.md#secrets-manager",
        )),
    }
}

async fn is_deleted(client: &Client, secret: &str) -> bool {
    let description = client.describe_secret().secret_id(secret).send().await;
    description.is_ok_and(|secret| secret.deleted_date().is_some())
}

/// Looks at the version before the current one, which may still be valid.
pub(super) async fn previous(session: &Session, now: SystemTime) -> Result<Finding, ToolError> {
    let secret = session.stack().await?.output("WebhookSigningSecretArn")?;
    let client = Client::new(session.config());
    let Some(current) = version(&client, secret, "AWSCURRENT").await? else {
        return Ok(Finding::skipped("there is no current one"));
    };
    let previous = version(&client, secret, "AWSPREVIOUS").await?;
    // in the local AWS, a secret begins with an empty version
    let previous = previous.filter(|version| version.secret_string() != Some(""));
    let Some(previous) = previous else {
        return Ok(Finding::skipped("there is none"));
    };
    let created = current.created_date();
    let created = created.and_then(|date| SystemTime::try_from(*date).ok());
    let Some(created) = created else {
        let remedy = "docs/rotation.md#the-signing-secret";
        return Ok(Finding::unknown(
            "Secrets Manager does not say when the current one was created",
            remedy,
        ));
    };
    let json = previous.secret_string.map(SecretString::from);
    Ok(judge_previous(json.as_ref(), created, now))
}

/// Judges the previous version. A malformed one does no harm to the current one, so that it is not bad.
fn judge_previous(json: Option<&SecretString>, created: SystemTime, now: SystemTime) -> Finding {
    let age = elapsed(created, now);
    let Some(left) = PREVIOUS_KEY_VALID
        .checked_sub(age)
        .filter(|left| !left.is_zero())
    else {
        return Finding::good("no longer valid: the current one is more than 24 h old");
    };
    let left = rough(left);
    let key = json.and_then(|json| {
        let secret: SigningSecret = serde_json::from_str(json.expose_secret()).ok()?;
        Some(secret.signing_secret).filter(|key| !key.expose_secret().is_empty())
    });
    match key {
        Some(_) => Finding::good(format!("also valid for {left}")),
        None => Finding::good(format!(
            "malformed, so only the current one is valid. If WHOOP signs with an older one for {left}: docs/rotation.md#if-you-stored-a-wrong-value"
        )),
    }
}

/// A version of a secret; `None` if there is none.
async fn version(
    client: &Client,
    secret: &str,
    stage: &str,
) -> Result<Option<GetSecretValueOutput>, ToolError> {
    let answer = client
        .get_secret_value()
        .secret_id(secret)
        .version_stage(stage);
    match answer.send().await {
        Ok(version) => Ok(Some(version)),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(GetSecretValueError::is_resource_not_found_exception) =>
        {
            Ok(None)
        }
        Err(error) => Err(ToolError::aws("GetSecretValue")(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    fn judged_after(hours: u64, json: &str) -> Finding {
        let created = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000);
        let now = created + Duration::from_secs(hours * 3600);
        judge_previous(Some(&SecretString::from(json)), created, now)
    }

    #[test]
    fn the_previous_key_is_valid_for_a_day() {
        let json = r#"{"signing_secret": "the-previous-key"}"#;
        let finding = judged_after(1, json);
        assert_eq!(finding.found, "also valid for 23 h");
        assert!(judged_after(24, json).found.starts_with("no longer valid"));
    }

    #[test]
    fn a_malformed_previous_key_is_a_hint_and_is_not_shown() {
        for json in [
            "the-value",
            r#"{"signing_key": "the-value"}"#,
            r#"{"signing_secret": ""}"#,
        ] {
            let finding = judged_after(1, json);
            assert_eq!(finding.mark, Mark::Good);
            assert!(finding.found.starts_with("malformed"), "{finding:?}");
            assert!(!finding.found.contains("the-value"), "{finding:?}");
        }
    }
}
