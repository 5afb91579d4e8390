//! What an event points at, and how the Partner API serves it.

use jiff::Timestamp;
use serde::Deserialize;
use whoop_partner::lenient;
use whoop_partner::partner::{
    LabRequisitionId, PartnerClient, PartnerError, ResourceJson, ServiceRequestId,
    TaskBusinessStatus,
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
    /// The resource that `event` points at; none if no endpoint serves the event's type.
    ///
    /// An id that is none, of a type that is served, can't be fetched, today or tomorrow.
    pub(crate) fn of(event: &QueuedEvent) -> Result<Option<Self>, Undecodable> {
        match event.event_type.as_str() {
            "lab_requisition.created" => {
                let id = event.resource_id.parse().map_err(|_| Undecodable)?;
                Ok(Some(Self::Requisition(id)))
            }
            _ => Ok(None),
        }
    }

    /// The path below the Partner API's base URL. It also names the resource among all others.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Requisition(id) => format!("/v2/partner/requisition/{}", id.as_str()),
        }
    }

    /// Fetches it.
    pub(crate) async fn fetch(
        &self,
        partner: &PartnerClient,
    ) -> Result<ResourceJson, PartnerError> {
        match self {
            Self::Requisition(id) => partner.get_requisition_json(id).await,
        }
    }

    /// What nobody has confirmed yet, by the resource's JSON.
    pub(crate) fn to_confirm(
        &self,
        json: &ResourceJson,
    ) -> Result<Vec<Confirmation>, PartnerError> {
        match self {
            Self::Requisition(_) => {
                let requests = unconfirmed_service_requests(json)?;
                Ok(requests.map(Confirmation::ServiceRequest).collect())
            }
        }
    }
}

/// Something to confirm.
pub(crate) enum Confirmation {
    /// `PATCH /v2/partner/service-request/{id}/status`
    ServiceRequest(ServiceRequestId),
}

impl Confirmation {
    /// Confirms it.
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

/// The state that a resource's JSON shows.
pub(crate) fn state(json: &ResourceJson) -> State {
    let updated_at: Option<Timestamp> = json.updated_at().and_then(|time| time.timestamp());
    State::new(updated_at, json.as_str())
}

/// The service requests of a requisition that have no status yet and have not ended either.
fn unconfirmed_service_requests(
    json: &ResourceJson,
) -> Result<impl Iterator<Item = ServiceRequestId>, PartnerError> {
    let requisition: Requisition = json.decode()?;
    Ok(requisition
        .service_requests
        .into_iter()
        .filter(|request| request.task_business_status.is_none())
        .filter(|request| !matches!(request.status.as_deref(), Some("completed" | "revoked")))
        .map(|request| request.id))
}

/// The few fields that confirming takes: the typed requisition would hold the whole order a second time.
#[derive(Deserialize)]
struct Requisition {
    service_requests: Vec<ServiceRequest>,
}

#[derive(Deserialize)]
struct ServiceRequest {
    id: ServiceRequestId,
    #[serde(default, deserialize_with = "lenient::string")]
    status: Option<String>,
    task_business_status: Option<String>,
}
