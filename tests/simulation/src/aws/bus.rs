//! EventBridge: what is on the bus, in which order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::Answer;
use crate::chance::chance;
use crate::plan::Kind;
use crate::process::Process;
use crate::world::World;

/// What consumers have seen.
#[derive(Default)]
pub(crate) struct Bus {
    /// By requisition: the newest version, and who published it.
    newest: Mutex<BTreeMap<usize, Newest>>,
}

/// The newest version of a requisition on the bus.
#[derive(Debug, Clone)]
struct Newest {
    version: usize,
    /// How far the clock of the process was ahead that published it.
    skew_ms: i64,
    publisher: String,
    stood_still: bool,
}

impl Bus {
    /// Returns the newest published version of a requisition.
    pub(crate) fn newest_version(&self, requisition: usize) -> Option<usize> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.get(&requisition).map(|newest| newest.version)
    }
}

/// `PutEvents`
pub(crate) fn put_events(world: &Arc<World>, process: &Process, request: &Value) -> Answer {
    let entries = request["Entries"]
        .as_array()
        .expect("our code sends entries");
    let entry = &entries[0];
    let detail = entry["Detail"].as_str().expect("our code sends a detail");
    let detail: Value = serde_json::from_str(detail).expect("our code sends JSON");
    let failed = |code: &str| {
        let entries = json!([{"ErrorCode": code, "ErrorMessage": "-"}]);
        (200, json!({"FailedEntryCount": 1, "Entries": entries}))
    };
    if !world.is_calm() && chance(world.plan.fault_rate / 4.0) {
        return failed("InternalFailure");
    }
    let id = detail["resource_id"].as_str().unwrap_or_default();
    let requisition = world.whoop.requisition(id);
    if let Some((_, Kind::RefusedByBus)) = requisition {
        return failed("MalformedDetail");
    }
    match (requisition, &detail["resource"]) {
        (Some((requisition, _)), Value::Object(resource)) => {
            let version = resource["version"].as_u64().unwrap_or_default() as usize;
            publish(world, process, requisition, version);
        }
        _ => {
            crate::note!(world, &process.name, "publishes {id} without a resource");
            world.ledger.published_plain(id);
        }
    }
    (
        200,
        json!({"FailedEntryCount": 0, "Entries": [{"EventId": "-"}]}),
    )
}

fn publish(world: &World, process: &Process, requisition: usize, version: usize) {
    crate::note!(
        world,
        &process.name,
        "publishes requisition {requisition}, version {version}"
    );
    let lease = world.published_table.lease(world, process, requisition);
    let mut newest = world
        .bus
        .newest
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(newest) = newest.get(&requisition)
        && version < newest.version
    {
        let (published, publisher) = (newest.version, newest.publisher.clone());
        let skew = newest.skew_ms - process.skew_ms;
        let may_overlap = lease.stood_still || newest.stood_still || lease.is_over_for(skew);
        if may_overlap {
            crate::note!(
                world,
                "excuse",
                "{} publishes an older version: {lease:?}, {skew} ms",
                process.name
            );
        } else {
            world.violation(format!(
                "{} publishes version {version} of requisition {requisition} after version {published} of {publisher}",
                process.name
            ));
        }
        return;
    }
    newest.insert(
        requisition,
        Newest {
            version,
            skew_ms: process.skew_ms,
            publisher: process.name.clone(),
            stood_still: lease.stood_still,
        },
    );
}
