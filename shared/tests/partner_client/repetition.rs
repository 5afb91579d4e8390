//! Which calls are repeated after a passing fault, and which never are.

use std::time::{Duration, Instant};

use serde_json::json;
use whoop_partner::partner::{AppointmentType, PartnerClient, PartnerError, TaskBusinessStatus};
use whoop_simulator::Fault;

use crate::lab::{ADD_TEST_DATA, Lab, REQUISITION, SERVICE_REQUEST, START, TOKEN, credentials};

const CONFIRMED: TaskBusinessStatus = TaskBusinessStatus::OrderConfirmed;

fn disconnect(path: &str) -> Fault {
    Fault {
        path: path.into(),
        disconnect: true,
        ..Fault::default()
    }
}

fn disconnect_midway(path: &str) -> Fault {
    Fault {
        disconnect: false,
        disconnect_midway: true,
        ..disconnect(path)
    }
}

fn late(path: &str, delay_ms: u64) -> Fault {
    Fault {
        disconnect: false,
        delay_ms,
        ..disconnect(path)
    }
}

/// The passing faults, each for one call.
fn passing(path: &str) -> Vec<Fault> {
    let mut faults = vec![disconnect(path), disconnect_midway(path)];
    faults.extend([408, 500, 502, 503, 504].map(|status| Fault::status(path, status)));
    faults
}

#[tokio::test]
async fn fetching_is_repeated_after_each_passing_fault() {
    let lab = Lab::new().await;
    let id = lab.order();
    for fault in passing(REQUISITION) {
        let before = lab.whoop.calls_to(REQUISITION).len();
        lab.whoop.fault(fault.clone());
        let result = lab.client.get_requisition(&id).await;
        assert!(result.is_ok(), "{result:?} after {fault:?}");
        lab.assert_calls(REQUISITION, before + 2);
    }
    lab.assert_calls(TOKEN, 1);
}

#[tokio::test]
async fn setting_a_status_is_repeated_after_each_passing_fault() {
    let lab = Lab::new().await;
    let (order, service_request) = lab.fetched_order().await;
    for fault in passing(SERVICE_REQUEST) {
        let before = lab.whoop.calls_to(SERVICE_REQUEST).len();
        lab.whoop.fault(fault);
        let update = lab
            .client
            .set_service_request_status(&service_request, CONFIRMED);
        let updated = update.await.unwrap();
        assert_eq!(*updated.task_business_status, Some(CONFIRMED));
        lab.assert_calls(SERVICE_REQUEST, before + 2);
    }
    let before = lab.whoop.calls_to(REQUISITION).len();
    lab.whoop.fault(Fault::status(REQUISITION, 503));
    lab.client
        .set_requisition_status(&order.id, CONFIRMED)
        .await
        .unwrap();
    lab.assert_calls(REQUISITION, before + 2);
}

#[tokio::test]
async fn a_fault_that_stays_ends_after_four_attempts() {
    let lab = Lab::new().await;
    let id = lab.order();
    for fault in [Fault::status(REQUISITION, 503), disconnect(REQUISITION)] {
        let before = lab.whoop.calls_to(REQUISITION).len();
        lab.whoop.fault(fault.times(100));
        let error = lab.client.get_requisition(&id).await.unwrap_err();
        assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
        assert!(error.is_transient());
        lab.assert_calls(REQUISITION, before + 4);
        lab.whoop.clear_faults();
    }
}

#[tokio::test]
async fn no_wait_is_begun_that_leaves_no_time_before_the_deadline() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.whoop.fault(Fault::status(REQUISITION, 503).times(100));
    let soon = tokio::time::Instant::now() + Duration::from_millis(400);
    let error = lab
        .client
        .with_deadline(soon)
        .get_requisition(&id)
        .await
        .unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    lab.assert_calls(REQUISITION, 2);
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_at_the_deadline() {
    let lab = Lab::new().await;
    let (order, service_request) = lab.fetched_order().await;
    lab.whoop.fault(late("/v2", 60_000).times(10));
    let begun = Instant::now();
    let client = || {
        let soon = tokio::time::Instant::now() + Duration::from_millis(300);
        lab.client.with_deadline(soon)
    };
    let error = client().get_requisition(&order.id).await.unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    let report = crate::requests::report();
    let error = client()
        .submit_diagnostic_report(&service_request, &report)
        .await
        .unwrap_err();
    assert!(matches!(error, PartnerError::OutcomeUnknown(_)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_deadline_that_has_passed_allows_no_call() {
    let lab = Lab::new().await;
    let (order, _) = lab.fetched_order().await;
    let calls = lab.whoop.calls().len();
    let now = tokio::time::Instant::now();
    let error = lab
        .client
        .with_deadline(now)
        .get_requisition(&order.id)
        .await
        .unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    assert_eq!(lab.whoop.calls().len(), calls);
}

#[tokio::test]
async fn a_report_is_never_sent_twice() {
    let lab = Lab::new().await;
    let (_, service_request) = lab.fetched_order().await;
    let report = crate::requests::report();
    for (fault, unknown) in [
        (disconnect(SERVICE_REQUEST), true),
        (Fault::status(SERVICE_REQUEST, 500), true),
        (Fault::status(SERVICE_REQUEST, 502), true),
        (Fault::status(SERVICE_REQUEST, 504), true),
        // a gateway may answer this after the work was done
        (Fault::status(SERVICE_REQUEST, 503), true),
        // with this status WHOOP says that it did not get the whole request
        (Fault::status(SERVICE_REQUEST, 408), false),
    ] {
        let before = lab.whoop.calls_to(SERVICE_REQUEST).len();
        lab.whoop.fault(fault.clone());
        let submitted = lab
            .client
            .submit_diagnostic_report(&service_request, &report);
        let error = submitted.await.unwrap_err();
        assert_eq!(
            matches!(error, PartnerError::OutcomeUnknown(_)),
            unknown,
            "{error} {fault:?}"
        );
        assert_eq!(error.is_transient(), !unknown, "{error}");
        lab.assert_calls(SERVICE_REQUEST, before + 1);
    }
    assert!(lab.whoop.reports(service_request.as_str()).is_empty());
}

#[tokio::test]
async fn a_report_whose_answer_breaks_off_after_the_status_has_arrived() {
    let lab = Lab::new().await;
    let (_, service_request) = lab.fetched_order().await;
    lab.whoop.fault(disconnect_midway(SERVICE_REQUEST));
    let report = crate::requests::report();
    lab.client
        .submit_diagnostic_report(&service_request, &report)
        .await
        .unwrap();
    lab.assert_calls(SERVICE_REQUEST, 1);
    assert_eq!(lab.whoop.reports(service_request.as_str()).len(), 1);
}

#[tokio::test]
async fn test_data_are_never_added_twice() {
    let lab = Lab::new().await;
    for (fault, unknown) in [
        (disconnect(ADD_TEST_DATA), true),
        (disconnect_midway(ADD_TEST_DATA), true),
        (Fault::status(ADD_TEST_DATA, 500), true),
        (Fault::status(ADD_TEST_DATA, 503), true),
    ] {
        let before = lab.whoop.calls_to(ADD_TEST_DATA).len();
        lab.whoop.fault(fault);
        let error = lab
            .client
            .add_test_data(&AppointmentType::InPerson)
            .await
            .unwrap_err();
        assert_eq!(
            matches!(error, PartnerError::OutcomeUnknown(_)),
            unknown,
            "{error}"
        );
        lab.assert_calls(ADD_TEST_DATA, before + 1);
    }
}

#[tokio::test]
async fn the_older_form_of_add_test_data_tells_no_id() {
    let lab = Lab::new().await;
    lab.whoop.fault(Fault::status(ADD_TEST_DATA, 204));
    let added = lab
        .client
        .add_test_data(&AppointmentType::InPerson)
        .await
        .unwrap();
    assert_eq!(added, None);
    lab.whoop
        .fault(Fault::status(ADD_TEST_DATA, 200).body(json!({})));
    let error = lab
        .client
        .add_test_data(&AppointmentType::InPerson)
        .await
        .unwrap_err();
    assert!(matches!(error, PartnerError::Protocol(_)), "{error}");
}

#[tokio::test]
async fn a_server_that_can_not_be_reached_is_a_temporary_error_for_every_call() {
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", unused.local_addr().unwrap());
    drop(unused);
    let lab = Lab::new().await;
    lab.table.set("good-token", START + 3600);
    let client = PartnerClient::builder(base_url.parse().unwrap(), credentials())
        .token_storage(lab.table.store().with_clock(lab.clock()))
        .clock(lab.clock())
        .build()
        .unwrap();
    let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse().unwrap();
    let report = crate::requests::report();
    let error = client
        .submit_diagnostic_report(&id, &report)
        .await
        .unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    let error = client.get_service_request(&id).await.unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    assert_eq!((lab.table.reads(), lab.table.writes()), (1, 0));
}
