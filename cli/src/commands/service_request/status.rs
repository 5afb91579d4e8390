//! `service-request status`: reports to WHOOP how far a service request has come.

use std::fmt;

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use whoop_partner::partner::{ServiceRequest, ServiceRequestId, StatusUpdate, TaskBusinessStatus};

use crate::error::ToolError;
use crate::partner_failure::failed;
use crate::patient_data::ShowPhi;
use crate::printable::printable;
use crate::question::Question;
use crate::report::Output;
use crate::session::Session;

/// Set the task business status of a service request
///
/// If all goes well, a service request is ORDER_CONFIRMED, APPOINTMENT_ATTENDED, PARTIAL_RESULTS_READY, FULL_RESULTS_READY.
/// After APPOINTMENT_ISSUE, RESULTS_ISSUE or ORDER_ISSUE, WHOOP takes over: the tool asks before it sets one of these.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// The id of the service request
    id: ServiceRequestId,
    /// The new status
    #[arg(value_parser = known(), required_unless_present = "other", conflicts_with = "other")]
    status: Option<TaskBusinessStatus>,
    /// A new status that this tool does not know
    #[arg(long, value_name = "STATUS", value_parser = other())]
    other: Option<TaskBusinessStatus>,
    /// The reason, in free text, for WHOOP; it is not printed
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Set the status of an issue without a question
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    show_phi: ShowPhi,
}

#[derive(Serialize)]
struct Report {
    service_request_id: String,
    code: String,
    before: Option<TaskBusinessStatus>,
    task_business_status: Option<TaskBusinessStatus>,
}

/// Takes the statuses that the library knows. Help and completions list them.
fn known() -> impl TypedValueParser<Value = TaskBusinessStatus> {
    let known = TaskBusinessStatus::KNOWN.iter();
    PossibleValuesParser::new(known.map(TaskBusinessStatus::as_str)).map(TaskBusinessStatus::from)
}

fn other() -> impl TypedValueParser<Value = TaskBusinessStatus> {
    NonEmptyStringValueParser::new().map(TaskBusinessStatus::from)
}

impl Status {
    pub async fn run(self, session: &Session, output: &Output) -> Result<(), ToolError> {
        let status = self.status.clone().or_else(|| self.other.clone());
        let status = status.expect("clap requires one of them");
        let question = match status.is_issue() {
            true => Some(Question::new(
                &format!("the status {status}"),
                self.yes,
                output,
            )?),
            false => None,
        };
        let failure = || failed("service request", self.show_phi);
        let client = session.partner_client().await?;
        let before = client
            .get_service_request(&self.id)
            .await
            .map_err(failure())?;
        if let Some(question) = question {
            question.ask(&words(&before, &status))?;
        }
        let mut update = StatusUpdate::new(status);
        if let Some(reason) = &self.reason {
            update = update.with_reason(reason);
        }
        let after = client
            .set_service_request_status(&self.id, update)
            .await
            .map_err(failure())?;
        output.report(&Report {
            service_request_id: self.id.as_str().into(),
            code: after.code,
            before: before.task_business_status.into_option(),
            task_business_status: after.task_business_status.into_option(),
        })
    }
}

/// The words of the question.
fn words(service_request: &ServiceRequest, status: &TaskBusinessStatus) -> String {
    let code = printable(&service_request.code);
    let now = named(service_request.task_business_status.as_ref());
    format!(
        "After {status}, WHOOP takes over the service request for {code}, which is at {now}. Set it?"
    )
}

fn named(status: Option<&TaskBusinessStatus>) -> String {
    status.map_or_else(|| "no status".into(), |status| printable(status.as_str()))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let before = named(self.before.as_ref());
        let after = named(self.task_business_status.as_ref());
        writeln!(
            f,
            "{} ({}): {before} -> {after}",
            self.service_request_id,
            printable(&self.code)
        )
    }
}
