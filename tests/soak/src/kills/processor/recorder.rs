//! Every event that reached the bus, in its order, as a proxy in front of it saw it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Result;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::Value;

/// The resource and the state of each event.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Vec<(String, Timestamp)>>>);

impl Recorder {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Keeps what this call of `PutEvents` has published.
    pub(super) fn keep(&self, call: &Value) {
        let mut published = self.0.lock().expect("nobody panics with it");
        for entry in call["Entries"].as_array().into_iter().flatten() {
            let detail = entry["Detail"].as_str().unwrap_or_default();
            let detail: Value = serde_json::from_str(detail).unwrap_or_default();
            let state = detail["resource"]["updated_at"]
                .as_str()
                .unwrap_or_default();
            if let (Some(id), Ok(state)) = (detail["resource_id"].as_str(), state.parse()) {
                published.push((id.to_owned(), state));
            }
        }
    }

    /// Keeps everything that goes through this proxy.
    pub(super) fn watch(&self, proxy: &AwsProxy) {
        let recorder = self.clone();
        proxy.set(
            "PutEvents",
            Behaviour::watch(move |call| recorder.keep(&call)),
        );
    }

    /// How many states of these resources came after a newer one.
    pub(super) fn older_after_newer<'a>(&self, ids: impl Iterator<Item = &'a str>) -> usize {
        let ids: Vec<&str> = ids.collect();
        let published = self.0.lock().expect("nobody panics with it");
        let mut newest: HashMap<&str, Timestamp> = HashMap::new();
        let mut older = 0;
        for (id, state) in published.iter().filter(|(id, _)| ids.contains(&&**id)) {
            let newest = newest.entry(id).or_insert(*state);
            older += usize::from(state < newest);
            *newest = (*newest).max(*state);
        }
        older
    }
}

/// Every item of the table of published states.
pub(super) async fn table(world: &World) -> Result<Vec<HashMap<String, AttributeValue>>> {
    let table = world.stack.output("PublishedTableName");
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let scan = world.stack.dynamodb.scan().table_name(table);
        let page = scan.set_exclusive_start_key(from).send().await?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn published(states: &[(&str, &str)]) -> Recorder {
        let recorder = Recorder::new();
        for (id, state) in states {
            let detail = json!({"resource_id": id, "resource": {"updated_at": state}});
            recorder.keep(&json!({"Entries": [{"Detail": detail.to_string()}]}));
        }
        recorder
    }

    #[test]
    fn an_older_state_after_a_newer_one_is_counted() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z");
        let recorder = published(&[("a", old), ("a", new), ("b", new), ("a", old), ("a", new)]);
        assert_eq!(recorder.older_after_newer(["a", "b"].into_iter()), 1);
        assert_eq!(recorder.older_after_newer(["b"].into_iter()), 0);
    }
}
