//! The keys that sign webhooks: the stack's, or one that the user gives.

use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use secrecy::SecretString;
use whoop_partner::secrets::{KeySet, SecretError, read_signing_keys};

use super::body;
use crate::error::ToolError;
use crate::secret_input;
use crate::session::Session;

/// Where the signing secret comes from.
#[derive(Debug, Args)]
pub(super) struct KeySource {
    /// Read the signing secret from standard input, or ask for it; otherwise the stack's is used
    #[arg(long)]
    secret_stdin: bool,
}

/// The signing secret, and the one before it.
pub(super) enum SigningSecrets {
    /// The one that the user gave.
    Given(SecretString),
    /// Those of the stack.
    Stack(Box<KeySet>),
}

impl KeySource {
    /// Gets the keys.
    ///
    /// # Errors
    ///
    /// If the stack's secret can't be read; wrong use if both the secret and the body should come from standard input.
    pub async fn get(
        &self,
        body: Option<&Path>,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
    ) -> Result<SigningSecrets, ToolError> {
        if !self.secret_stdin {
            return stack_secrets(&begin().await?).await;
        }
        if body.is_some_and(body::is_stdin) {
            return Err(ToolError::WrongUse(
                "standard input can hold the secret or the body, not both: give --body FILE".into(),
            ));
        }
        secret_input::read("signing secret").map(SigningSecrets::Given)
    }
}

impl SigningSecrets {
    pub fn current(&self) -> &SecretString {
        match self {
            Self::Given(secret) => secret,
            Self::Stack(keys) => keys.current(),
        }
    }

    /// The key before the current one, and until when it is valid, which may be in the past.
    pub fn previous(&self) -> Option<(&SecretString, SystemTime)> {
        match self {
            Self::Given(_) => None,
            Self::Stack(keys) => keys.previous(),
        }
    }
}

async fn stack_secrets(session: &Session) -> Result<SigningSecrets, ToolError> {
    let secret_id = session.stack().await?.output("WebhookSigningSecretArn")?;
    let client = aws_sdk_secretsmanager::Client::new(session.config());
    let keys = read_signing_keys(&client, secret_id).await;
    let keys = keys.map_err(|error| ToolError::Remediable {
        remedy: match error {
            SecretError::Missing { .. } => "store it: whoop-partner secret set signing",
            SecretError::Malformed { .. } => "replace it: whoop-partner secret rotate signing",
            _ => "check that you may read the secret and use its key",
        }
        .into(),
        message: error.to_string(),
    })?;
    Ok(SigningSecrets::Stack(Box::new(keys)))
}
