//! The bus as a consumer of its events sees it: through a rule that sends them to a queue.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Stack, StackError};

/// A queue that gets every event of ours on the bus.
pub struct Subscription {
    queue_url: String,
}

/// An event as the bus delivers it. It has no `Debug`, because it holds an order.
pub struct PublishedEvent {
    /// `detail-type`.
    pub detail_type: String,
    /// `detail`.
    pub detail: Value,
    /// The size of the whole event in bytes, not only of its detail.
    pub bytes: usize,
}

impl PublishedEvent {
    /// The resource that the event is about.
    #[must_use]
    pub fn resource_id(&self) -> &str {
        self.detail["resource_id"].as_str().unwrap_or_default()
    }
}

impl Stack {
    /// Makes a queue, and a rule that sends everything with the source `whoop.partner` to it. If an earlier call made
    /// them, the queue is emptied.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses one of them.
    pub async fn subscribe(&self) -> Result<Subscription, StackError> {
        let name = format!("{}-events", self.name);
        let queue_url = self.empty_queue(&name).await?;
        let arn = self.queue_arn(&queue_url).await?;
        let bus = self.output("EventBusName");
        let pattern = json!({"source": ["whoop.partner"]}).to_string();
        let rule = json!({"EventBusName": bus, "Name": name, "EventPattern": pattern});
        let targets = json!([{"Id": "queue", "Arn": arn}]);
        let targets = json!({"EventBusName": bus, "Rule": name, "Targets": targets});
        for (target, body) in [
            ("AWSEvents.PutRule", rule),
            ("AWSEvents.PutTargets", targets),
        ] {
            let answer = self.api.json("events", target, body).await;
            answer.map_err(StackError::aws(target))?;
        }
        Ok(Subscription { queue_url })
    }

    /// Takes the targets from every rule of the bus, and removes the rules too if `remove` says so.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn empty_rules(&self, remove: bool) -> Result<(), StackError> {
        let bus = self.output("EventBusName");
        let call = async |target: &'static str, body: Value| {
            let answer = self.api.json("events", target, body).await;
            answer.map_err(StackError::aws(target))
        };
        let rules = call("AWSEvents.ListRules", json!({"EventBusName": bus})).await?;
        for rule in rules["Rules"].as_array().into_iter().flatten() {
            let name = &rule["Name"];
            let of_rule = json!({"EventBusName": bus, "Rule": name});
            let targets = call("AWSEvents.ListTargetsByRule", of_rule).await?;
            let targets = targets["Targets"].as_array().into_iter().flatten();
            let ids: Vec<_> = targets.map(|target| target["Id"].clone()).collect();
            if !ids.is_empty() {
                let of_rule = json!({"EventBusName": bus, "Rule": name, "Ids": ids});
                call("AWSEvents.RemoveTargets", of_rule).await?;
            }
            if remove {
                let rule = json!({"EventBusName": bus, "Name": name});
                call("AWSEvents.DeleteRule", rule).await?;
            }
        }
        Ok(())
    }

    /// Takes up to ten events that have arrived. If there is none, waits up to a second for one.
    ///
    /// # Errors
    ///
    /// If the queue can't be read, or holds something that is no event.
    pub async fn next_events(
        &self,
        subscription: &Subscription,
    ) -> Result<Vec<PublishedEvent>, StackError> {
        let wait = Duration::from_secs(1);
        let messages = self.receive_batch(&subscription.queue_url, wait).await?;
        let bodies = messages.iter().map(|message| message.body());
        bodies.map(|body| event(body.unwrap_or_default())).collect()
    }

    /// Takes every event that has arrived.
    ///
    /// # Errors
    ///
    /// As for [`Self::next_events`].
    pub async fn arrived_events(
        &self,
        subscription: &Subscription,
    ) -> Result<Vec<PublishedEvent>, StackError> {
        let mut events = Vec::new();
        while self.queue_depth(&subscription.queue_url).await? > 0 {
            events.extend(self.next_events(subscription).await?);
        }
        Ok(events)
    }

    /// Collects events until one is about `resource_id`. Returns `None` if no such event arrives within `limit`.
    ///
    /// # Errors
    ///
    /// As for [`Self::next_events`].
    pub async fn events_until(
        &self,
        subscription: &Subscription,
        resource_id: &str,
        limit: Duration,
    ) -> Result<Option<Vec<PublishedEvent>>, StackError> {
        let started = Instant::now();
        let mut events = Vec::new();
        while started.elapsed() < limit {
            events.extend(self.next_events(subscription).await?);
            if events
                .iter()
                .any(|event| event.resource_id() == resource_id)
            {
                return Ok(Some(events));
            }
        }
        Ok(None)
    }
}

fn event(body: &str) -> Result<PublishedEvent, StackError> {
    let mut event: Value = serde_json::from_str(body)
        .map_err(|_| StackError::Unexpected("what the rule sent is no JSON".into()))?;
    Ok(PublishedEvent {
        detail_type: event["detail-type"].as_str().unwrap_or_default().into(),
        detail: event["detail"].take(),
        bytes: body.len(),
    })
}
