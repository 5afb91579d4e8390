//! An order as a trial places it at WHOOP, and the checks of it on the bus.

use jiff::Timestamp;
use local_aws::stack::{PublishedEvent, Stack};
use serde_json::{Value, json};
use uuid::Uuid;

use super::processor::Processor;

/// The type of the events about new orders.
pub const ORDERED: &str = "lab_requisition.created";

/// An order as WHOOP serves it.
pub struct Order {
    pub id: String,
    pub requisition: Value,
}

impl Order {
    /// The webhook about it.
    pub fn webhook(&self) -> String {
        json!({"event_type": ORDERED, "resource_id": self.id}).to_string()
    }

    /// Checks that an event holds the whole order as it is now.
    #[track_caller]
    pub fn assert_whole(&self, event: &PublishedEvent) {
        assert_eq!(event.detail["event_type"], ORDERED);
        assert!(event.detail["resource_id"] == *self.id, "another order");
        assert!(
            event.detail["resource"] == self.requisition,
            "not the order as WHOOP serves it"
        );
        assert!(event.detail.get("resource_url").is_none());
    }
}

impl Processor<'_> {
    /// An order that WHOOP does not serve yet.
    pub fn draft(&self) -> Order {
        let id = Uuid::new_v4().to_string();
        let service_requests = ["2093-3", "4548-4"].map(|code| {
            json!({
                "id": self.own(Uuid::new_v4()),
                "status": "active",
                "intent": "order",
                "code": code,
                "task_business_status": null,
                "task_description": "Total cholesterol in serum",
                "based_on": [{"type": "LabRequisition", "id": self.own(&id)}],
            })
        });
        let mut patient = self.patient.clone();
        patient["id"] = json!(self.own(Uuid::new_v4()));
        let now = Timestamp::now();
        let requisition = json!({
            "id": id,
            "created_at": now,
            "updated_at": now,
            "patient": patient,
            "service_requests": service_requests,
            "appointments": [],
            "added_by_whoop_later": {"kept": [1.0, null, "é"]},
        });
        Order { id, requisition }
    }

    /// An order that WHOOP serves.
    pub fn place(&self) -> Order {
        let order = self.draft();
        self.serve(&order);
        order
    }

    /// Makes WHOOP serve an order unchanged.
    pub fn serve(&self, order: &Order) {
        self.whoop.put_requisition(order.requisition.clone());
    }

    /// An id that must not show up in any log.
    fn own(&self, id: impl ToString) -> String {
        let id = id.to_string();
        self.stack.recorder.forbid("resource id", &id);
        id
    }
}

/// The patient of a trial, whose data must not show up in any log.
pub(super) fn patient(stack: &Stack) -> Value {
    let digits = || fastrand::u32(1_000_000..10_000_000);
    let patient = json!({
        "first_name": format!("Layla-{}", digits()),
        "last_name": format!("Example-{}", digits()),
        "birth_date": "1990-12-10",
        "gender": "female",
        "email": format!("layla.{}@patient.example", digits()),
        "phone": format!("+9715{}", digits()),
        "nationality": "AE",
        "emirates_id": format!("784-1990-{}-1", digits()),
        "passport_no": format!("P{}", digits()),
    });
    let fields = patient.as_object().into_iter().flatten();
    for (name, value) in fields {
        stack.recorder.forbid(
            &format!("patient's {name}"),
            value.as_str().unwrap_or_default(),
        );
    }
    patient
}
