//! `secret`: stores the two secrets of the stack. It never shows them.

mod check;
mod credentials;
mod signing;
mod stored;

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

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
    Set(Set),
    Rotate(Rotate),
}

/// Store a secret of a new stack, which has no value yet
///
/// The signing secret, or the client secret, comes from standard input or from a prompt, as WHOOP gave it.
#[derive(Debug, Args)]
struct Set {
    /// Which secret
    #[arg(value_name = "SECRET")]
    which: Which,
    #[command(flatten)]
    credentials: credentials::Options,
}

/// Replace the value of a secret
///
/// The signing secret, or the client secret, comes from standard input or from a prompt, as WHOOP gave it.
///
/// A new signing secret is accepted at once, and the key before it for 24 more hours. Only these two keys are valid. If the key before
/// the current one is still valid, a further one would drop it, so the command refuses. If you have just stored a wrong value, store
/// the key that WHOOP signs with once more: this drops nothing.
///
/// New client credentials are used when WHOOP next refuses the old ones.
#[derive(Debug, Args)]
struct Rotate {
    /// Which secret
    #[arg(value_name = "SECRET")]
    which: Which,
    /// For signing: store the value even if the key before the current one is still valid; webhooks signed with that key are refused
    /// afterwards
    #[arg(long)]
    drop_previous_key: bool,
    #[command(flatten)]
    credentials: credentials::Options,
}

/// A secret of the stack.
// A value and not a command of its own: the scripts that complete commands in fish know two levels of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// The key that WHOOP signs webhooks with
    Signing,
    /// Client ID and client secret for WHOOP's Partner API
    Credentials,
}

impl Secret {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        let report = match self.action {
            Action::Set(Set { which, credentials }) => match which {
                Which::Signing => {
                    credentials.refuse_if_given()?;
                    signing::set(session).await
                }
                Which::Credentials => credentials.set(session).await,
            },
            Action::Rotate(Rotate {
                which,
                drop_previous_key,
                credentials,
            }) => match which {
                Which::Signing => {
                    credentials.refuse_if_given()?;
                    signing::rotate(session, drop_previous_key).await
                }
                Which::Credentials if drop_previous_key => Err(ToolError::WrongUse(
                    "--drop-previous-key is for the signing secret".into(),
                )),
                Which::Credentials => credentials.rotate(session).await,
            },
        };
        output.report(&report?)?;
        Ok(ExitCode::SUCCESS)
    }
}
