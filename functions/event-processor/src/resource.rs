//! The resources that events point at. Everything that depends on the kind of resource is here: where it is, how to fetch it, and
//! what to confirm.
//!
//! If WHOOP adds an event type with an endpoint, add a variant to [`Resource`], and the event type to [`Resource::of`]. The
//! compiler then names the other places.

use jiff::Timestamp;
use whoop_partner::partner::{
    LabRequisitionId, PartnerClient, PartnerError, ResourceJson, ServiceRequestId,
    TaskBusinessStatus, unconfirmed_service_requests,
};
use whoop_partner::queue_message::Undecodable;

use crate::message::QueuedEvent;
use crate::published_states::State;

/// A resource that the Partner API serves at an endpoint.
pub(crate) enum Resource {
    /// `GET /v2/partner/requisition/{id}`
    Requisition(LabRequisitionId),
}

impl Resource {
    /// Returns the resource that `event` points at; `None` if no endpoint serves its type.
    ///
    /// # Errors
    ///
    /// [`Undecodable`] if an endpoint serves the type, but the id is not a valid one.
    pub(crate) fn of(event: &QueuedEvent) -> Result<Option<Self>, Undecodable> {
        match event.event_type.as_str() {
            "lab_requisition.created" => {
                let id = event.resource_id.parse().map_err(|_| Undecodable)?;
                Ok(Some(Self::Requisition(id)))
            }
            _ => Ok(None),
        }
    }

    /// Returns the path below the Partner API's base URL. No other resource has the same path.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Requisition(id) => format!("/v2/partner/requisition/{}", id.as_str()),
        }
    }

    /// Fetches the resource.
    pub(crate) async fn fetch(
        &self,
        partner: &PartnerClient,
    ) -> Result<ResourceJson, PartnerError> {
        match self {
            Self::Requisition(id) => partner.get_requisition_json(id).await,
        }
    }

    /// Returns what nobody has confirmed yet. `json` is the fetched resource.
    pub(crate) fn to_confirm(
        &self,
        json: &ResourceJson,
    ) -> Result<Vec<Confirmation>, PartnerError> {
        match self {
            Self::Requisition(_) => {
                let requests = unconfirmed_service_requests(json)?;
                let requests = requests.into_iter();
                Ok(requests.map(Confirmation::ServiceRequest).collect())
            }
        }
    }
}

/// Something to confirm at WHOOP.
pub(crate) enum Confirmation {
    /// `PATCH /v2/partner/service-request/{id}/status`
    ServiceRequest(ServiceRequestId),
}

impl Confirmation {
    /// Sends the confirmation to WHOOP.
    pub(crate) async fn send(&self, partner: &PartnerClient) -> Result<(), PartnerError> {
        match self {
            Self::ServiceRequest(id) => {
                let status = TaskBusinessStatus::OrderConfirmed;
                partner.set_service_request_status(id, status).await?;
                Ok(())
            }
        }
    }
}

/// Returns the state of a fetched resource.
pub(crate) fn state(json: &ResourceJson) -> State {
    let updated_at: Option<Timestamp> = json.updated_at().and_then(|time| time.timestamp());
    State::new(updated_at, json.as_str())
}
