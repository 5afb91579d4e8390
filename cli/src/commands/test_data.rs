//! `test-data`: invented orders, in WHOOP's test environments.

use std::fmt;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde::Serialize;
use whoop_partner::partner::{AppointmentType, PartnerError};

use crate::error::ToolError;
use crate::partner_failure::failed;
use crate::patient_data::ShowPhi;
use crate::report::Output;
use crate::session::Session;

/// The commands about test data.
#[derive(Debug, Subcommand)]
pub(crate) enum TestData {
    Add(Add),
}

/// Have WHOOP create an invented patient with a requisition, and announce it by a webhook
///
/// WHOOP does this only outside production.
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// The type of the appointment
    #[arg(long, value_name = "TYPE", default_value = "IN_PERSON", value_parser = known())]
    appointment: AppointmentType,
    #[command(flatten)]
    show_phi: ShowPhi,
}

#[derive(Serialize)]
struct Report {
    /// WHOOP may not tell it.
    requisition_id: Option<String>,
}

fn known() -> impl TypedValueParser<Value = AppointmentType> {
    let known = AppointmentType::KNOWN.iter();
    PossibleValuesParser::new(known.map(AppointmentType::as_str)).map(AppointmentType::from)
}

impl TestData {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        match self {
            Self::Add(add) => add.run(session, output).await,
        }
    }
}

impl Add {
    async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let client = session.partner_client().await?;
        let id = client.add_test_data(&self.appointment).await.map_err(|error| match error {
            PartnerError::NotFound => ToolError::Remediable {
                message: "WHOOP creates no test data here: it does so only outside production".into(),
                remedy: "give --stack with a stack whose parameter PartnerApiBaseUrl is that of a test environment".into(),
            },
            PartnerError::OutcomeUnknown(reason) => ToolError::Remediable {
                message: format!("WHOOP may have created test data, or not: the request was sent, but there is no answer: {reason}"),
                remedy: "wait for the webhook; or repeat the command if one more requisition does no harm".into(),
            },
            error => failed("test data", self.show_phi)(error),
        })?;
        output.report(&Report {
            requisition_id: id.map(|id| id.as_str().to_owned()),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.requisition_id {
            Some(id) => writeln!(f, "requisition {id}"),
            None => writeln!(
                f,
                "WHOOP has created a requisition, but does not tell its id. The webhook about it does."
            ),
        }
    }
}
