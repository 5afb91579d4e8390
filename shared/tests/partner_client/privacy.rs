//! Formatted text never shows a token, a secret, an identifier or anything about a patient.

use leak_recorder::{Recorder, Text};
use serde_json::Value;
use whoop_partner::partner::{LabRequisition, PartnerDocument, StatusUpdate, TaskBusinessStatus};
use whoop_simulator::{Fault, SimulatorConfig};

use crate::lab::{Lab, REQUISITION, TOKEN};

/// Forbids every text in a JSON tree that is about a person: all but types, states and times.
fn forbid(recorder: &Recorder, name: &str, value: &Value) {
    match value {
        Value::String(text)
            if !["status", "intent", "type", "created_at", "updated_at"].contains(&name) =>
        {
            recorder.forbid(name, text);
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| forbid(recorder, name, value)),
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| forbid(recorder, name, value)),
        _ => {}
    }
}

#[track_caller]
fn assert_no_leaks(recorder: &Recorder, texts: Vec<String>) {
    let texts: Vec<_> = texts
        .into_iter()
        .map(|text| Text {
            source: "format".into(),
            text,
        })
        .collect();
    assert_eq!(recorder.leaks(&texts), []);
    // shows that the search works
    let planted = Text {
        source: "planted".into(),
        text: "x seeded-marker x".into(),
    };
    recorder.forbid("marker", "seeded-marker");
    assert_eq!(recorder.leaks(&[planted]).len(), 1);
}

#[tokio::test]
async fn debug_of_an_order_shows_nothing_of_the_patient() {
    let lab = Lab::new().await;
    let json = lab.client.get_requisition_json(&lab.order()).await.unwrap();
    let mut order = json.decode::<Value>().unwrap();
    order["patient"]["new_field"] = "seeded-new-field".into();
    order["patient"]["first_name"] = "Seeded-First-Name".into();
    order["patient"]["last_name"] = "Seeded-Last-Name".into();
    let recorder = Recorder::default();
    forbid(&recorder, "", &order);
    assert!(recorder.forbidden_values() > 15);
    let order: LabRequisition = serde_json::from_value(order).unwrap();
    assert_no_leaks(
        &recorder,
        vec![
            format!("{json:?}"),
            format!("{order:?} {order:#?}"),
            format!("{:?}", order.patient),
            format!("{:?}", order.service_requests),
            format!("{:?}", order.appointments),
            format!(
                "{:?}",
                order.appointments.as_ref().unwrap()[0].collection_address
            ),
            format!("{:?}", order.service_requests[0].based_on),
        ],
    );
    assert!(format!("{order:?}").contains("Patient(REDACTED)"));
}

#[tokio::test]
async fn no_error_shows_a_token_a_secret_or_a_patient() {
    let lab = Lab::new().await;
    let id = lab.order();
    let recorder = Recorder::default();
    let json = lab.client.get_requisition_json(&id).await.unwrap();
    forbid(&recorder, "", &json.decode::<Value>().unwrap());
    recorder.forbid("token", lab.table.token().unwrap());
    recorder.forbid("secret", SimulatorConfig::default().client_secret);
    recorder.forbid("id", id.as_str());

    let mut texts = vec![format!("{:?}", lab.client)];
    let mut spoilt = json.decode::<Value>().unwrap();
    spoilt["service_requests"] = "seeded-instead-of-a-list".into();
    recorder.forbid("body", "seeded-instead-of-a-list");
    let order = json.as_str();
    let faults = [
        Fault::status(REQUISITION, 200).body(spoilt),
        Fault::status(REQUISITION, 200).body(&order[..order.len() / 2]),
        Fault::status(REQUISITION, 400).body(order),
        Fault::status(REQUISITION, 401).body(order).times(2),
        Fault::status(REQUISITION, 403).body(order),
        Fault::status(REQUISITION, 404).body(order),
        Fault::status(REQUISITION, 302).header("Location", lab.whoop.url()),
        Fault::status(REQUISITION, 503).body(order).times(4),
        Fault {
            disconnect: true,
            ..Fault::status(REQUISITION, 200).times(4)
        },
        Fault::status(REQUISITION, 429).header("X-RateLimit-Reset", 900),
    ];
    for fault in faults {
        lab.whoop.fault(fault);
        let error = lab.client.get_requisition(&id).await.unwrap_err();
        texts.push(format!("{error} {error:?} {error:#?}"));
    }
    // this token endpoint repeats what it was sent
    let secret = SimulatorConfig::default().client_secret;
    lab.table.remove();
    lab.whoop
        .fault(Fault::status(TOKEN, 401).body(secret.clone()));
    lab.whoop.fault(Fault::status(TOKEN, 200).body(secret));
    for _ in 0..2 {
        let error = lab.another_client().get_requisition(&id).await.unwrap_err();
        texts.push(format!("{error} {error:?}"));
    }
    assert_eq!(texts.len(), 13);
    assert_no_leaks(&recorder, texts);
}

#[tokio::test]
async fn debug_of_what_is_sent_and_downloaded_shows_nothing_either() {
    let recorder = Recorder::default();
    recorder.forbid("result", "seeded-result");
    recorder.forbid("reason", "seeded-reason");
    recorder.forbid("url", "https://whoop.example/seeded");
    recorder.forbid("id", "seeded-document-id");
    let update = StatusUpdate::new(TaskBusinessStatus::OrderIssue).with_reason("seeded-reason");
    let document: PartnerDocument = serde_json::from_value(serde_json::json!({
        "id": "seeded-document-id", "document_type": "LAB_FORM", "url": "https://whoop.example/seeded",
    }))
    .unwrap();
    let report = crate::requests::report();
    assert_no_leaks(
        &recorder,
        vec![
            format!("{update:?} {document:?} {report:?}"),
            format!("{:?}", report.observations),
        ],
    );
}
