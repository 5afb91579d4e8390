//! `results submit`: sends the results of a service request to WHOOP, once.

use std::fmt;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde::Serialize;
use whoop_partner::partner::{
    PartnerClient, PartnerError, ServiceRequest, ServiceRequestId, ServiceRequestStatus,
    TaskBusinessStatus,
};

use super::complaint::Complaint;
use super::file::ResultsFile;
use crate::arguments::Global;
use crate::error::ToolError;
use crate::partner_failure::{failed, words};
use crate::patient_data::ShowPhi;
use crate::printable::printable;
use crate::report::Output;
use crate::session::Session;

/// The longest results file, in bytes. Thousands of observations fit.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Submit the results of a service request, which are in a JSON file
///
/// The file is checked first, and all complaints are shown at once. No value of the file is printed. `whoop-partner results
/// example` prints a file to begin with. A second submission makes a second report at WHOOP, so the tool does not try again by itself.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The JSON file; - is standard input
    file: PathBuf,
    /// The id of the service request, if the file does not hold it
    #[arg(long, value_name = "ID")]
    service_request: Option<ServiceRequestId>,
    /// Check the file and the service request, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Submit results even if WHOOP has all results already, for example amended ones
    #[arg(long)]
    again: bool,
    /// Then set this task business status
    #[arg(long, value_name = "STATUS", value_parser = results_ready())]
    then_status: Option<TaskBusinessStatus>,
    #[command(flatten)]
    show_phi: ShowPhi,
}

#[derive(Serialize)]
struct Report {
    submitted: bool,
    dry_run: bool,
    service_request_id: Option<String>,
    status: Option<String>,
    codes: Vec<String>,
    task_business_status: Option<String>,
    complaints: Vec<Complaint>,
    warnings: Vec<Complaint>,
}

/// Takes the statuses that say that results are there.
fn results_ready() -> impl TypedValueParser<Value = TaskBusinessStatus> {
    let known = TaskBusinessStatus::KNOWN.iter();
    let known = known.map(TaskBusinessStatus::as_str);
    let ready = known.filter(|status| status.ends_with("_RESULTS_READY"));
    PossibleValuesParser::new(ready).map(TaskBusinessStatus::from)
}

impl Submit {
    pub async fn run(self, global: &Global, output: &Output) -> Result<ExitCode, ToolError> {
        let file = self.read()?;
        let file = match ResultsFile::read(&file, self.service_request.as_ref()) {
            Ok(file) => file,
            Err(complaints) => {
                output.report(&Report::bad(complaints, self.dry_run))?;
                return Ok(ExitCode::FAILURE);
            }
        };
        let client = Session::begin(global).await?.partner_client().await?;
        let id = &file.service_request_id;
        let service_request = client
            .get_service_request(id)
            .await
            .map_err(failed("service request", self.show_phi))?;
        self.check(&service_request)?;
        let mut report = Report::good(&file, &service_request, self.dry_run);
        if !self.dry_run {
            let submitted = client.submit_diagnostic_report(id, &file.report).await;
            submitted.map_err(|error| self.not_submitted(error, id))?;
            report.submitted = true;
            self.set_status(&client, id, &mut report).await?;
        }
        output.report(&report)?;
        Ok(ExitCode::SUCCESS)
    }

    fn read(&self) -> Result<Vec<u8>, ToolError> {
        let name = self.file.display();
        let failed = |error: io::Error| ToolError::Failed(format!("{name}: {error}"));
        let mut reader: Box<dyn Read> = if self.file.as_os_str() == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(std::fs::File::open(&self.file).map_err(failed)?)
        };
        let mut file = Vec::new();
        let read = reader.by_ref().take(MAX_BYTES + 1).read_to_end(&mut file);
        match read.map_err(failed)? as u64 {
            0..=MAX_BYTES => Ok(file),
            _ => Err(ToolError::Failed(format!(
                "{name}: longer than {MAX_BYTES} bytes"
            ))),
        }
    }

    /// Checks that WHOOP still waits for results.
    fn check(&self, service_request: &ServiceRequest) -> Result<(), ToolError> {
        if service_request.status == ServiceRequestStatus::Revoked {
            return Err(ToolError::Remediable {
                message: "the service request is revoked: WHOOP has withdrawn it".into(),
                remedy: "ask WHOOP what is to become of the results".into(),
            });
        }
        let has_all =
            *service_request.task_business_status == Some(TaskBusinessStatus::FullResultsReady);
        if has_all && !self.again {
            return Err(ToolError::Remediable {
                message:
                    "the service request is at FULL_RESULTS_READY: all its results are reported"
                        .into(),
                remedy: "to submit one more report, for example an amended one, give --again"
                    .into(),
            });
        }
        Ok(())
    }

    fn not_submitted(&self, error: PartnerError, id: &ServiceRequestId) -> ToolError {
        match error {
            PartnerError::OutcomeUnknown(reason) => ToolError::Remediable {
                message: format!(
                    "WHOOP may have the results, or not: they were sent, but there is no answer: {reason}"
                ),
                remedy: format!(
                    "ask WHOOP whether the report arrived, because no call tells. See what WHOOP shows: whoop-partner service-request get {}. \
                     Submit again only if a second report of the same results does no harm",
                    id.as_str()
                ),
            },
            error => failed("service request", self.show_phi)(error),
        }
    }

    /// Sets the status that the command line asks for. The results are submitted by then.
    async fn set_status(
        &self,
        client: &PartnerClient,
        id: &ServiceRequestId,
        report: &mut Report,
    ) -> Result<(), ToolError> {
        let Some(status) = &self.then_status else {
            return Ok(());
        };
        let after = client
            .set_service_request_status(id, status.clone())
            .await
            .map_err(|error| ToolError::Remediable {
                message: format!(
                    "the results are submitted, but the status is not set: {}",
                    words(error, "service request", self.show_phi)
                ),
                remedy: format!(
                    "do not submit them again; run: whoop-partner service-request status {} {status}",
                    id.as_str()
                ),
            })?;
        let after = after.task_business_status.into_option();
        report.task_business_status = after.map(|status| status.as_str().to_owned());
        Ok(())
    }
}

impl Report {
    fn bad(complaints: Vec<Complaint>, dry_run: bool) -> Self {
        Self {
            submitted: false,
            dry_run,
            service_request_id: None,
            status: None,
            codes: Vec::new(),
            task_business_status: None,
            complaints,
            warnings: Vec::new(),
        }
    }

    fn good(file: &ResultsFile, service_request: &ServiceRequest, dry_run: bool) -> Self {
        let observations = file.report.observations.iter();
        let now = service_request.task_business_status.as_ref();
        let mut warnings = file.warnings.clone();
        if let Some(issue) = now.filter(|status| status.is_issue()) {
            warnings.push(Complaint {
                at: "/service_request_id".into(),
                complaint: format!("the service request is at {issue}: WHOOP has taken over"),
            });
        }
        Self {
            submitted: false,
            dry_run,
            service_request_id: Some(file.service_request_id.as_str().into()),
            status: Some(file.report.status.to_string()),
            codes: observations
                .map(|observation| observation.code.clone())
                .collect(),
            task_business_status: now.map(|status| status.as_str().to_owned()),
            complaints: Vec::new(),
            warnings,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for complaint in &self.complaints {
            writeln!(f, "{complaint}")?;
        }
        let (Some(id), Some(status)) = (&self.service_request_id, &self.status) else {
            return writeln!(f, "Nothing was sent.");
        };
        let codes: Vec<_> = self.codes.iter().map(|code| printable(code)).collect();
        let now = self.task_business_status.as_deref().unwrap_or("no status");
        writeln!(f, "service request  {id}, at {}", printable(now))?;
        writeln!(f, "report           {status}")?;
        writeln!(f, "observations     {} ({})", codes.len(), codes.join(", "))?;
        if self.submitted {
            writeln!(f, "The results are submitted.")
        } else {
            writeln!(f, "The results are good. Nothing was sent.")
        }
    }
}
