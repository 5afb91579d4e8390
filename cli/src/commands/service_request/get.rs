//! `service-request get`: what WHOOP says about a service request.

use std::fmt;

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use whoop_partner::partner::{ServiceRequest, ServiceRequestId};

use super::{COLUMNS, table};
use crate::error::ToolError;
use crate::partner_failure::failed;
use crate::patient_data::{self, ShowPhi, Tree};
use crate::report::Output;
use crate::session::Session;

/// Show a service request
///
/// Its description and fields that this tool does not know are hidden.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The id of the service request
    id: ServiceRequestId,
    #[command(flatten)]
    show_phi: ShowPhi,
}

/// A service request, whole or with what may be a patient's data hidden.
#[derive(Serialize)]
#[serde(transparent)]
struct Report {
    service_request: Value,
    #[serde(skip)]
    whole: bool,
}

impl Get {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let client = session.partner_client().await?;
        let service_request = client
            .get_service_request(&self.id)
            .await
            .map_err(failed("service request", self.show_phi))?;
        output.report(&Report::new(&service_request, self.show_phi))
    }
}

impl Report {
    fn new(service_request: &ServiceRequest, show_phi: ShowPhi) -> Self {
        let whole = serde_json::to_value(service_request).expect("the resource is JSON");
        Self {
            service_request: if show_phi.show_phi {
                whole
            } else {
                patient_data::SERVICE_REQUEST.of(&whole)
            },
            whole: show_phi.show_phi,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", table(std::slice::from_ref(&self.service_request)))?;
        writeln!(f)?;
        if !self.whole {
            return writeln!(f, "The description is hidden. To see it, give --show-phi.");
        }
        let mut rest = self
            .service_request
            .as_object()
            .cloned()
            .unwrap_or_default();
        rest.retain(|name, _| !COLUMNS.contains(&name.as_str()));
        write!(f, "{}", Tree(&rest))
    }
}
