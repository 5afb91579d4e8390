//! Makes the stack healthy, and has the doctor examine it.

use futures_util::future::try_join_all;
use libtest_mimic::Failed;
use local_aws::stack::AccessKey;
use local_aws::world::World;
use serde_json::{Value, json};

use super::super::{Said, Tool};
use crate::harness::{Outcome, soon};

/// The log groups of the functions.
const LOGS: [&str; 4] = [
    "WebhookLogs",
    "EventProcessorLogs",
    "TokenRefreshLogs",
    "HeartbeatLogs",
];

/// The functions, by the outputs with their names.
const FUNCTIONS: [&str; 4] = [
    "WebhookFunctionName",
    "EventProcessorFunctionName",
    "TokenRefreshFunctionName",
    "HeartbeatFunctionName",
];

/// What the doctor says.
#[derive(Debug)]
pub struct Examined {
    /// Its exit status.
    pub status: i32,
    pub checks: Vec<Value>,
}

/// Repairs everything that a trial may have broken, and forgets what the logs say about it.
pub async fn make_well(world: &World) -> Outcome {
    let stack = &world.stack;
    for queue in ["WebhookQueueUrl", "WebhookDeadLetterQueueUrl"] {
        stack.purge(stack.output(queue)).await?;
    }
    stack.put_signing_secret(&world.signing_secret).await?;
    stack
        .put_partner_credentials(&world.client_id, &world.client_secret)
        .await?;
    try_join_all(FUNCTIONS.map(|function| stack.restart(stack.output(function)))).await?;
    stack.enable_event_processor(true).await?;
    stack.subscribe().await?;
    stack.subscribe_to_alarms().await?;
    stack.delete_token_item().await?;
    let refresh = stack.output("TokenRefreshFunctionName");
    let refreshed = stack.invoke(refresh, &json!({})).await?;
    assert_eq!(refreshed.payload["outcome"], "refreshed", "{refreshed:?}");
    let resources = stack.cloudformation().resources(&stack.name).await?;
    for resource in resources {
        if LOGS.contains(&resource.logical_id.as_str()) {
            stack.forget_log(&resource.physical_id).await?;
        }
    }
    await_heartbeat(world).await
}

/// Sends a heartbeat, so that the last batch of the event processor succeeds.
pub async fn await_heartbeat(world: &World) -> Outcome {
    let stack = &world.stack;
    let arrived = || {
        let lines = stack.logs(stack.output("EventProcessorFunctionName"))?;
        let lines = lines
            .iter()
            .filter(|line| line.contains("heartbeat arrived"));
        Ok::<_, Failed>(lines.count())
    };
    let before = arrived()?;
    let sent = stack
        .invoke(stack.output("HeartbeatFunctionName"), &json!({}))
        .await?;
    assert_eq!(sent.payload["outcome"], "accepted", "{sent:?}");
    soon("a heartbeat arrives", async || Ok(arrived()? > before)).await?;
    let queue = stack.output("WebhookQueueUrl");
    soon("the queue is empty", async || {
        Ok(stack.queue_depth(queue).await? == 0)
    })
    .await
}

impl Examined {
    /// Runs the doctor as the root user.
    pub async fn on(world: &World) -> Result<Self, Failed> {
        Self::read(Tool::on(world).run(&["doctor", "--json"]).await?)
    }

    /// Runs the doctor as another user.
    pub async fn by(world: &World, user: &AccessKey) -> Result<Self, Failed> {
        Self::read(run_as(world, user, &["doctor", "--json"]).await?)
    }

    /// Runs the doctor, which must find nothing bad. A check in `busy` may depend on the moment.
    pub async fn well_except(world: &World, busy: &[&str]) -> Result<Self, Failed> {
        let mut examined = Self::on(world).await?;
        assert_eq!(examined.with_mark("bad"), [""; 0], "{examined:?}");
        examined
            .checks
            .retain(|check| !busy.iter().any(|id| check["id"] == *id));
        Ok(examined)
    }

    fn read(said: Said) -> Result<Self, Failed> {
        let checks = serde_json::from_str(&said.stdout);
        let checks = checks.map_err(|error| format!("{error}: {said:?}"))?;
        Ok(Self {
            status: said.status,
            checks,
        })
    }

    /// The ids of the checks with this mark.
    pub fn with_mark(&self, mark: &str) -> Vec<&str> {
        let checks = self.checks.iter();
        let checks = checks.filter(|check| check["mark"] == mark);
        checks.filter_map(|check| check["id"].as_str()).collect()
    }

    /// Asserts that a check is bad, that it says `found`, and that its remedy holds `remedy`.
    #[track_caller]
    pub fn assert_bad(&self, id: &str, found: &str, remedy: &str) {
        let check = self.checks.iter().find(|check| check["id"] == id);
        let check = check.unwrap_or(&Value::Null);
        assert_eq!(check["mark"], "bad", "{id}: {self:#?}");
        for (field, part) in [("found", found), ("remedy", remedy)] {
            let text = check[field].as_str().unwrap_or_default();
            assert!(text.contains(part), "{id} has no {part:?}: {check}");
        }
        assert_eq!(self.status, 1, "{self:#?}");
    }
}

/// Runs the tool as a user of the local AWS.
pub async fn run_as(world: &World, user: &AccessKey, arguments: &[&str]) -> Result<Said, Failed> {
    let mut command = Tool::on(world).command(arguments);
    command
        .env("AWS_ACCESS_KEY_ID", &user.id)
        .env("AWS_SECRET_ACCESS_KEY", &user.secret);
    Tool::on(world).finish(command, "").await
}
