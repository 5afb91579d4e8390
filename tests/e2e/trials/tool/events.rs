//! `whoop-partner events`.

mod replay;
mod tail;

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::stack::Stack;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Tool;
use crate::harness::{Harness, Outcome, trials};

/// The trials of these commands.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let without_bus = trials![harness.beside_on_webhook_stack;
        a_stack_without_a_bus_is_named,
    ];
    let areas = [tail::trials(harness), replay::trials(harness), without_bus];
    areas.into_iter().flatten().collect()
}

async fn a_stack_without_a_bus_is_named(world: &World) -> Outcome {
    let replay = ["events", "replay", "--from", "2h", "--to", "1h"];
    for arguments in [&["events", "tail"][..], &replay] {
        let said = Tool::on(world).run(arguments).await?;
        assert_eq!(said.status, 1, "{said:?}");
        let message = "has no bus, because it was deployed without the event processor";
        assert!(said.stderr.contains(message), "{said:?}");
        assert!(
            said.stderr.contains("DeployEventProcessor=true"),
            "{said:?}"
        );
    }
    Ok(())
}

/// Calls an operation of EventBridge.
async fn call(stack: &Stack, operation: &str, body: Value) -> Result<Value, Failed> {
    let target = format!("AWSEvents.{operation}");
    Ok(stack.api.json("events", &target, body).await?)
}

/// Publishes an event on the stack's bus as the event processor does, and returns the id of its resource.
async fn publish(stack: &Stack, event_type: &str) -> Result<String, Failed> {
    let id = Uuid::new_v4().to_string();
    stack.recorder.forbid("resource id", &id);
    let detail = json!({
        "schema_version": 1,
        "event_type": event_type,
        "resource_id": id,
        "received_at": "2026-11-18T11:06:40.123Z",
        "resource": {"id": id, "patient": {"first_name": "Layla"}},
    });
    let entry = json!({
        "EventBusName": stack.output("EventBusName"),
        "Source": "whoop.partner",
        "DetailType": event_type,
        "Detail": detail.to_string(),
    });
    let answer = call(stack, "PutEvents", json!({"Entries": [entry]})).await?;
    assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    Ok(id)
}
