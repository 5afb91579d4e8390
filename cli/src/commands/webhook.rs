//! `webhook`: signs, verifies and sends webhooks as WHOOP does.

mod answer;
mod body;
mod key;
mod near_miss;
mod send;
mod sign;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// Send, sign or verify a webhook as WHOOP does
#[derive(Debug, Args)]
pub(crate) struct Webhook {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Send(send::Send),
    Sign(sign::Sign),
    Verify(verify::Verify),
}

impl Webhook {
    /// `begin` is called only if the stack is needed: with a secret of your own, and another URL, no AWS account is.
    pub async fn run(
        self,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
        output: &Output,
    ) -> Result<ExitCode, ToolError> {
        match self.action {
            Action::Send(send) => send.run(begin, output).await,
            Action::Sign(sign) => sign.run(begin, output).await,
            Action::Verify(verify) => verify.run(begin, output).await,
        }
    }
}
