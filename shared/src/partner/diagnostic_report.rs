//! A diagnostic report: the results of a test, and the call that submits it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::exchange::Call;
use super::open_enum::open_enum;
use super::{Observation, OtherFields, PartnerClient, PartnerError, ServiceRequestId};

open_enum! {
    /// How far a diagnostic report has come (FHIR R4, DiagnosticReportStatus).
    DiagnosticReportStatus {
        /// Complete and verified.
        Final = "final",
        /// Incomplete.
        Partial = "partial",
        /// Verified early results, more to come.
        Preliminary = "preliminary",
        /// Changed after it was final.
        Amended = "amended",
        /// Changed after it was final, because it was wrong.
        Corrected = "corrected",
        /// Called off.
        Cancelled = "cancelled",
    }
}

/// The results of a service request. `Debug` shows no result.
///
/// Follows WHOOP's OpenAPI document, schema `DiagnosticReportCreateRequest`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiagnosticReport {
    /// How far the report has come.
    pub status: DiagnosticReportStatus,
    /// The results.
    #[serde(default)]
    pub observations: Vec<Observation>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl DiagnosticReport {
    /// Makes a report of these observations.
    #[must_use]
    pub fn new(status: DiagnosticReportStatus, observations: Vec<Observation>) -> Self {
        Self {
            status,
            observations,
            other: OtherFields::default(),
        }
    }
}

impl fmt::Debug for DiagnosticReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiagnosticReport")
            .field("status", &self.status)
            .field("observations", &self.observations.len())
            .finish_non_exhaustive()
    }
}

impl PartnerClient {
    /// Submits the results of a service request: `POST /v2/partner/service-request/{id}/results` (WHOOP's partner
    /// documentation, "Create diagnostic report results for a service request"). Call it for each test as it completes.
    ///
    /// # Errors
    ///
    /// [`PartnerError::OutcomeUnknown`] if the report was sent, but there is no answer, or an answer that does not say
    /// whether WHOOP has the report. The client does not send it again, because a second submission makes a second report.
    /// No published call tells whether a report has arrived, and WHOOP documents no key that would make a repetition
    /// harmless. Before you submit the report again, ask WHOOP, or agree with WHOOP that a second report of the same results
    /// does no harm.
    ///
    /// [`PartnerError::NotFound`] if WHOOP has no such service request, or this partner does not own it.
    /// [`PartnerError::InvalidRequest`] if WHOOP does not accept the report. For the other errors, see [`PartnerError`].
    /// After all errors but the first, WHOOP does not have the report.
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use whoop_partner::partner::{
    ///     DiagnosticReport, DiagnosticReportStatus, Observation, ObservationStatus, ObservationValue,
    /// };
    ///
    /// let ferritin = Observation::new("ferritin", ObservationValue::numeric(87.5)?)
    ///     .with_unit("ng/mL")
    ///     .with_status(ObservationStatus::Final);
    /// let report = DiagnosticReport::new(DiagnosticReportStatus::Final, vec![ferritin]);
    /// let id = "8d1e6f0a-3b52-4c7d-9a46-2f4be1c0d9a7".parse()?;
    /// client.submit_diagnostic_report(&id, &report).await?;
    /// # assert_eq!(whoop.calls("POST").await, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn submit_diagnostic_report(
        &self,
        id: &ServiceRequestId,
        report: &DiagnosticReport,
    ) -> Result<(), PartnerError> {
        let url = self.url(&["service-request", id.as_str(), "results"]);
        let call = Call::post("uploadDiagnosticReportResults", url).with_body(report);
        self.done(call).await
    }
}
