//! Which answer becomes which error. Each takes a single call.

use whoop_partner::partner::{AppointmentType, LabRequisitionId, PartnerError, TaskBusinessStatus};
use whoop_simulator::Fault;

use crate::lab::{ADD_TEST_DATA, Lab, REQUISITION, SERVICE_REQUEST, TOKEN};

const UNKNOWN: &str = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";

async fn after(fault: Fault) -> PartnerError {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(fault);
    let error = lab.client.get_requisition(&id).await.unwrap_err();
    lab.assert_calls(REQUISITION, 1);
    error
}

#[tokio::test]
async fn what_whoop_does_not_know_is_not_found() {
    let lab = Lab::new().await;
    let client = &lab.client;
    let requisition: LabRequisitionId = UNKNOWN.parse().unwrap();
    let service_request = UNKNOWN.parse().unwrap();
    let document = UNKNOWN.parse().unwrap();
    let confirmed = TaskBusinessStatus::OrderConfirmed;
    let report = crate::requests::report();
    let errors = [
        client.get_requisition(&requisition).await.unwrap_err(),
        client.get_requisition_json(&requisition).await.unwrap_err(),
        client
            .set_requisition_status(&requisition, confirmed.clone())
            .await
            .unwrap_err(),
        client
            .get_service_request(&service_request)
            .await
            .unwrap_err(),
        client
            .set_service_request_status(&service_request, confirmed)
            .await
            .unwrap_err(),
        client
            .submit_diagnostic_report(&service_request, &report)
            .await
            .unwrap_err(),
        client.get_document(&document).await.unwrap_err(),
        client.download_document(&document, 1).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error, PartnerError::NotFound);
    }
    lab.whoop.fault(Fault::status(ADD_TEST_DATA, 404));
    let error = client
        .add_test_data(&AppointmentType::Virtual)
        .await
        .unwrap_err();
    assert_eq!(error, PartnerError::NotFound);
    // one call for each, and one for the token
    lab.assert_calls("/", 10);
}

#[tokio::test]
async fn a_forbidden_partner_is_unauthorised_and_gets_no_new_token() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(Fault::status(REQUISITION, 403));
    let error = lab.client.get_requisition(&id).await.unwrap_err();
    assert_eq!(error, PartnerError::Unauthorised("status 403".into()));
    lab.assert_calls(REQUISITION, 1);
    lab.assert_calls(TOKEN, 1);
}

#[tokio::test]
async fn an_invalid_request_comes_with_whoops_words() {
    for status in [400, 405, 409, 415, 422] {
        let words = r#"{"error":"no such status"}"#;
        match after(Fault::status(REQUISITION, status).body(words)).await {
            PartnerError::InvalidRequest { status: told, body } => {
                assert_eq!(told, status);
                assert_eq!(body.as_str(), words);
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn whoops_words_are_cut() {
    let long = "é".repeat(100_000);
    match after(Fault::status(REQUISITION, 400).body(long)).await {
        PartnerError::InvalidRequest { body, .. } => {
            assert_eq!(body.as_str(), "é".repeat(2048));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_unknown_status_is_refused_by_whoop_not_by_us() {
    let lab = Lab::new().await;
    let (_, service_request) = lab.fetched_order().await;
    lab.whoop
        .fault(Fault::status(SERVICE_REQUEST, 400).body("no such status"));
    let odd = TaskBusinessStatus::from("SPECIMEN_LOST");
    let update = lab.client.set_service_request_status(&service_request, odd);
    let error = update.await.unwrap_err();
    assert!(
        matches!(error, PartnerError::InvalidRequest { status: 400, .. }),
        "{error}"
    );
    let sent = lab.last_call().body.unwrap();
    assert_eq!(sent["task_business_status"], "SPECIMEN_LOST");
}

#[tokio::test]
async fn an_answer_that_is_no_requisition_is_a_protocol_error() {
    for body in ["", "no json", "[]", "{}", r#"{"id":""}"#] {
        let error = after(Fault::status(REQUISITION, 200).body(body)).await;
        assert!(
            matches!(error, PartnerError::Protocol(_)),
            "{error}: {body}"
        );
        assert!(!error.is_transient());
    }
}
