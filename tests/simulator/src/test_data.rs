//! Invented orders of invented people.

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use uuid::Uuid;

use super::config::{Form, PartnerForm, SchemaForm};
use super::requests::AppointmentType;

/// The ordered tests, in LOINC codes.
const TESTS: [(&str, &str); 2] = [
    ("2093-3", "Total cholesterol in serum"),
    ("4548-4", "Haemoglobin A1c in blood"),
];

/// A requisition with two service requests and an appointment, as `add-test-data` creates it.
pub(super) fn requisition(appointment: AppointmentType, form: Form) -> Value {
    let now = Timestamp::now();
    let id = Uuid::new_v4();
    let service_requests = TESTS.map(|(code, description)| {
        json!({
            "id": Uuid::new_v4(),
            "status": "active",
            "code": code,
            "task_business_status": null,
            "task_description": description,
        })
    });
    let mut requisition = json!({
        "id": id,
        "created_at": now,
        "updated_at": now,
        "patient": patient(form.partner),
        "service_requests": service_requests,
    });
    if form.schema == SchemaForm::OpenApi {
        let ids = service_requests.each_ref().map(|one| &one["id"]);
        for index in 0..ids.len() {
            let service_request = &mut requisition["service_requests"][index];
            service_request["intent"] = json!("order");
            service_request["based_on"] = json!([{"type": "LabRequisition", "id": id}]);
        }
        let mut booked = json!({
            "type": appointment,
            "service_request_ids": ids,
            "start_time": now + 72.hours(),
        });
        if form.partner == PartnerForm::Unilabs {
            add_place(&mut booked, appointment);
        }
        requisition["appointments"] = json!([booked]);
    }
    requisition
}

fn patient(form: PartnerForm) -> Value {
    let id = Uuid::new_v4();
    match form {
        PartnerForm::Basic => json!({ "id": id }),
        PartnerForm::Unilabs => json!({
            "id": id,
            "first_name": "Ada",
            "last_name": "Example",
            "birth_date": "1990-12-10",
            "gender": "female",
            "email": "ada@example.com",
            "phone": "+971500000000",
            "nationality": "AE",
            "emirates_id": "784-0000-0000000-0",
            "passport_no": "X0000000",
        }),
    }
}

fn add_place(booked: &mut Value, appointment: AppointmentType) {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_published_forms_and_both_partner_forms_are_made() {
        let openapi = requisition(AppointmentType::Mobile, Form::default());
        assert_eq!(openapi["patient"]["last_name"], "Example");
        let booked = &openapi["appointments"][0];
        assert_eq!(booked["type"], "MOBILE");
        assert_eq!(booked["collection_address"]["emirate"], "Dubai");
        let service_request = &openapi["service_requests"][1];
        assert_eq!(service_request["intent"], "order");
        assert_eq!(service_request["based_on"][0]["id"], openapi["id"]);
        assert_eq!(
            booked["service_request_ids"][1],
            openapi["service_requests"][1]["id"]
        );

        let documentation = Form {
            schema: SchemaForm::Documentation,
            partner: PartnerForm::Basic,
        };
        let documentation = requisition(AppointmentType::Mobile, documentation);
        assert!(documentation.get("appointments").is_none());
        let service_request = &documentation["service_requests"][0];
        assert!(service_request.get("intent").is_none());
        assert!(service_request.get("based_on").is_none());
        let patient = documentation["patient"].as_object().expect("an object");
        assert_eq!(patient.keys().collect::<Vec<_>>(), ["id"]);

        let basic = Form {
            partner: PartnerForm::Basic,
            ..Form::default()
        };
        let basic = requisition(AppointmentType::Mobile, basic);
        assert!(basic["appointments"][0].get("collection_address").is_none());
    }
}
