//! Both published forms of each resource can be decoded, with optional fields null or absent, and encoded again without
//! loss.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use whoop_partner::partner::{
    Appointment, AppointmentType, CollectionAddress, LabRequisition, PartnerDocument, Patient,
    ResourceReference, ServiceRequest, ServiceRequestStatus, TaskBusinessStatus,
};

use crate::openapi::{check_resource, fields};

const ID: &str = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";
const TIME: &str = "2026-11-23T09:30:00.000Z";

#[track_caller]
fn assert_kept<T: DeserializeOwned + Serialize + Debug>(resource: &Value) -> T {
    let decoded: T = serde_json::from_value(resource.clone())
        .unwrap_or_else(|error| panic!("{error}: {resource}"));
    assert_eq!(&serde_json::to_value(&decoded).unwrap(), resource);
    let text = resource.to_string();
    let decoded: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(&serde_json::to_value(&decoded).unwrap(), resource);
    decoded
}

fn reference() -> Value {
    json!({"type": "LabRequisition", "id": ID})
}

fn service_request() -> Value {
    json!({
        "id": ID, "status": "active", "intent": "order", "code": "2093-3",
        "task_business_status": "ORDER_CONFIRMED", "task_description": "Total cholesterol",
        "based_on": [reference()],
    })
}

fn address() -> Value {
    json!({
        "building": "Example Tower", "area": "Example Area", "emirate": "Dubai",
        "landmark": "opposite the park", "flat_no": "1204",
    })
}

fn appointment() -> Value {
    json!({
        "type": "MOBILE", "service_request_ids": [ID], "start_time": TIME, "slot_id": "slot-7",
        "collection_address": address(),
    })
}

fn patient() -> Value {
    json!({
        "id": ID, "first_name": "Ada", "last_name": "Example", "birth_date": "1990-12-10", "gender": "female",
        "email": "ada@example.com", "phone": "+971500000000", "nationality": "AE",
        "emirates_id": "784-0000-0000000-0", "passport_no": "X0000000",
    })
}

/// As in the OpenAPI document, with every field.
fn requisition() -> Value {
    json!({
        "id": ID, "created_at": TIME, "updated_at": TIME, "patient": patient(),
        "service_requests": [service_request()], "appointments": [appointment()],
    })
}

/// As in the documentation's examples: there are no appointments, and the service request has neither `intent` nor
/// `based_on`.
fn documented_requisition() -> Value {
    json!({
        "id": ID, "created_at": TIME, "updated_at": TIME, "patient": {"id": ID},
        "service_requests": [{
            "id": ID, "status": "active", "code": "2093-3",
            "task_business_status": null, "task_description": "Total cholesterol",
        }],
    })
}

fn document() -> Value {
    json!({
        "id": ID, "document_type": "LAB_FORM", "url": "https://whoop.example/d", "created_at": TIME,
        "updated_at": TIME, "bundle_id": ID,
    })
}

#[test]
fn both_published_forms_of_a_requisition_decode_and_are_given_back() {
    let full = requisition();
    assert_eq!(check_resource("LabRequisition", &full), Ok(()));
    let decoded: LabRequisition = assert_kept(&full);
    assert_eq!(decoded.patient.first_name.as_deref(), Some("Ada"));
    assert_eq!(decoded.appointments.as_deref().unwrap().len(), 1);
    assert_eq!(
        *decoded.service_requests[0].task_business_status,
        Some(TaskBusinessStatus::OrderConfirmed)
    );

    let documented = documented_requisition();
    // shows that the forms differ
    assert!(check_resource("LabRequisition", &documented).is_err());
    let decoded: LabRequisition = assert_kept(&documented);
    assert!(decoded.appointments.is_none());
    let service_request = &decoded.service_requests[0];
    assert!(service_request.task_business_status.is_none());
    assert!(service_request.intent.is_none());
    assert!(service_request.based_on.is_none());
}

/// Fields that one form requires and the other one lacks.
const ABSENT_FROM_EXAMPLES: [(&str, &str); 5] = [
    ("LabRequisition", "appointments"),
    ("ServiceRequest", "intent"),
    ("ServiceRequest", "based_on"),
    ("PartnerDocument", "created_at"),
    ("PartnerDocument", "updated_at"),
];

/// Leaves out each field in turn, then sets each to null. If the field is optional, decoding and encoding must return
/// what was given.
#[track_caller]
fn assert_optional_fields<T: DeserializeOwned + Serialize + Debug>(schema: &str, full: &Value) {
    assert_eq!(check_resource(schema, full), Ok(()));
    assert_kept::<T>(full);
    for (field, required) in fields(schema) {
        let mut absent = full.clone();
        let value = absent.as_object_mut().unwrap().remove(&field);
        assert!(value.is_some(), "the example lacks {field}");
        let mut null = full.clone();
        null[&field] = Value::Null;
        // a `UnilabsPatient` requires more, but other partners' patients have only the id
        let only_unilabs = schema == "UnilabsPatient" && field != "id";
        if !required || only_unilabs || ABSENT_FROM_EXAMPLES.contains(&(schema, &field)) {
            assert_kept::<T>(&absent);
            assert_kept::<T>(&null);
        } else {
            assert!(serde_json::from_value::<T>(absent).is_err(), "{field}");
            assert!(serde_json::from_value::<T>(null).is_err(), "{field}");
        }
    }
    let mut more = full.clone();
    more["new_field"] = json!({"nested": [1, 2.5, null, "text", 0.1, 12345678901234567890_u64]});
    assert_kept::<T>(&more);
}

#[test]
fn every_optional_field_may_be_null_or_absent_and_new_ones_are_kept() {
    assert_optional_fields::<LabRequisition>("LabRequisition", &requisition());
    assert_optional_fields::<ServiceRequest>("ServiceRequest", &service_request());
    assert_optional_fields::<ResourceReference>("ServiceRequestReference", &reference());
    assert_optional_fields::<Patient>("UnilabsPatient", &patient());
    assert_optional_fields::<Patient>("Patient", &json!({ "id": ID }));
    assert_optional_fields::<Appointment>("UnilabsAppointment", &appointment());
    assert_optional_fields::<CollectionAddress>("UnilabsCollectionAddress", &address());
    assert_optional_fields::<PartnerDocument>("PartnerDocument", &document());
    let basic = json!({"type": "VIRTUAL", "service_request_ids": [], "start_time": TIME});
    assert_optional_fields::<Appointment>("BasicAppointment", &basic);
}

#[test]
fn unknown_values_of_enumerations_are_kept() {
    let mut odd = service_request();
    odd["status"] = json!("on-hold");
    odd["intent"] = json!("reflex-order");
    odd["task_business_status"] = json!("Specimen collected");
    let decoded: ServiceRequest = assert_kept(&odd);
    assert_eq!(
        decoded.status,
        ServiceRequestStatus::Other("on-hold".into())
    );
    let mut odd = appointment();
    odd["type"] = json!("UNDER_WATER");
    let decoded: Appointment = assert_kept(&odd);
    assert_eq!(
        decoded.appointment_type,
        AppointmentType::Other("UNDER_WATER".into())
    );
}

#[test]
fn times_are_given_back_as_they_were_written() {
    for time in [
        "2026-11-23T09:30:00Z",
        "2026-11-23T09:30:00.120+04:00",
        "soon",
    ] {
        let mut odd = requisition();
        odd["updated_at"] = json!(time);
        assert_kept::<LabRequisition>(&odd);
    }
}
