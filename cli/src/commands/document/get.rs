//! `document get`: the description of a document.

use std::fmt;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use whoop_partner::partner::{DocumentId, PartnerDocument};

use crate::error::ToolError;
use crate::partner_failure::failed;
use crate::patient_data::{self, ShowPhi, Tree};
use crate::printable::printable_value;
use crate::report::Output;
use crate::session::Session;

/// The fields that a person sees above the others.
const ABOVE: [(&str, &str); 5] = [
    ("id", "document"),
    ("document_type", "type"),
    ("created_at", "created"),
    ("updated_at", "updated"),
    ("bundle_id", "bundle"),
];

/// Show the description of a document
///
/// Its link is hidden, because the link may open the document to anybody.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The id of the document
    id: DocumentId,
    #[command(flatten)]
    show_phi: ShowPhi,
}

/// The description of a document, whole or with its link hidden.
#[derive(Serialize)]
#[serde(transparent)]
struct Report {
    document: Value,
    #[serde(skip)]
    whole: bool,
}

impl Get {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let client = session.partner_client().await?;
        let document = client
            .get_document(&self.id)
            .await
            .map_err(failed("document", self.show_phi))?;
        output.report(&Report::new(&document, self.show_phi))
    }
}

impl Report {
    fn new(document: &PartnerDocument, show_phi: ShowPhi) -> Self {
        let whole = serde_json::to_value(document).expect("the resource is JSON");
        Self {
            document: if show_phi.show_phi {
                whole
            } else {
                patient_data::DOCUMENT.of(&whole)
            },
            whole: show_phi.show_phi,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, label) in ABOVE {
            writeln!(f, "{label:<10}{}", printable_value(&self.document[name]))?;
        }
        let content = match (&self.document["url"], self.whole) {
            (Value::Null, _) => "to download",
            (_, true) => "only a link",
            (_, false) => "only a link; to see it, give --show-phi",
        };
        writeln!(f, "content   {content}")?;
        if !self.whole {
            return Ok(());
        }
        let mut rest = self.document.as_object().cloned().unwrap_or_default();
        rest.retain(|name, _| ABOVE.iter().all(|(shown, _)| shown != name));
        write!(f, "{}", Tree(&rest))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(change: Value, show_phi: bool) -> String {
        let mut document =
            json!({"id": "d-1", "document_type": "LAB_FORM", "created_at": "2026-11-23T09:30:00Z"});
        for (name, value) in change.as_object().into_iter().flatten() {
            document[name] = value.clone();
        }
        let document = serde_json::from_value(document).unwrap();
        Report::new(&document, ShowPhi { show_phi }).to_string()
    }

    #[test]
    fn a_document_has_content_or_is_only_a_link() {
        let link = json!({"url": "https://whoop.example/?key=1"});
        assert!(text(json!({}), false).contains("content   to download"));
        let hidden = text(link.clone(), false);
        assert!(hidden.contains("only a link; to see it"), "{hidden}");
        assert!(!hidden.contains("whoop.example"), "{hidden}");
        let shown = text(link, true);
        assert!(
            shown.contains("url: https://whoop.example/?key=1"),
            "{shown}"
        );
    }

    #[test]
    fn unknown_fields_are_shown_on_demand_only() {
        let added = json!({"added": {"for": "Layla"}});
        assert!(!text(added.clone(), false).contains("Layla"));
        assert!(text(added, true).contains("for: Layla"));
    }
}
