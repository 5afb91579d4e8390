//! `service-request`: one lab test of a requisition.

mod get;
mod status;

use clap::Subcommand;
use comfy_table::Table;
use serde_json::Value;

use crate::error::ToolError;
use crate::printable::printable_value;
use crate::report::{self, Output};
use crate::session::Session;

/// The fields that the table of service requests shows.
pub(crate) const COLUMNS: [&str; 5] = ["id", "status", "intent", "code", "task_business_status"];

/// The commands about a service request.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceRequest {
    Get(get::Get),
    Status(status::Status),
}

impl ServiceRequest {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        match self {
            Self::Get(get) => get.run(session, output).await,
            Self::Status(status) => status.run(session, output).await,
        }
    }
}

/// A table of service requests.
pub(crate) fn table(service_requests: &[Value]) -> Table {
    let header = [
        "service request",
        "status",
        "intent",
        "code",
        "task business status",
    ];
    let mut table = report::table(header);
    for service_request in service_requests {
        table.add_row(COLUMNS.map(|name| printable_value(&service_request[name])));
    }
    table
}
