//! What every request carries, and to which servers it never goes.

use whoop_partner::partner::{
    DiagnosticReport, DiagnosticReportStatus, LabRequisition, LabRequisitionId, Observation,
    ObservationStatus, ObservationValue, PartnerError, TaskBusinessStatus,
};
use whoop_simulator::Fault;

use crate::lab::{Lab, REQUISITION};

/// A report of one invented result.
pub fn report() -> DiagnosticReport {
    let value = ObservationValue::text("seeded-result").unwrap();
    let observation = Observation::new("2093-3", value).with_status(ObservationStatus::Final);
    DiagnosticReport::new(DiagnosticReportStatus::Final, vec![observation])
}

#[tokio::test]
async fn every_request_names_the_library_and_its_version() {
    let lab = Lab::new().await;
    lab.fetched_order().await;
    let version = env!("CARGO_PKG_VERSION");
    for call in lab.whoop.calls() {
        let expected = format!("whoop-partner/{version}");
        assert_eq!(call.user_agent, Some(expected), "{}", call.path);
    }
    lab.assert_calls("/", 2);
}

#[tokio::test]
async fn the_json_is_the_very_text_that_whoop_sends() {
    let lab = Lab::new().await;
    let id = lab.order();
    let text = r#"{ "updated_at":"2026-11-23T09:30:00Z","new":[1.10, 1e2],"id":7}"#;
    lab.whoop
        .fault(Fault::status(REQUISITION, 200).body(text).times(2));
    let json = lab.client.get_requisition_json(&id).await.unwrap();
    assert_eq!(json.as_str(), text);
    assert_eq!(json.updated_at().unwrap().as_str(), "2026-11-23T09:30:00Z");
    let error = json.decode::<LabRequisition>().unwrap_err();
    assert!(matches!(error, PartnerError::Protocol(_)), "{error}");
    let error = lab.client.get_requisition(&id).await.unwrap_err();
    assert!(matches!(error, PartnerError::Protocol(_)), "{error}");
    lab.assert_calls(REQUISITION, 2);
}

#[tokio::test]
async fn the_status_of_all_service_requests_is_set_at_once() {
    let lab = Lab::new().await;
    let (order, _) = lab.fetched_order().await;
    let confirmed = TaskBusinessStatus::OrderConfirmed;
    lab.client
        .set_requisition_status(&order.id, confirmed.clone())
        .await
        .unwrap();
    let order = lab.client.get_requisition(&order.id).await.unwrap();
    assert_eq!(order.service_requests.len(), 2);
    for service_request in order.service_requests {
        assert_eq!(
            *service_request.task_business_status,
            Some(confirmed.clone())
        );
    }
}

#[tokio::test]
async fn an_id_is_one_segment_of_the_path() {
    let lab = Lab::new().await;
    for id in ["...", ".a", "a..b", "~", "-"] {
        let id: LabRequisitionId = id.parse().unwrap();
        lab.client.get_requisition(&id).await.unwrap_err();
        let path = format!("{REQUISITION}/{}", id.as_str());
        assert_eq!(lab.last_call().path, path);
        let confirmed = TaskBusinessStatus::OrderConfirmed;
        lab.client
            .set_requisition_status(&id, confirmed)
            .await
            .unwrap_err();
        assert_eq!(lab.last_call().path, format!("{path}/status"));
    }
    for id in ["..", ".", "", "a/b", "%2e%2e", "..%2f", "x?", "x#"] {
        assert!(id.parse::<LabRequisitionId>().is_err(), "{id}");
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let lab = Lab::new().await;
    let id = lab.order();
    let elsewhere = format!("{}/v2/partner/elsewhere", lab.whoop.base_url());
    for status in [301, 302, 303, 307, 308] {
        let redirect = Fault::status(REQUISITION, status).header("Location", &elsewhere);
        lab.whoop.fault(redirect);
        let error = lab.client.get_requisition(&id).await.unwrap_err();
        assert_eq!(error, PartnerError::Protocol(format!("status {status}")));
    }
    lab.assert_calls(REQUISITION, 5);
    lab.assert_calls("/v2/partner/elsewhere", 0);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let lab = Lab::new().await;
    let id = lab.order();
    let limit = 4 * 1024 * 1024;
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(limit));
    lab.whoop.fault(Fault::status(REQUISITION, 200).body(long));
    let error = lab.client.get_requisition_json(&id).await.unwrap_err();
    let limit = limit as u64;
    assert_eq!(error, PartnerError::TooLarge { limit });
    lab.assert_calls(REQUISITION, 1);
    let fits = format!(r#"{{"id":"{}"}}"#, "x".repeat(limit as usize - 9));
    lab.whoop.fault(Fault::status(REQUISITION, 200).body(fits));
    lab.client.get_requisition_json(&id).await.unwrap();
}
