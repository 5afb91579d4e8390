//! Test data, in WHOOP's test environments.

use serde::Deserialize;

use super::exchange::Call;
use super::{AppointmentType, LabRequisitionId, PartnerClient, PartnerError};

/// WHOOP's answer. An older form of the API answers without a body.
#[derive(Deserialize)]
struct TestData {
    requisition_id: LabRequisitionId,
}

impl PartnerClient {
    /// Makes WHOOP create a test user and a lab requisition with a booked appointment: `POST
    /// /v2/partner/development/add-test-data` (WHOOP's partner documentation, "Generate test data for partner development").
    ///
    /// Returns the id of the new requisition. An older form of the API does not tell the id: then it returns `None`, and the
    /// webhook holds the id.
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] in production, which does not have this call.
    ///
    /// [`PartnerError::OutcomeUnknown`] if the request was sent, but there is no answer, or an answer that does not say
    /// whether WHOOP has created a requisition. The client does not send it again, because that would create one more. Wait
    /// for the webhook, or call again if one more does no harm.
    ///
    /// For the other errors, see [`PartnerError`].
    ///
    /// # Examples
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let whoop = CannedWhoop::start().await;
    /// # let client = whoop.client();
    /// use whoop_partner::partner::AppointmentType;
    ///
    /// if let Some(id) = client.add_test_data(&AppointmentType::Mobile).await? {
    ///     let requisition = client.get_requisition(&id).await?;
    ///     println!("{} tests", requisition.service_requests.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn add_test_data(
        &self,
        appointment_type: &AppointmentType,
    ) -> Result<Option<LabRequisitionId>, PartnerError> {
        let mut url = self.url(&["development", "add-test-data"]);
        url.query_pairs_mut()
            .append_pair("appointmentType", appointment_type.as_str());
        let body = self.exchange(Call::post("addTestData", url)).await?;
        if body.is_empty() {
            return Ok(None);
        }
        let created: TestData =
            serde_json::from_slice(&body).map_err(|error| PartnerError::malformed(&error))?;
        Ok(Some(created.requisition_id))
    }
}
