//! Which service requests of a fetched requisition are to be confirmed.

use serde::Deserialize;

use super::{PartnerError, ResourceJson, ServiceRequestId};
use crate::lenient;

/// The few fields that are needed to confirm an order. [`LabRequisition`](super::LabRequisition) would hold the whole order a
/// second time.
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

/// Returns the service requests of a requisition that have no task business status yet, and that are neither completed nor
/// revoked. A status that the requisition shows is thus never overwritten.
///
/// # Errors
///
/// [`PartnerError::Protocol`] if `requisition` does not tell this of each of its service requests.
///
/// # Examples
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/support/canned_whoop.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let whoop = CannedWhoop::start().await;
/// # let client = whoop.client();
/// use whoop_partner::partner::{TaskBusinessStatus, unconfirmed_service_requests};
///
/// let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse()?;
/// let requisition = client.get_requisition_json(&id).await?;
/// for id in unconfirmed_service_requests(&requisition)? {
///     client
///         .set_service_request_status(&id, TaskBusinessStatus::OrderConfirmed)
///         .await?;
/// }
/// # assert_eq!(whoop.calls("PATCH").await, 1);
/// # Ok(())
/// # }
/// ```
pub fn unconfirmed_service_requests(
    requisition: &ResourceJson,
) -> Result<Vec<ServiceRequestId>, PartnerError> {
    let requisition: Requisition = requisition.decode()?;
    Ok(requisition
        .service_requests
        .into_iter()
        .filter(|request| request.task_business_status.is_none())
        .filter(|request| !matches!(request.status.as_deref(), Some("completed" | "revoked")))
        .map(|request| request.id)
        .collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn unconfirmed(service_requests: &Value) -> Result<Vec<ServiceRequestId>, PartnerError> {
        let requisition = json!({ "service_requests": service_requests }).to_string();
        unconfirmed_service_requests(&ResourceJson::new(requisition.into()).unwrap())
    }

    #[track_caller]
    fn assert_to_confirm(service_request: Value, to_confirm: bool) {
        let found = unconfirmed(&json!([service_request])).unwrap();
        assert_eq!(!found.is_empty(), to_confirm, "{service_request}");
    }

    #[test]
    fn only_what_has_no_task_business_status_and_has_not_ended_is_to_be_confirmed() {
        assert_to_confirm(json!({"id": "s"}), true);
        assert_to_confirm(json!({"id": "s", "task_business_status": null}), true);
        assert_to_confirm(json!({"id": "s", "status": "active"}), true);
        assert_to_confirm(json!({"id": "s", "status": "a new one"}), true);
        assert_to_confirm(json!({"id": "s", "status": 7}), true);
        assert_to_confirm(json!({"id": "s", "status": "completed"}), false);
        assert_to_confirm(json!({"id": "s", "status": "revoked"}), false);
        for status in ["ORDER_CONFIRMED", "FULL_RESULTS_READY", "A_NEW_ONE", ""] {
            assert_to_confirm(json!({"id": "s", "task_business_status": status}), false);
        }
    }

    #[test]
    fn a_service_request_that_hides_its_status_confirms_nothing() {
        for odd in [
            json!(null),
            json!([null]),
            json!([{"id": "s", "task_business_status": 7}]),
            json!([{"id": "s"}, {"id": "a/b"}]),
        ] {
            let error = unconfirmed(&odd).unwrap_err();
            assert!(matches!(error, PartnerError::Protocol(_)), "{odd}: {error}");
        }
    }
}
