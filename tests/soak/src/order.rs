//! An order as WHOOP serves it.

use jiff::{SignedDuration, Timestamp};
use local_aws::world::World;
use serde_json::json;
use uuid::Uuid;

/// An order that changes as time goes on. Each state is a second newer than the one before.
pub struct Order {
    /// Its id, which no other order has.
    pub id: String,
    service_request: Uuid,
    created_at: Timestamp,
}

impl Order {
    /// An order that WHOOP does not serve yet.
    pub fn new(world: &World) -> Self {
        let order = Self {
            id: Uuid::new_v4().to_string(),
            service_request: Uuid::new_v4(),
            // WHOOP dates a confirmation by its clock, after all states that we give it
            created_at: Timestamp::now() - SignedDuration::from_hours(1),
        };
        world.stack.recorder.forbid("resource id", &order.id);
        order
    }

    /// Makes WHOOP serve this state of it.
    pub fn serve(&self, world: &World, state: u8) {
        world.simulator.put_requisition(json!({
            "id": self.id,
            "created_at": self.created_at,
            "updated_at": self.updated_at(state),
            "patient": {"id": Uuid::new_v4()},
            "service_requests": [{
                "id": self.service_request,
                "status": "active",
                "intent": "order",
                "code": "2093-3",
                "task_business_status": null,
            }],
            "appointments": [],
        }));
    }

    /// When a state began.
    pub fn updated_at(&self, state: u8) -> Timestamp {
        self.created_at + SignedDuration::from_secs(state.into())
    }

    /// The webhook about it.
    pub fn webhook(&self) -> String {
        json!({"event_type": "lab_requisition.created", "resource_id": self.id}).to_string()
    }
}
