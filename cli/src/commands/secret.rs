//! `secret`: stores the two secrets of the stack. It never shows them.

mod check;
mod credentials;
mod signing;
mod stored;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// Store the signing secret or the client credentials
///
/// A value comes from standard input, or from a prompt that does not show it. It is never an argument. For example:
/// `whoop-partner secret rotate signing < key.txt`
///
/// You need secretsmanager:GetSecretValue and secretsmanager:PutSecretValue on the secret, and kms:Decrypt and kms:GenerateDataKey
/// on the stack's key. Running a command again after a failure is safe: a value that is stored already is not stored twice.
#[derive(Debug, Args)]
pub(crate) struct Secret {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Store a secret of a new stack, which has no value yet
    #[command(subcommand)]
    Set(Set),
    /// Replace the value of a secret
    #[command(subcommand)]
    Rotate(Rotate),
}

#[derive(Debug, Subcommand)]
enum Set {
    Signing(signing::Set),
    Credentials(credentials::Set),
}

#[derive(Debug, Subcommand)]
enum Rotate {
    Signing(signing::Rotate),
    Credentials(credentials::Rotate),
}

impl Secret {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        match self.action {
            Action::Set(Set::Signing(set)) => set.run(session, output).await,
            Action::Set(Set::Credentials(set)) => set.run(session, output).await,
            Action::Rotate(Rotate::Signing(rotate)) => rotate.run(session, output).await,
            Action::Rotate(Rotate::Credentials(rotate)) => rotate.run(session, output).await,
        }?;
        Ok(ExitCode::SUCCESS)
    }
}
