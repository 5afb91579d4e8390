//! `document`: a document that WHOOP shares with the partner.

mod destination;
mod download;
mod get;

use clap::Subcommand;

use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// The commands about a document.
#[derive(Debug, Subcommand)]
pub(crate) enum Document {
    Get(get::Get),
    Download(download::Download),
}

impl Document {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        match self {
            Self::Get(get) => get.run(session, output).await,
            Self::Download(download) => download.run(session, output).await,
        }
    }
}
