//! An order as in WHOOP's tutorial and examples. They contain less than its OpenAPI document requires.

use serde_json::json;
use whoop_partner::partner::{
    DiagnosticReport, DiagnosticReportStatus, Observation, ObservationStatus, ObservationValue,
    TaskBusinessStatus,
};
use whoop_simulator::{Form, PartnerForm, SchemaForm};

use crate::lab::Lab;

#[tokio::test]
async fn an_order_without_appointments_and_intents_is_carried_out() {
    let lab = Lab::new().await;
    lab.whoop.set_form(Form {
        schema: SchemaForm::Documentation,
        partner: PartnerForm::Basic,
    });
    let client = &lab.client;
    let (order, id) = lab.fetched_order().await;
    assert!(order.appointments.is_none());

    client
        .set_requisition_status(&order.id, TaskBusinessStatus::OrderConfirmed)
        .await
        .unwrap();
    let service_request = client.get_service_request(&id).await.unwrap();
    assert!(service_request.intent.is_none());
    assert!(service_request.based_on.is_none());
    let attended = TaskBusinessStatus::AppointmentAttended;
    let updated = client
        .set_service_request_status(&id, attended.clone())
        .await
        .unwrap();
    assert!(updated.intent.is_none());
    assert_eq!(*updated.task_business_status, Some(attended));

    let cholesterol = ObservationValue::numeric(189.0).unwrap();
    let comment = ObservationValue::text("fasting").unwrap();
    let observations = vec![
        Observation::new("TOTAL_CHOLESTEROL", cholesterol).with_unit("mg/dL"),
        Observation::new("COMMENT", comment).with_status(ObservationStatus::Preliminary),
    ];
    let report = DiagnosticReport::new(DiagnosticReportStatus::Final, observations);
    client.submit_diagnostic_report(&id, &report).await.unwrap();
    assert_eq!(
        lab.whoop.reports(id.as_str()),
        [json!({"status": "final", "observations": [
            {"code": "TOTAL_CHOLESTEROL", "value_numeric": 189.0, "unit": "mg/dL"},
            {"code": "COMMENT", "value_text": "fasting", "status": "preliminary"},
        ]})]
    );
}
