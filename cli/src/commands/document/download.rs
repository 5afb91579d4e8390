//! `document download`: the content of a document.

use std::fmt::{self, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use sha2::{Digest, Sha256};
use whoop_partner::partner::{DocumentContent, DocumentId, PartnerClient, PartnerError};

use super::destination::Destination;
use crate::error::ToolError;
use crate::interrupt::Interrupt;
use crate::partner_failure::failed;
use crate::patient_data::ShowPhi;
use crate::printable::printable;
use crate::report::Output;
use crate::session::Session;

/// The largest document, in bytes. The library wants a limit; a lab's form is far below this one.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;

/// Media types with the endings of their files.
const ENDINGS: [(&str, &str); 6] = [
    ("application/pdf", "pdf"),
    ("application/json", "json"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/tiff", "tiff"),
    ("text/plain", "txt"),
];

/// Download a document into a file that only you can read
///
/// The file appears when it is whole: of a broken download nothing is left.
#[derive(Debug, Args)]
pub(crate) struct Download {
    /// The id of the document
    id: DocumentId,
    /// The file; - is standard output; without it, the file is named after the id, in the current folder
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Overwrite the file if it is there already
    #[arg(long)]
    force: bool,
}

#[derive(Serialize)]
struct Report {
    document_id: String,
    /// None for standard output.
    file: Option<String>,
    bytes: u64,
    sha256: String,
    media_type: Option<String>,
}

impl Download {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let mut interrupt = Interrupt::listen()?;
        tokio::select! {
            done = self.download(session, output) => done,
            // dropping the download removes its file
            () = interrupt.wait() => Err(ToolError::Failed("interrupted: nothing is left of the download".into())),
        }
    }

    async fn download(&self, session: &Session, output: &Output) -> Result<(), ToolError> {
        // what is wrong with the destination is told before WHOOP is called
        let given = match &self.output {
            Some(path) if path.as_os_str() == "-" => Some(Destination::standard_output()?),
            Some(path) => Some(Destination::file(path.clone(), self.force)?),
            None => None,
        };
        let client = session.partner_client().await?;
        let content = match client.download_document(&self.id, MAX_BYTES).await {
            Ok(content) => content,
            Err(PartnerError::NotFound) => return Err(self.no_content(&client).await),
            Err(error) => return Err(failure(error)),
        };
        let media_type = content.media_type().map(printable);
        let mut destination = match given {
            Some(destination) => destination,
            None => Destination::file(self.default_name(media_type.as_deref()), self.force)?,
        };
        let (bytes, sha256) = copy(content, &mut destination, output).await?;
        let file = destination.finish()?;
        let report = Report {
            document_id: self.id.as_str().into(),
            file: file.as_ref().map(|path| path.display().to_string()),
            bytes,
            sha256,
            media_type,
        };
        match file {
            Some(_) => output.report(&report),
            None => {
                eprint!("{report}");
                Ok(())
            }
        }
    }

    /// Says why there is no content.
    async fn no_content(&self, client: &PartnerClient) -> ToolError {
        let show = format!("whoop-partner document get {}", self.id.as_str());
        match client.get_document(&self.id).await {
            Ok(document) if document.url.is_some() => ToolError::Remediable {
                message: "the document is only a link, and has no content to download".into(),
                remedy: format!("to see the link, run: {show} --show-phi"),
            },
            Ok(_) => ToolError::Remediable {
                message: "the document has no content to download".into(),
                remedy: format!("to see its description, run: {show}"),
            },
            Err(error) => failure(error),
        }
    }

    fn default_name(&self, media_type: Option<&str>) -> PathBuf {
        let essence = media_type.and_then(|media_type| media_type.split(';').next());
        let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
        let ending = ENDINGS.iter().find(|(known, _)| *known == essence);
        let ending = ending.map_or("bin", |(_, ending)| ending);
        format!("document-{}.{ending}", self.id.as_str()).into()
    }
}

fn failure(error: PartnerError) -> ToolError {
    failed("document", ShowPhi { show_phi: false })(error)
}

/// Copies the content as it arrives, and returns its length and its SHA-256.
async fn copy(
    mut content: DocumentContent,
    destination: &mut Destination,
    output: &Output,
) -> Result<(u64, String), ToolError> {
    let bar = progress(content.length(), output);
    let mut sha256 = Sha256::new();
    let mut bytes = 0;
    while let Some(chunk) = content.chunk().await.map_err(broken)? {
        destination.write(&chunk)?;
        sha256.update(&chunk);
        bytes += chunk.len() as u64;
        bar.set_position(bytes);
    }
    bar.finish_and_clear();
    let mut hex = String::new();
    for byte in sha256.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Ok((bytes, hex))
}

fn broken(error: PartnerError) -> ToolError {
    match error {
        PartnerError::Temporary(reason) => ToolError::Remediable {
            message: format!("the download broke off, and nothing is left of it: {reason}"),
            remedy: "run the command again".into(),
        },
        error => failure(error),
    }
}

/// A bar on standard error; indicatif shows it only on a terminal.
fn progress(length: Option<u64>, output: &Output) -> ProgressBar {
    let target = if output.is_json() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::with_draw_target(Some(length), target),
            "{wide_bar} {bytes}/{total_bytes} {eta}",
        ),
        None => (
            ProgressBar::with_draw_target(None, target),
            "{spinner} {bytes} {bytes_per_sec}",
        ),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is right"))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.as_deref().unwrap_or("standard output");
        writeln!(f, "file        {file}")?;
        writeln!(f, "size        {} bytes", self.bytes)?;
        writeln!(f, "SHA-256     {}", self.sha256)?;
        let media_type = self.media_type.as_deref().unwrap_or("unknown");
        writeln!(f, "media type  {media_type}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_named(media_type: Option<&str>, name: &str) {
        let download = Download {
            id: "d-1".parse().unwrap(),
            output: None,
            force: false,
        };
        assert_eq!(download.default_name(media_type), PathBuf::from(name));
    }

    #[test]
    fn a_file_is_named_after_the_id_and_the_media_type() {
        assert_named(Some("application/pdf"), "document-d-1.pdf");
        assert_named(Some("Text/Plain; charset=utf-8"), "document-d-1.txt");
        assert_named(Some("application/octet-stream"), "document-d-1.bin");
        assert_named(Some("../../evil"), "document-d-1.bin");
        assert_named(None, "document-d-1.bin");
    }
}
