//! Test data, in WHOOP's test environments.

use serde::Deserialize;

use super::exchange::Call;
use super::{AppointmentType, LabRequisitionId, PartnerClient, PartnerError};

/// WHOOP's answer; an older form of the API has none.
#[derive(Deserialize)]
struct TestData {
    requisition_id: LabRequisitionId,
}

impl PartnerClient {
    /// Has WHOOP create a test user and a lab requisition with a booked appointment: `POST
    /// /v2/partner/development/add-test-data` (WHOOP's partner documentation, "Generate test data for partner development").
    ///
    /// Gives back the new requisition's id, or `None` where WHOOP answers in its older form, without one: then the webhook
    /// tells it.
    ///
    /// # Errors
    ///
    /// [`PartnerError::NotFound`] in production, where there is no such call.
    ///
    /// [`PartnerError::OutcomeUnknown`] when the request was sent but no answer came back, or one that leaves open whether
    /// WHOOP has created something. It was not sent again: that would create one more requisition. Wait for the webhook, or
    /// call again if one more does no harm.
    ///
    /// Else as [`PartnerError`] says.
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
