//! Secrets from AWS Secrets Manager, cached in the process with a time limit.
//!
//! Times are taken from the system's clock: Lambda freezes the process between calls, and the monotonic clock with it.

#[cfg(test)]
mod canned;
mod partner_credentials;
mod signing_keys;

pub use partner_credentials::{PartnerCredentials, PartnerCredentialsCache};
pub use signing_keys::{KeySet, SigningKeys};

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::call_failure::CallFailure;

/// How long a cached secret is used without another look.
const REFRESH_AFTER: Duration = Duration::from_secs(10 * 60);

/// How long a cached secret may be used at most, if Secrets Manager does not answer meanwhile.
const EXPIRE_AFTER: Duration = Duration::from_secs(15 * 60);

/// Which version of a secret, by the stage that Secrets Manager gives it.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Current,
    Previous,
}

impl Stage {
    fn label(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
        }
    }
}

/// Why a secret can't be used. Names the secret, never its value.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager has no such secret, or no such version of it.
    #[error("secret {secret_id} has no version {stage}")]
    Missing {
        /// Name or ARN.
        secret_id: String,
        /// The version's staging label.
        stage: &'static str,
    },
    /// The secret's value is not what the contract says.
    #[error("secret {secret_id} is malformed in version {stage}: {reason}")]
    Malformed {
        /// Name or ARN.
        secret_id: String,
        /// The version's staging label.
        stage: &'static str,
        /// What is wrong with it, without quoting it.
        reason: String,
    },
    /// Secrets Manager did not answer, or refused.
    #[error("secret {secret_id} can't be read: {failure}")]
    Unavailable {
        /// Name or ARN.
        secret_id: String,
        /// What the call came to.
        failure: CallFailure,
    },
}

/// Reads one secret.
#[derive(Debug)]
struct SecretReader {
    client: Client,
    secret_id: String,
}

/// A version of a secret: its JSON as `T`, and when it was created, if Secrets Manager says so.
struct Version<T> {
    value: T,
    created: Option<SystemTime>,
}

impl SecretReader {
    async fn read<T: DeserializeOwned>(&self, stage: Stage) -> Result<Version<T>, SecretError> {
        let answer = self
            .client
            .get_secret_value()
            .secret_id(&self.secret_id)
            .version_stage(stage.label())
            .send()
            .await
            .map_err(|error| self.failed(stage, error))?;
        let json = SecretString::from(
            answer
                .secret_string
                .ok_or_else(|| self.malformed(stage, "it is binary".into()))?,
        );
        Ok(Version {
            value: self.parse(stage, &json)?,
            created: answer.created_date.and_then(|date| date.try_into().ok()),
        })
    }

    fn parse<T: DeserializeOwned>(
        &self,
        stage: Stage,
        json: &SecretString,
    ) -> Result<T, SecretError> {
        use secrecy::ExposeSecret;

        serde_json::from_str(json.expose_secret()).map_err(|error| {
            // serde's own message quotes what it met
            let (kind, line, column) = (error.classify(), error.line(), error.column());
            self.malformed(
                stage,
                format!("{kind:?} error in line {line}, column {column}"),
            )
        })
    }

    fn malformed(&self, stage: Stage, reason: String) -> SecretError {
        SecretError::Malformed {
            secret_id: self.secret_id.clone(),
            stage: stage.label(),
            reason,
        }
    }

    fn failed(&self, stage: Stage, error: SdkError<GetSecretValueError>) -> SecretError {
        let secret_id = self.secret_id.clone();
        if error
            .as_service_error()
            .is_some_and(GetSecretValueError::is_resource_not_found_exception)
        {
            return SecretError::Missing {
                secret_id,
                stage: stage.label(),
            };
        }
        SecretError::Unavailable {
            secret_id,
            failure: CallFailure::from(&error),
        }
    }
}

/// How old a cached secret is; without end if the clock has jumped back behind its load.
fn age(loaded_at: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(loaded_at).unwrap_or(Duration::MAX)
}
