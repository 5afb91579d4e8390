//! The client credentials.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;
use whoop_partner::PartnerCredentials;

use super::check::check;
use super::stored::{Report, StoredSecret, Version};
use crate::error::ToolError;
use crate::secret_input;
use crate::session::Session;

/// What helps after the credentials are stored.
const NEXT: &str = "whoop-partner token refresh --force, to use them at once";

#[derive(Debug, Args)]
pub(super) struct Options {
    /// For credentials: the client ID, which is no secret; it is asked for if it is left out
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// For credentials: store them without requesting a token from WHOOP with them first
    #[arg(long)]
    unchecked: bool,
}

impl Options {
    /// Stores the client credentials of a new stack.
    ///
    /// # Errors
    ///
    /// If the stack has others already, or WHOOP does not take them.
    pub async fn set(self, session: &Session) -> Result<Report, ToolError> {
        let secret = secret(session).await?;
        let current = secret.version("AWSCURRENT").await?;
        let credentials = self.read()?;
        match current {
            Some(current) if is_same(&current, &credentials) => {
                Ok(secret.unchanged(&current, NEXT))
            }
            Some(current) => Err(secret.already_set(&current)),
            None => self.store(session, &secret, &credentials).await,
        }
    }

    /// Replaces the client credentials.
    ///
    /// # Errors
    ///
    /// If the stack has none yet, or WHOOP does not take the new ones.
    pub async fn rotate(self, session: &Session) -> Result<Report, ToolError> {
        let secret = secret(session).await?;
        let current = secret.version("AWSCURRENT").await?;
        let current = current.ok_or_else(|| secret.not_set())?;
        let credentials = self.read()?;
        if is_same(&current, &credentials) {
            return Ok(secret.unchanged(&current, NEXT));
        }
        self.store(session, &secret, &credentials).await
    }

    /// Refuses these options for the other secret.
    pub fn refuse_if_given(&self) -> Result<(), ToolError> {
        if self.client_id.is_some() || self.unchecked {
            return Err(ToolError::WrongUse(
                "--client-id and --unchecked are for the credentials".into(),
            ));
        }
        Ok(())
    }

    fn read(&self) -> Result<PartnerCredentials, ToolError> {
        let client_id = match &self.client_id {
            Some(client_id) => client_id.clone(),
            None => ask_for_client_id()?,
        };
        if client_id.is_empty() || client_id.contains(|c: char| c.is_whitespace() || c.is_control())
        {
            return Err(ToolError::WrongUse(
                "the client ID is empty, or holds white space".into(),
            ));
        }
        Ok(PartnerCredentials {
            client_id,
            client_secret: secret_input::read("client secret")?,
        })
    }

    async fn store(
        &self,
        session: &Session,
        secret: &StoredSecret,
        credentials: &PartnerCredentials,
    ) -> Result<Report, ToolError> {
        if !self.unchecked {
            check(session, credentials).await?;
        }
        let value = json!({
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret.expose_secret(),
        });
        let version_id = secret.put(&value).await?;
        secret.stored(version_id, NEXT).await
    }
}

async fn secret(session: &Session) -> Result<StoredSecret, ToolError> {
    let arn = session
        .stack()
        .await?
        .output("PartnerCredentialsSecretArn")?;
    let client = aws_sdk_secretsmanager::Client::new(session.config());
    Ok(StoredSecret::new(client, arn.into(), "credentials"))
}

fn is_same(version: &Version, credentials: &PartnerCredentials) -> bool {
    let stored = version.value::<PartnerCredentials>();
    stored.is_some_and(|stored| stored.same_as(credentials))
}

/// Asks for the client ID if a person can answer.
fn ask_for_client_id() -> Result<String, ToolError> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(ToolError::WrongUse(
            "give --client-id: standard input holds the client secret".into(),
        ));
    }
    let mut line = String::new();
    let mut ask = || {
        write!(io::stderr(), "client ID: ")?;
        io::stderr().flush()?;
        input.read_line(&mut line)
    };
    ask().map_err(|error| ToolError::Failed(format!("the client ID: {error}")))?;
    Ok(line.trim().into())
}
