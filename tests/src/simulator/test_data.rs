//! Invented orders of invented people.

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use uuid::Uuid;

use super::requests::AppointmentType;

/// What is ordered, in LOINC codes.
const TESTS: [(&str, &str); 2] = [
    ("2093-3", "Total cholesterol in serum"),
    ("4548-4", "Haemoglobin A1c in blood"),
];

/// A requisition with two service requests and an appointment, as `add-test-data` creates it.
pub(super) fn requisition(appointment: AppointmentType) -> Value {
    let now = Timestamp::now();
    let id = Uuid::new_v4();
    let service_requests = TESTS.map(|(code, description)| {
        json!({
            "id": Uuid::new_v4(),
            "status": "active",
            "intent": "order",
            "code": code,
            "task_business_status": null,
            "task_description": description,
            "based_on": [{"type": "LabRequisition", "id": id}],
        })
    });
    let booked = json!({
        "type": appointment,
        "service_request_ids": service_requests.each_ref().map(|one| one["id"].clone()),
        "start_time": now + 72.hours(),
    });
    json!({
        "id": id,
        "created_at": now,
        "updated_at": now,
        "patient": patient(appointment),
        "service_requests": service_requests,
        "appointments": [with_partner_fields(booked, appointment)],
    })
}

/// Basic for a video appointment, else as Unilabs gets it: both published forms are served.
fn patient(appointment: AppointmentType) -> Value {
    if appointment == AppointmentType::Virtual {
        return json!({"id": Uuid::new_v4()});
    }
    json!({
        "id": Uuid::new_v4(),
        "first_name": "Ada",
        "last_name": "Example",
        "birth_date": "1990-12-10",
        "gender": "female",
        "email": "ada@example.com",
        "phone": "+971500000000",
        "nationality": "AE",
        "emirates_id": "784-0000-0000000-0",
        "passport_no": "X0000000",
    })
}

fn with_partner_fields(mut booked: Value, appointment: AppointmentType) -> Value {
    if appointment != AppointmentType::Virtual {
        booked["slot_id"] = json!(format!("slot-{}", fastrand::u32(..)));
    }
    if appointment == AppointmentType::Mobile {
        booked["collection_address"] = json!({
            "building": "Example Tower",
            "area": "Example Area",
            "emirate": "Dubai",
            "landmark": "opposite the park",
            "flat_no": "1204",
        });
    }
    booked
}
