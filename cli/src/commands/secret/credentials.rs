//! `secret set credentials` and `secret rotate credentials`.

use std::io::{self, IsTerminal, Write};

use clap::Args;
use secrecy::ExposeSecret;
use serde_json::json;
use whoop_partner::PartnerCredentials;

use super::check::check;
use super::stored::{StoredSecret, Version};
use crate::error::ToolError;
use crate::report::Output;
use crate::secret_input;
use crate::session::Session;

/// What helps after the credentials are stored.
const NEXT: &str = "whoop-partner token refresh --force, to use them at once";

/// Store the client credentials of a new stack, after WHOOP has taken them
///
/// The client secret comes from standard input or from a prompt.
#[derive(Debug, Args)]
pub(super) struct Set {
    #[command(flatten)]
    input: Input,
}

/// Replace the client credentials, after WHOOP has taken the new ones
///
/// The client secret comes from standard input or from a prompt. The functions use the new credentials when WHOOP next refuses the
/// old ones.
#[derive(Debug, Args)]
pub(super) struct Rotate {
    #[command(flatten)]
    input: Input,
}

#[derive(Debug, Args)]
struct Input {
    /// The client ID, which is no secret; it is asked for if it is left out
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Store them without requesting a token from WHOOP with them first
    #[arg(long)]
    unchecked: bool,
}

impl Set {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let secret = secret(session).await?;
        let current = secret.version("AWSCURRENT").await?;
        let credentials = self.input.read()?;
        if let Some(current) = current {
            if !is_same(&current, &credentials) {
                return Err(secret.already_set(&current));
            }
            return output.report(&secret.unchanged(&current, NEXT));
        }
        self.input
            .store(session, &secret, &credentials, output)
            .await
    }
}

impl Rotate {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let secret = secret(session).await?;
        let current = secret.version("AWSCURRENT").await?;
        let current = current.ok_or_else(|| secret.not_set())?;
        let credentials = self.input.read()?;
        if is_same(&current, &credentials) {
            return output.report(&secret.unchanged(&current, NEXT));
        }
        self.input
            .store(session, &secret, &credentials, output)
            .await
    }
}

impl Input {
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
        output: &Output,
    ) -> Result<(), ToolError> {
        if !self.unchecked {
            check(session, credentials).await?;
        }
        let value = json!({
            "client_id": credentials.client_id,
            "client_secret": credentials.client_secret.expose_secret(),
        });
        let version_id = secret.put(&value).await?;
        output.report(&secret.stored(version_id, NEXT).await?)
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
