//! `requisition`: a lab requisition, the order that WHOOP places for a patient.

mod confirm;
mod get;

use std::process::ExitCode;

use clap::Subcommand;

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// The commands about a requisition.
#[derive(Debug, Subcommand)]
pub(crate) enum Requisition {
    Get(get::Get),
    Confirm(confirm::Confirm),
}

impl Requisition {
    pub async fn run(self, session: &Session, output: &Output) -> Result<ExitCode, ToolError> {
        match self {
            Self::Get(get) => get.run(session, output).await,
            Self::Confirm(confirm) => confirm.run(session, output).await,
        }
    }
}
