//! `token`: the access token in the stack's table.

mod refresh;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// Look at the stored access token, or renew it
#[derive(Debug, Args)]
pub(crate) struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(show::Show),
    Refresh(refresh::Refresh),
}

impl Token {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        match self.action {
            Action::Show(show) => show.run(session, output).await,
            Action::Refresh(refresh) => refresh.run(session, output).await,
        }
    }
}
