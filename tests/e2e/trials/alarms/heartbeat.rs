//! A heartbeat on its way through the deployed stack, and what is missing if the way is broken.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::Select;
use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::{Invocation, Stack};
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_partner::heartbeat;

use super::line::{metric_names, says};
use super::recorded::Recorded;
use super::recording::Recording;
use super::repair::repaired;
use super::simulation::{HOUR, Routine};
use super::stage::{BEGIN, END, Stage};
use crate::harness::{Harness, Outcome, soon, trials};
use crate::orders::processor::Processor;

/// The functions that a heartbeat passes.
const ON_ITS_WAY: [&str; 2] = ["WebhookFunctionName", "EventProcessorFunctionName"];

/// How long a line is waited for that should not come. It would be there within a tenth of this time.
const NO_LINE: Duration = Duration::from_secs(1);

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>, recorded: &Recorded) -> Vec<Trial> {
    let mut trials = trials![harness.on_second_whole_stack;
        goes_the_whole_way_and_leaves_nothing_but_its_lines,
    ];
    trials.extend(trials![recorded.on_stack;
        a_broken_queue_ends_its_way_and_an_alarm_goes_off,
        another_key_ends_its_way_and_an_alarm_goes_off,
        a_resting_event_processor_ends_its_way_and_an_alarm_goes_off,
        an_old_heartbeat_that_is_replayed_does_not_keep_the_alarm_quiet,
    ]);
    trials
}

async fn goes_the_whole_way_and_leaves_nothing_but_its_lines(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let stack = &world.stack;
    let remembered = published_states(stack).await?;
    let watch = Watch::start(stack)?;

    let invocation = beat(stack).await?;

    assert_eq!(invocation.function_error, None, "{invocation:?}");
    assert_eq!(invocation.payload["outcome"], "accepted");
    assert!(invocation.payload["elapsed_ms"].is_u64(), "{invocation:?}");
    watch.until_the_processor_says("heartbeat arrived").await?;
    let lines = watch.lines()?;
    let metrics: Vec<_> = lines.iter().map(|line| metric_names(line)).collect();
    let counted: Vec<_> = metrics.iter().flatten().collect();
    assert_eq!(counted, ["HeartbeatAccepted", "HeartbeatSeconds"]);
    let arrived: Value = serde_json::from_str(&lines[1])?;
    let seconds = arrived["HeartbeatSeconds"].as_f64();
    assert!(seconds.is_some_and(|seconds| (0.0..60.0).contains(&seconds)));

    assert_eq!(processor.published().await?.len(), 0);
    processor.assert_nothing_set_aside().await?;
    assert_eq!(published_states(stack).await?, remembered);
    assert_eq!(processor.whoop.calls().len(), 0);
    Ok(())
}

async fn a_broken_queue_ends_its_way_and_an_alarm_goes_off(
    world: &World,
    recording: &Recording,
) -> Outcome {
    let stack = &world.stack;
    let break_it = async || {
        let webhook = stack.output("WebhookFunctionName");
        // its role does not let it write to this queue
        let other = stack.output("WebhookDeadLetterQueueUrl");
        let change = [("WEBHOOK_QUEUE_URL", Some(other))];
        stack.configure(webhook, &change).await?;
        let invocation = beat(stack).await?;
        assert_error(&invocation, "NotAccepted", "the webhook answered 503");
        Ok(())
    };
    no_heartbeat(world, recording, Some("UnavailableAlarm"), break_it).await
}

async fn another_key_ends_its_way_and_an_alarm_goes_off(
    world: &World,
    recording: &Recording,
) -> Outcome {
    let stack = &world.stack;
    let break_it = async || {
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let another = |answer: &mut Value| {
            answer["SecretString"] = json!({"signing_secret": "another key"}).to_string().into();
        };
        proxy.set("GetSecretValue", Behaviour::rewrite(another));
        let url = proxy.url();
        let change = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", Some(url.as_str()))];
        let function = stack.output("HeartbeatFunctionName");
        stack.configure(function, &change).await?;
        let invocation = beat(stack).await?;
        assert_error(&invocation, "NotAccepted", "the webhook answered 401");
        Ok(())
    };
    no_heartbeat(world, recording, Some("WrongKeyAlarm"), break_it).await
}

async fn a_resting_event_processor_ends_its_way_and_an_alarm_goes_off(
    world: &World,
    recording: &Recording,
) -> Outcome {
    let stack = &world.stack;
    let break_it = async || {
        stack.enable_event_processor(false).await?;
        let invocation = beat(stack).await?;
        assert_eq!(invocation.payload["outcome"], "accepted");
        let queue = stack.output("WebhookQueueUrl");
        assert_eq!(stack.queue_depth(queue).await?, 1);
        Ok(())
    };
    no_heartbeat(world, recording, None, break_it).await
}

async fn an_old_heartbeat_that_is_replayed_does_not_keep_the_alarm_quiet(
    world: &World,
    recording: &Recording,
) -> Outcome {
    let stack = &world.stack;
    let break_it = async || {
        let watch = Watch::start(stack)?;
        let old = heartbeat::body(SystemTime::now() - Duration::from_secs(3600));
        let answer = stack.deliver(old, &world.signing_secret).await?;
        assert_eq!(answer.status, 204, "{answer:?}");
        watch.until_the_processor_says("heartbeat dropped").await
    };
    no_heartbeat(world, recording, None, break_it).await
}

/// Checks that no heartbeat arrives, and that NoHeartbeat goes off if this happens every five minutes, and maybe another alarm.
async fn no_heartbeat(
    world: &World,
    recording: &Recording,
    other_alarm: Option<&'static str>,
    break_it: impl AsyncFnOnce() -> Outcome,
) -> Outcome {
    let lines = repaired(world, async || {
        let watch = Watch::start(&world.stack)?;
        break_it().await?;
        tokio::time::sleep(NO_LINE).await;
        watch.lines()
    });
    let lines = lines.await?;
    let arrived = |line: &String| metric_names(line).contains("HeartbeatSeconds");
    assert!(!lines.iter().any(arrived), "a heartbeat has arrived");
    assert!(!lines.is_empty(), "the functions have written nothing");

    let stage = Stage::new(recording, "NoHeartbeatAlarm");
    // an hour without orders before, so that only the heartbeats tell
    let lacking = [
        (Routine::Heartbeats, BEGIN..END),
        (Routine::Orders, BEGIN - HOUR..END + HOUR),
    ];
    let mut day = stage.without(&lacking);
    for at in (BEGIN..END).step_by(300) {
        for line in &lines {
            day.written(at, line);
        }
    }
    stage.goes_off(&day, BEGIN..END, 10..=17, 1..=2);
    if let Some(alarm) = other_alarm {
        Stage::new(recording, alarm).goes_off(&day, BEGIN..END, 1..=11, 1..=16);
    }
    Ok(())
}

async fn beat(stack: &Stack) -> Result<Invocation, Failed> {
    let function = stack.output("HeartbeatFunctionName");
    Ok(stack.invoke(function, &json!({})).await?)
}

#[track_caller]
fn assert_error(invocation: &Invocation, error_type: &str, message: &str) {
    assert!(invocation.function_error.is_some(), "{invocation:?}");
    assert_eq!(invocation.payload["errorType"], error_type);
    assert_eq!(invocation.payload["errorMessage"], message);
}

/// How many states the event processor remembers as published.
async fn published_states(stack: &Stack) -> Result<i32, Failed> {
    let scan = stack.dynamodb.scan();
    let scan = scan.table_name(stack.output("PublishedTableName"));
    let answer = scan.select(Select::Count).send().await;
    // not the SDK's text, which is long
    Ok(answer.map_err(|_| "the table can't be read")?.count())
}

/// What the functions on the way of a heartbeat write from some moment on.
struct Watch<'s> {
    stack: &'s Stack,
    before: [usize; 2],
}

impl<'s> Watch<'s> {
    fn start(stack: &'s Stack) -> Result<Self, Failed> {
        let mut before = [0; 2];
        for (count, function) in before.iter_mut().zip(ON_ITS_WAY) {
            *count = stack.logs(stack.output(function))?.len();
        }
        Ok(Self { stack, before })
    }

    async fn until_the_processor_says(&self, message: &str) -> Outcome {
        let [_, function] = ON_ITS_WAY.map(|function| self.stack.output(function));
        soon(message, async || {
            let lines = self.stack.logs(function)?.split_off(self.before[1]);
            Ok(lines.iter().any(|line| says(line, message)))
        })
        .await
    }

    /// The lines that say what became of a request or message, those of the webhook function first.
    fn lines(&self) -> Result<Vec<String>, Failed> {
        let mut lines = Vec::new();
        for (before, function) in self.before.into_iter().zip(ON_ITS_WAY) {
            let function = self.stack.output(function);
            lines.extend(self.stack.logs(function)?.split_off(before));
        }
        lines.retain(|line| line.contains("\"cold_start\""));
        Ok(lines)
    }
}
