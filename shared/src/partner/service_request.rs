//! A service request: one lab test of an order, and the calls that fetch it and report its progress.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::exchange::Call;
use super::open_enum::open_enum;
use super::{
    Optional, OtherFields, PartnerClient, PartnerError, ResourceId, ServiceRequestId, StatusUpdate,
};

open_enum! {
    /// Whether a service request is to be carried out (FHIR R4, RequestStatus).
    ServiceRequestStatus {
        /// To be carried out.
        Active = "active",
        /// Carried out.
        Completed = "completed",
        /// Withdrawn.
        Revoked = "revoked",
    }
}

open_enum! {
    /// The intent of a service request (FHIR R4, RequestIntent).
    ServiceRequestIntent {
        /// It is an order.
        Order = "order",
    }
}

open_enum! {
    /// How far the partner has come with a service request.
    ///
    /// If all goes well, the order is `OrderConfirmed`, `AppointmentAttended`, `PartialResultsReady`, `FullResultsReady`.
    /// After one of the issues, WHOOP takes over.
    TaskBusinessStatus {
        /// The partner has accepted the order.
        OrderConfirmed = "ORDER_CONFIRMED",
        /// The patient came, and the samples are taken.
        AppointmentAttended = "APPOINTMENT_ATTENDED",
        /// Some of the results are reported.
        PartialResultsReady = "PARTIAL_RESULTS_READY",
        /// All results are reported.
        FullResultsReady = "FULL_RESULTS_READY",
        /// The appointment failed.
        AppointmentIssue = "APPOINTMENT_ISSUE",
        /// There will be no usable results.
        ResultsIssue = "RESULTS_ISSUE",
        /// The order can't be carried out.
        OrderIssue = "ORDER_ISSUE",
    }
}

impl TaskBusinessStatus {
    /// Returns whether it is one of the issues, after which WHOOP takes over.
    #[must_use]
    pub fn is_issue(&self) -> bool {
        matches!(
            self,
            Self::AppointmentIssue | Self::ResultsIssue | Self::OrderIssue
        )
    }
}

/// One lab test of a [`LabRequisition`](super::LabRequisition). `Debug` shows its states only.
///
/// Follows WHOOP's OpenAPI document, schema `ServiceRequest`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceRequest {
    /// Identifies the service request.
    pub id: ServiceRequestId,
    /// Whether it is to be carried out.
    pub status: ServiceRequestStatus,
    /// Its intent. WHOOP's OpenAPI document requires the field; its example leaves it out.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub intent: Optional<ServiceRequestIntent>,
    /// The test, by the code agreed with WHOOP.
    pub code: String,
    /// How far the partner has come. It has no value before the partner's first report.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub task_business_status: Optional<TaskBusinessStatus>,
    /// What to do, in free text.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub task_description: Optional<String>,
    /// The resources that it is based on.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub based_on: Optional<Vec<ResourceReference>>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl fmt::Debug for ServiceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceRequest")
            .field("status", &self.status)
            .field("intent", &self.intent)
            .field("task_business_status", &self.task_business_status)
            .finish_non_exhaustive()
    }
}

/// A reference to a FHIR resource.
///
/// Follows WHOOP's OpenAPI document, schema `ServiceRequestReference`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceReference {
    /// The FHIR resource type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Identifies the resource.
    pub id: ResourceId,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl PartnerClient {
    /// Fetches a service request: `GET /v2/partner/service-request/{id}` (WHOOP's partner documentation, "Get a service
    /// request by ID").
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] if WHOOP has no such service request, or this partner does not own it. For the other
    /// errors, see [`PartnerError`].
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use whoop_partner::partner::{ServiceRequestId, ServiceRequestStatus};
    ///
    /// let id: ServiceRequestId = "8d1e6f0a-3b52-4c7d-9a46-2f4be1c0d9a7".parse()?;
    /// let service_request = client.get_service_request(&id).await?;
    /// if service_request.status == ServiceRequestStatus::Active {
    ///     println!("to be tested: {}", service_request.code);
    /// }
    /// # assert_eq!(service_request.code, "ferritin");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_service_request(
        &self,
        id: &ServiceRequestId,
    ) -> Result<ServiceRequest, PartnerError> {
        self.json(Call::get(
            "getServiceRequestById",
            self.url(&["service-request", id.as_str()]),
        ))
        .await
    }

    /// Reports how far a service request has come: `PATCH /v2/partner/service-request/{id}/status` (WHOOP's partner
    /// documentation, "Update service request status"). Returns the service request after the update.
    ///
    /// Setting a status twice has no further effect, so the client repeats this call after a fault that may pass.
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] if WHOOP has no such service request, or this partner does not own it.
    /// [`PartnerError::InvalidRequest`] if WHOOP does not accept the status. For the other errors, see [`PartnerError`].
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use whoop_partner::partner::{ServiceRequestId, StatusUpdate, TaskBusinessStatus};
    ///
    /// let id: ServiceRequestId = "8d1e6f0a-3b52-4c7d-9a46-2f4be1c0d9a7".parse()?;
    /// client
    ///     .set_service_request_status(&id, TaskBusinessStatus::AppointmentAttended)
    ///     .await?;
    /// let haemolysed = StatusUpdate::new(TaskBusinessStatus::ResultsIssue).with_reason("sample haemolysed");
    /// let service_request = client.set_service_request_status(&id, haemolysed).await?;
    /// println!("now {:?}", service_request.task_business_status);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_service_request_status(
        &self,
        id: &ServiceRequestId,
        update: impl Into<StatusUpdate>,
    ) -> Result<ServiceRequest, PartnerError> {
        let url = self.url(&["service-request", id.as_str(), "status"]);
        self.json(Call::patch(
            "updateServiceRequestStatus",
            url,
            &update.into(),
        ))
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::TaskBusinessStatus;

    #[test]
    fn whoop_takes_over_after_an_issue() {
        for status in TaskBusinessStatus::KNOWN {
            let is_issue = status.as_str().ends_with("_ISSUE");
            assert_eq!(status.is_issue(), is_issue, "{status}");
        }
        assert!(!TaskBusinessStatus::from("A_NEW_ISSUE").is_issue());
    }
}
