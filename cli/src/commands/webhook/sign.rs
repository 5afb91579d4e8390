//! `webhook sign`: the signature of a body.

use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use secrecy::ExposeSecret;
use serde::Serialize;
use whoop_partner::signature;

use super::body;
use super::key::KeySource;
use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// Print the value of the WHOOP-Signed header for a body
///
/// The body is a file, or the one with which WHOOP announces an event: `{"event_type":"T","resource_id":"ID"}`, without spaces and
/// without a line feed at its end. The stack's current signing secret signs it.
///
/// Whoever has a body and its signature can send it to the webhook, so keep the signature to yourself.
#[derive(Debug, Args)]
#[group(id = "what", args = ["event_type", "body"], required = true, multiple = false)]
pub(super) struct Sign {
    /// The type of the event, such as lab_requisition.created
    #[arg(long, value_name = "TYPE", requires = "resource_id")]
    event_type: Option<String>,
    /// The id of the resource that the event is about
    #[arg(
        long,
        value_name = "ID",
        requires = "event_type",
        conflicts_with = "body"
    )]
    resource_id: Option<String>,
    /// The file that holds the body, or - for standard input
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    #[command(flatten)]
    key: KeySource,
}

#[derive(Serialize)]
struct Signature {
    header: &'static str,
    signature: String,
    body_bytes: usize,
}

impl Sign {
    pub async fn run(
        self,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
        output: &Output,
    ) -> Result<ExitCode, ToolError> {
        let key = self.key.get(self.body.as_deref(), begin).await?;
        let body = match (&self.body, &self.event_type, &self.resource_id) {
            (Some(path), ..) => body::read(path)?,
            (None, event_type, resource_id) => body::event(
                event_type.as_deref().unwrap_or_default(),
                resource_id.as_deref().unwrap_or_default(),
            ),
        };
        output.report(&Signature {
            header: "WHOOP-Signed",
            signature: signature::sign(&body, key.current().expose_secret().as_bytes()),
            body_bytes: body.len(),
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.signature)
    }
}
