//! The function's environment.

use whoop_partner::lambda::env::{self, EnvError};
use whoop_partner::protected_url::ProtectedUrl;

/// The settings that the environment holds.
#[derive(Debug, Clone)]
pub struct Config {
    /// `WEBHOOK_URL`: the stack's own public URL for webhooks.
    pub webhook_url: ProtectedUrl,
    /// `WEBHOOK_SIGNING_SECRET_ID`: name or ARN of the signing secret.
    pub signing_secret_id: String,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    ///
    /// [`EnvError`] if a variable is missing or malformed. The error names it.
    pub fn from_env() -> Result<Self, EnvError> {
        Ok(Self {
            webhook_url: env::required_parsed("WEBHOOK_URL")?,
            signing_secret_id: env::required("WEBHOOK_SIGNING_SECRET_ID")?,
        })
    }
}
