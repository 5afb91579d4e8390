//! Checks every request of the client against WHOOP's OpenAPI document, with unknown fields forbidden and the needed
//! fields required. Then spoils one request of each call, to show that the check can fail.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use whoop_partner::partner::{
    AppointmentType, DiagnosticReport, DiagnosticReportStatus, Observation, ObservationStatus,
    ObservationValue, StatusUpdate, TaskBusinessStatus,
};
use whoop_simulator::Call;

use crate::lab::Lab;
use crate::openapi::{check_request, operations};

const DOCUMENT_ID: &str = "51f7f3b5-6c1f-4f0b-8f55-0f3f0f9a2b11";
const BUNDLE_ID: &str = "6a7b2f0e-2df5-4f53-9b53-8d5f1c2f7e10";

/// A report that uses every published field.
fn report() -> DiagnosticReport {
    let number = ObservationValue::numeric(0.01).unwrap();
    let observations = vec![
        Observation::new("ferritin", number.clone())
            .with_unit("ng/mL")
            .with_status(ObservationStatus::Final)
            .with_bundle_id(BUNDLE_ID.parse().unwrap()),
        Observation::new("hba1c", number.with_text("<0.01").unwrap()),
        Observation::new("culture", ObservationValue::text("no growth").unwrap())
            .with_status(ObservationStatus::Preliminary),
    ];
    DiagnosticReport::new(DiagnosticReportStatus::Partial, observations)
}

/// Makes every call that the client can make, and returns what arrived at WHOOP.
async fn every_call() -> Vec<Call> {
    let lab = Lab::new().await;
    let document = json!({
        "id": DOCUMENT_ID, "document_type": "LAB_FORM",
        "created_at": "2026-11-23T09:30:00Z", "updated_at": "2026-11-23T09:30:00Z",
    });
    lab.whoop.put_document(document, Some(b"%PDF".to_vec()));
    let client = &lab.client;
    let (order, service_request) = lab.fetched_order().await;
    let issue = StatusUpdate::new(TaskBusinessStatus::OrderIssue).with_reason("not offered");
    let document = DOCUMENT_ID.parse().unwrap();

    client.get_requisition_json(&order.id).await.unwrap();
    for update in [TaskBusinessStatus::OrderConfirmed.into(), issue] {
        client
            .set_requisition_status(&order.id, update.clone())
            .await
            .unwrap();
        client
            .set_service_request_status(&service_request, update)
            .await
            .unwrap();
    }
    client.get_service_request(&service_request).await.unwrap();
    client
        .submit_diagnostic_report(&service_request, &report())
        .await
        .unwrap();
    client.get_document(&document).await.unwrap();
    client.download_document(&document, 4).await.unwrap();
    for appointment in [
        AppointmentType::InPerson,
        AppointmentType::Mobile,
        AppointmentType::Virtual,
    ] {
        client.add_test_data(&appointment).await.unwrap();
    }
    lab.whoop.calls()
}

#[tokio::test]
async fn every_request_is_what_whoop_publishes() {
    let mut made = BTreeMap::new();
    for call in every_call().await {
        let operation = check_request(&call).unwrap_or_else(|error| panic!("{error}: {call:?}"));
        *made.entry(operation).or_insert(0) += 1;
    }
    let published = operations();
    assert_eq!(published.len(), 9);
    assert!(made.keys().eq(published.iter()), "{made:?} {published:?}");
}

/// Spoils the first request of a call.
fn spoilt(
    calls: &[Call],
    operation: &str,
    spoil: impl FnOnce(&mut Call),
) -> Result<String, String> {
    let is_it = |call: &&Call| check_request(call).is_ok_and(|made| made == operation);
    let mut call = calls.iter().find(is_it).expect(operation).clone();
    spoil(&mut call);
    check_request(&call)
}

fn remove(call: &mut Call, pointer: &str, field: &str) {
    let object = call.body.as_mut().unwrap().pointer_mut(pointer).unwrap();
    object.as_object_mut().unwrap().remove(field).unwrap();
}

fn body(call: &mut Call) -> &mut Value {
    call.body.as_mut().unwrap()
}

#[tokio::test]
async fn a_spoilt_request_of_each_call_is_caught() {
    let calls = every_call().await;
    type Spoil = fn(&mut Call);
    let spoils: [(&str, Spoil); 15] = [
        ("POST /v2/partner/token", |call| remove(call, "", "scope")),
        ("POST /v2/partner/token", |call| {
            body(call)["audience"] = json!("x")
        }),
        ("GET /v2/partner/requisition/{id}", |call| call.path += "x"),
        ("GET /v2/partner/requisition/{id}", |call| {
            call.authorized = false
        }),
        ("PATCH /v2/partner/requisition/{id}/status", |call| {
            remove(call, "", "task_business_status");
        }),
        ("GET /v2/partner/service-request/{id}", |call| {
            call.body = Some(json!({}));
        }),
        ("PATCH /v2/partner/service-request/{id}/status", |call| {
            body(call)["reasons"] = json!("x");
        }),
        ("POST /v2/partner/service-request/{id}/results", |call| {
            remove(call, "", "observations");
        }),
        ("POST /v2/partner/service-request/{id}/results", |call| {
            remove(call, "/observations/0", "value_numeric");
        }),
        ("POST /v2/partner/service-request/{id}/results", |call| {
            body(call)["observations"][1]["status"] = Value::Null;
        }),
        ("POST /v2/partner/service-request/{id}/results", |call| {
            body(call)["observations"][0]["bundle_id"] = json!("no uuid");
        }),
        ("GET /v2/partner/document/{id}", |call| {
            call.query = Some("version=1".into());
        }),
        ("GET /v2/partner/document/{id}/content", |call| {
            call.method = "POST".into();
        }),
        ("POST /v2/partner/development/add-test-data", |call| {
            call.query = Some("appointmentType=HOME".into());
        }),
        ("POST /v2/partner/development/add-test-data", |call| {
            call.body = Some(json!({}));
        }),
    ];
    for (index, (operation, spoil)) in spoils.into_iter().enumerate() {
        let verdict = spoilt(&calls, operation, spoil);
        assert!(verdict.is_err(), "{index}: {operation} still passes");
    }
    for operation in operations() {
        assert!(
            spoils.iter().any(|(spoilt, _)| *spoilt == operation),
            "{operation}"
        );
    }
}
