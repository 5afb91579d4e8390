//! The commands that call WHOOP's Partner API.

mod document;
mod failures;
mod requisition;
mod results;
mod service_request;
mod test_data;

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::{Call, RateLimit, Simulator};

use super::{Said, Tool};
use crate::harness::Harness;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let areas = [
        requisition::trials(harness),
        service_request::trials(harness),
        results::trials(harness),
        document::trials(harness),
        test_data::trials(harness),
        failures::trials(harness),
    ];
    areas.into_iter().flatten().collect()
}

/// WHOOP with an order that no other trial uses, and the tool.
struct Lab<'w> {
    world: &'w World,
    whoop: &'w Simulator,
    tool: Tool<'w>,
    /// The requisition.
    id: String,
    /// Its service requests.
    service_requests: Vec<String>,
    /// The patient's data, and what may hold them. Nobody sees them without `--show-phi`.
    private: Vec<String>,
}

impl<'w> Lab<'w> {
    /// WHOOP serves an order of two tests without a status.
    fn new(world: &'w World) -> Self {
        Self::with(world, &[json!({}), json!({})])
    }

    /// WHOOP serves an order with one test for each of these changes.
    fn with(world: &'w World, service_requests: &[Value]) -> Self {
        let mut lab = Self {
            world,
            whoop: &world.simulator,
            tool: Tool::on(world),
            id: Uuid::new_v4().to_string(),
            service_requests: Vec::new(),
            private: Vec::new(),
        };
        // each trial begins with a full limit
        lab.whoop.set_rate_limits(RateLimit::of_member_api());
        lab.whoop.clear_faults();
        let service_requests: Vec<_> = service_requests
            .iter()
            .map(|change| lab.service_request(change))
            .collect();
        let requisition = json!({
            "id": lab.id,
            "created_at": "2026-11-23T09:30:00Z",
            "updated_at": "2026-11-23T09:31:00Z",
            "patient": {
                "id": lab.private("patient id"),
                "first_name": lab.private("Layla"),
                "email": lab.private("layla@patient.example"),
                "added_later": {"note": [lab.private("about Layla")]},
            },
            "service_requests": service_requests,
            "appointments": [{
                "type": "MOBILE",
                "service_request_ids": lab.service_requests,
                "start_time": "2031-07-19T06:45:00Z",
                "slot_id": lab.private("slot"),
                "collection_address": {
                    "building": lab.private("tower"), "area": lab.private("area"), "emirate": "Dubai",
                },
            }],
            "added_by_whoop_later": {"amount": 7.5, "for": lab.private("Layla later")},
        });
        lab.private.push("2031-07-19".into());
        lab.whoop.put_requisition(requisition);
        lab
    }

    fn service_request(&mut self, change: &Value) -> Value {
        let id = Uuid::new_v4().to_string();
        let mut service_request = json!({
            "id": id,
            "status": "active",
            "intent": "order",
            "code": "2093-3",
            "task_business_status": null,
            "task_description": self.private("call Layla before the test"),
            "based_on": [{"type": "LabRequisition", "id": self.private("based on")}],
            "note_of_whoop": self.private("a note about Layla"),
        });
        for (name, value) in change.as_object().into_iter().flatten() {
            service_request[name] = value.clone();
        }
        self.service_requests.push(id);
        service_request
    }

    /// A text that must not be shown, and that is found wherever it is.
    fn private(&mut self, text: &str) -> String {
        let text = format!("{text} {}", Uuid::new_v4());
        self.world.stack.recorder.forbid("patient's data", &text);
        self.private.push(text.clone());
        text
    }

    /// The first service request.
    fn first(&self) -> &str {
        &self.service_requests[0]
    }

    /// Runs a command that must succeed.
    async fn succeeds(&self, arguments: &[&str]) -> Result<Said, libtest_mimic::Failed> {
        let said = self.tool.run(arguments).await?;
        assert_eq!(said.status, 0, "{arguments:?}: {said:?}");
        Ok(said)
    }

    /// Runs a command that must fail with this status and say this on standard error.
    async fn fails(
        &self,
        arguments: &[&str],
        status: i32,
        words: &[&str],
    ) -> Result<Said, libtest_mimic::Failed> {
        let said = self.tool.run(arguments).await?;
        assert_eq!(said.status, status, "{arguments:?}: {said:?}");
        for words in words {
            assert!(said.stderr.contains(words), "{words:?} is not in {said:?}");
        }
        Ok(said)
    }

    /// Checks that nothing was said that may be a patient's data.
    #[track_caller]
    fn assert_private(&self, said: &Said) {
        for private in &self.private {
            assert!(!said.text().contains(private), "{private} is in {said:?}");
        }
    }

    /// The calls about the order's requisition and service requests that change something.
    fn writes(&self) -> Vec<Call> {
        let ids = std::iter::once(&self.id).chain(&self.service_requests);
        let ids: Vec<_> = ids.collect();
        let mut calls = self.whoop.calls();
        calls.retain(|call| {
            call.method != "GET" && ids.iter().any(|id| call.path.contains(id.as_str()))
        });
        calls
    }

    /// The task business status of a service request at WHOOP.
    fn status(&self, service_request: &str) -> Value {
        let found = self.whoop.service_request(service_request);
        found.expect("WHOOP serves it")["task_business_status"].clone()
    }
}

/// The path below which WHOOP serves a service request.
fn service_request_path(id: &str) -> String {
    format!("/v2/partner/service-request/{id}")
}
