//! Secrets from AWS Secrets Manager, cached in the process with a time limit (feature `secrets`).
//!
//! [`SigningKeys`] keeps the webhook signing secret, [`PartnerCredentialsCache`] the client credentials. To sign a webhook
//! yourself, read the current key with [`current_signing_key`]; [`read_signing_keys`] also reads the previous one. Both cache
//! nothing. All take the AWS SDK's own client, because only you know its configuration.
//!
//! ```
//! # #[cfg(feature = "client")]
//! # fn client(sdk_config: &aws_types::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
//! use whoop_partner::secrets::PartnerCredentialsCache;
//! use whoop_partner::{PartnerApiBaseUrl, PartnerClient};
//!
//! let secrets_manager = aws_sdk_secretsmanager::Client::new(sdk_config);
//! let credentials = PartnerCredentialsCache::new(secrets_manager, "whoop/credentials".into());
//! let client = PartnerClient::builder(PartnerApiBaseUrl::default(), credentials).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! Ages are measured by the wall clock, because the monotonic clock stands still while Lambda has frozen the process.

#[cfg(test)]
mod canned;
mod looks;
mod partner_credentials;
mod signing_keys;
mod signing_secret;

pub use partner_credentials::PartnerCredentialsCache;
pub use signing_keys::SigningKeys;
pub use signing_secret::{
    KeySet, PREVIOUS_KEY_VALID, SigningSecret, current_signing_key, read_signing_keys,
};

pub use crate::aws::{AwsHttpClients, Hedge};

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::builders::GetSecretValueFluentBuilder;
use aws_sdk_secretsmanager::operation::get_secret_value::{
    GetSecretValueError, GetSecretValueOutput,
};
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::call_failure::{CallFailure, json_error};

/// How long a cached secret is used before it is read again.
const REFRESH_AFTER: Duration = Duration::from_secs(10 * 60);

/// The greatest age of a cached secret that is used, if Secrets Manager does not answer.
const EXPIRE_AFTER: Duration = Duration::from_secs(15 * 60);

/// A version of a secret, by the stage that Secrets Manager gives it.
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

/// Why a secret can't be used. It names the secret, and never shows its value.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Secrets Manager has no such secret, or no such version.
    #[error("secret {secret_id} has no version {stage}")]
    Missing {
        /// Name or ARN.
        secret_id: String,
        /// The version's staging label.
        stage: &'static str,
    },
    /// The secret's value is not the JSON that it should be.
    #[error("secret {secret_id} is malformed in version {stage}: {reason}")]
    Malformed {
        /// Name or ARN.
        secret_id: String,
        /// The version's staging label.
        stage: &'static str,
        /// What is wrong with it, without quoting it.
        reason: String,
    },
    /// Secrets Manager did not answer, or refused the call.
    #[error("secret {secret_id} can't be read: {failure}")]
    Unavailable {
        /// Name or ARN.
        secret_id: String,
        /// Why the call failed.
        failure: CallFailure,
    },
}

impl SecretError {
    /// Returns whether Secrets Manager has given no answer: it was too slow, failed, or throttled the call.
    ///
    /// If a version is missing, malformed, denied or can't be decrypted, that is an answer.
    #[must_use]
    pub fn is_no_answer(&self) -> bool {
        matches!(self, Self::Unavailable { failure, .. } if failure.is_transient())
    }
}

impl From<SecretError> for CallFailure {
    fn from(error: SecretError) -> Self {
        if error.is_no_answer() {
            Self::no_answer(error.to_string())
        } else {
            Self::lasting(error.to_string())
        }
    }
}

/// Reads one secret.
#[derive(Clone)]
struct SecretReader {
    client: Client,
    secret_id: String,
}

impl fmt::Debug for SecretReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretReader")
            .field("secret_id", &self.secret_id)
            .finish_non_exhaustive()
    }
}

/// A version of a secret: its decoded JSON, and when it was created, if Secrets Manager says so.
struct Version<T> {
    value: T,
    created: Option<SystemTime>,
}

impl SecretReader {
    async fn read<T: DeserializeOwned>(&self, stage: Stage) -> Result<Version<T>, SecretError> {
        let answer = self.request(stage).send().await;
        self.version(stage, answer)
    }

    /// Reads a version with up to two tries.
    async fn read_hedged<T: DeserializeOwned>(
        &self,
        stage: Stage,
        hedge: &Hedge,
    ) -> Result<Version<T>, SecretError> {
        let second = async {
            let http_client = hedge.http_client.clone();
            let config = aws_sdk_secretsmanager::Config::builder().http_client(http_client);
            let call = self
                .request(stage)
                .customize()
                .config_override(config)
                .send();
            self.version(stage, Box::pin(call).await)
        };
        hedge
            .run(self.read(stage), second, SecretError::is_no_answer)
            .await
    }

    fn no_answer(&self, reason: &str) -> SecretError {
        SecretError::Unavailable {
            secret_id: self.secret_id.clone(),
            failure: CallFailure::no_answer(reason),
        }
    }

    fn request(&self, stage: Stage) -> GetSecretValueFluentBuilder {
        self.client
            .get_secret_value()
            .secret_id(&self.secret_id)
            .version_stage(stage.label())
    }

    fn version<T: DeserializeOwned>(
        &self,
        stage: Stage,
        answer: Result<GetSecretValueOutput, SdkError<GetSecretValueError>>,
    ) -> Result<Version<T>, SecretError> {
        let answer = answer.map_err(|error| self.failed(stage, error))?;
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

        serde_json::from_str(json.expose_secret())
            .map_err(|error| self.malformed(stage, json_error(&error)))
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

/// Returns the age of a cached secret. It is infinite if the clock was set back to before the secret was read.
fn age(loaded_at: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(loaded_at).unwrap_or(Duration::MAX)
}
