//! A lab requisition: the order that WHOOP places for a patient, and the calls that fetch it and set its status.

use serde::{Deserialize, Serialize};

use super::exchange::Call;
use super::{
    Appointment, DateTime, LabRequisitionId, Optional, OtherFields, PartnerClient, PartnerError,
    Patient, ResourceJson, ServiceRequest, StatusUpdate,
};

/// An order of lab tests for a patient. `Debug` shows nothing that points at the patient.
///
/// Follows WHOOP's OpenAPI document, schema `LabRequisition`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LabRequisition {
    /// Identifies the requisition.
    pub id: LabRequisitionId,
    /// When it was created.
    pub created_at: DateTime,
    /// When it was last changed.
    pub updated_at: DateTime,
    /// The patient whom it is for.
    pub patient: Patient,
    /// The tests that are ordered.
    pub service_requests: Vec<ServiceRequest>,
    /// The appointments at which samples are taken. WHOOP's OpenAPI document requires the field; its examples leave it out.
    #[serde(default, skip_serializing_if = "Optional::is_absent")]
    pub appointments: Optional<Vec<Appointment>>,
    /// Fields other than the published ones.
    #[serde(flatten)]
    pub other: OtherFields,
}

impl PartnerClient {
    /// Fetches a lab requisition: `GET /v2/partner/requisition/{id}` (WHOOP's partner documentation, "Get a lab requisition
    /// by ID").
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] if WHOOP has no such requisition, or this partner does not own it. If a webhook has just
    /// announced it, it may be there a minute later. For the other errors, see [`PartnerError`].
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use whoop_partner::partner::LabRequisitionId;
    ///
    /// let id: LabRequisitionId = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?;
    /// let requisition = client.get_requisition(&id).await?;
    /// for service_request in &requisition.service_requests {
    ///     println!("{} is {}", service_request.code, service_request.status);
    /// }
    /// # assert_eq!(requisition.service_requests.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_requisition(
        &self,
        id: &LabRequisitionId,
    ) -> Result<LabRequisition, PartnerError> {
        self.json(self.requisition(id)).await
    }

    /// Fetches a lab requisition like [`get_requisition`](Self::get_requisition), but returns the JSON as WHOOP sent it.
    ///
    /// # Errors
    ///
    /// As for [`get_requisition`](Self::get_requisition), but any JSON object is accepted.
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use whoop_partner::partner::LabRequisition;
    ///
    /// let json = client
    ///     .get_requisition_json(&"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?)
    ///     .await?;
    /// println!("{} bytes", json.as_str().len());
    /// let requisition: LabRequisition = json.decode()?;
    /// # assert_eq!(serde_json::to_value(&requisition)?, json.decode::<serde_json::Value>()?);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_requisition_json(
        &self,
        id: &LabRequisitionId,
    ) -> Result<ResourceJson, PartnerError> {
        ResourceJson::new(self.exchange(self.requisition(id)).await?)
    }

    /// Sets the status of all service requests of a requisition: `PATCH /v2/partner/requisition/{id}/status` (WHOOP's
    /// partner documentation, "Update lab requisition service request statuses").
    ///
    /// Setting a status twice has no further effect, so the client repeats this call after a fault that may pass.
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] if WHOOP has no such requisition, or this partner does not own it.
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
    /// use whoop_partner::partner::TaskBusinessStatus;
    ///
    /// let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?;
    /// client
    ///     .set_requisition_status(&id, TaskBusinessStatus::OrderConfirmed)
    ///     .await?;
    /// # assert_eq!(whoop.calls("PATCH").await, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn set_requisition_status(
        &self,
        id: &LabRequisitionId,
        update: impl Into<StatusUpdate>,
    ) -> Result<(), PartnerError> {
        let url = self.url(&["requisition", id.as_str(), "status"]);
        let call = Call::patch("updateLabRequisitionStatus", url, &update.into());
        self.done(call).await
    }

    fn requisition(&self, id: &LabRequisitionId) -> Call {
        Call::get(
            "getLabRequisitionById",
            self.url(&["requisition", id.as_str()]),
        )
    }
}
