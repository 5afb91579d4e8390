//! `events`: what is on the stack's bus.

mod archive;
mod bus;
mod replay;
mod tail;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// What the names of the rules and queues begin with that a tail makes.
pub(super) const TAIL: &str = "whoop-partner-tail-";

/// Watch the events on the stack's bus, and publish old ones again
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    Tail(tail::Tail),
    Replay(replay::Replay),
}

impl Events {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        match self {
            Self::Tail(tail) => tail.run(session, output).await,
            Self::Replay(replay) => replay.run(session, output).await,
        }
    }
}
