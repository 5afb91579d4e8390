//! `events tail`: it prints what is published, and leaves nothing behind.

use std::process::{Command, Stdio};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::Stack;
use local_aws::world::World;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::super::Tool;
use super::{call, publish};
use crate::harness::{Harness, Outcome, soon, trials};

/// What the names of the rules and queues begin with.
const PREFIX: &str = "whoop-partner-tail-";

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        each_event_is_a_line_without_a_patients_data,
        a_tail_of_some_types_shows_a_patients_data_on_demand_only,
        a_tail_ends_after_its_time_and_leaves_nothing,
        a_tail_ends_by_a_signal_and_leaves_nothing,
        a_tail_whose_reader_goes_away_leaves_nothing,
        a_tail_that_fails_leaves_nothing,
        what_a_killed_tail_has_left_is_removed_by_the_next_one_when_its_time_is_over,
        a_tail_with_nonsense_is_refused,
    ]
}

/// A running tail.
struct Tail {
    tool: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    /// Starts a tail, and waits until it gets events.
    async fn start(world: &World, arguments: &[&str]) -> Result<Self, Failed> {
        let mut tool = Tool::on(world)
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        soon("the rule has its target", async || {
            let mut has_target = false;
            for rule in rules(&world.stack).await? {
                let rule =
                    json!({"EventBusName": world.stack.output("EventBusName"), "Rule": rule});
                let answer = call(&world.stack, "ListTargetsByRule", rule).await?;
                has_target |= answer["Targets"][0]["Id"] == "tail";
            }
            Ok(has_target)
        })
        .await?;
        let lines = tool.stdout.take().expect("standard output is a pipe");
        Ok(Self {
            tool,
            lines: BufReader::new(lines).lines(),
        })
    }

    /// The next line.
    async fn line(&mut self, world: &World) -> Result<String, Failed> {
        let line = self.lines.next_line().await?.ok_or("the tail has ended")?;
        world.stack.recorder.record("events tail", &line);
        Ok(line)
    }

    /// Waits for the end, and returns the exit status and what was said to standard error.
    async fn end(self) -> Result<(Option<i32>, String), Failed> {
        let output = self.tool.wait_with_output().await?;
        Ok((output.status.code(), String::from_utf8(output.stderr)?))
    }

    fn signal(&self, signal: &str) -> Outcome {
        let id = self.tool.id().ok_or("the tool has ended")?.to_string();
        let status = Command::new("kill").args([signal, &id]).status()?;
        assert!(status.success());
        Ok(())
    }
}

/// The rules that tails have made on the stack's bus.
async fn rules(stack: &Stack) -> Result<Vec<String>, Failed> {
    let of = json!({"EventBusName": stack.output("EventBusName"), "NamePrefix": PREFIX});
    let answer = call(stack, "ListRules", of).await?;
    let rules = answer["Rules"].as_array().into_iter().flatten();
    Ok(rules
        .filter_map(|rule| rule["Name"].as_str())
        .map(str::to_owned)
        .collect())
}

/// The queues that tails have made.
async fn queues(stack: &Stack) -> Result<Vec<String>, Failed> {
    let answer = stack
        .sqs
        .list_queues()
        .queue_name_prefix(PREFIX)
        .send()
        .await?;
    Ok(answer.queue_urls.unwrap_or_default())
}

async fn assert_nothing_left(stack: &Stack) -> Outcome {
    assert_eq!(rules(stack).await?, [""; 0]);
    assert_eq!(queues(stack).await?, [""; 0]);
    Ok(())
}

async fn each_event_is_a_line_without_a_patients_data(world: &World) -> Outcome {
    let stack = &world.stack;
    let limited = ["--json", "events", "tail", "--limit", "3"];
    let mut tail = Tail::start(world, &limited).await?;
    let queue = &queues(stack).await?[0];
    let attributes = stack.sqs.get_queue_attributes().queue_url(queue);
    let attributes = attributes.attribute_names("All".into()).send().await?;
    let attributes = attributes.attributes.unwrap_or_default();
    let attribute = |name: &str| attributes.get(&name.into()).cloned().unwrap_or_default();
    assert_eq!(attribute("SqsManagedSseEnabled"), "true");
    let policy: Value = serde_json::from_str(&attribute("Policy"))?;
    let source = &policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"];
    let rule = &rules(stack).await?[0];
    assert!(
        source.as_str().is_some_and(|arn| arn.ends_with(rule)),
        "{policy}"
    );
    for event_type in ["lab_requisition.created", "moon.risen", "moon.set"] {
        let id = publish(stack, event_type).await?;
        let line = tail.line(world).await?;
        assert!(!line.contains(&id) && !line.contains("Layla"), "{line}");
        let event: Value = serde_json::from_str(&line)?;
        assert_eq!(event["detail_type"], event_type);
        assert_eq!(event["received_at"], "2026-11-18T11:06:40.123Z");
        assert!(
            event["id"].is_string() && event["time"].is_string(),
            "{line}"
        );
        assert!(event["bytes"].as_u64() > Some(100), "{line}");
    }
    assert_eq!(tail.end().await?, (Some(0), String::new()));
    assert_nothing_left(stack).await
}

async fn a_tail_of_some_types_shows_a_patients_data_on_demand_only(world: &World) -> Outcome {
    let only = ["events", "tail", "--event-type", "moon.risen"];
    let phi = ["--show-phi", "--limit", "1"];
    let mut tail = Tail::start(world, &[&only[..], &phi].concat()).await?;
    publish(&world.stack, "lab_requisition.created").await?;
    let id = publish(&world.stack, "moon.risen").await?;
    let mut lines = Vec::new();
    while let Some(line) = tail.lines.next_line().await? {
        lines.push(line);
    }
    let [event, resource_id, resource] = lines.as_slice() else {
        return Err(format!("not three lines: {lines:?}").into());
    };
    assert!(
        event.contains("  moon.risen  received 2026-11-18T11:06:40.123Z  "),
        "{event}"
    );
    assert_eq!(*resource_id, format!("  resource_id {id}"));
    assert!(resource.contains(r#""first_name":"Layla""#), "{resource}");
    let (status, stderr) = tail.end().await?;
    assert_eq!(status, Some(0));
    assert!(stderr.starts_with("Waiting for events."), "{stderr}");
    assert_nothing_left(&world.stack).await
}

async fn a_tail_ends_after_its_time_and_leaves_nothing(world: &World) -> Outcome {
    let said = Tool::on(world)
        .run(&["--json", "events", "tail", "--for", "500ms"])
        .await?;
    assert_eq!((said.status, said.text().trim()), (0, ""));
    assert_nothing_left(&world.stack).await
}

async fn a_tail_ends_by_a_signal_and_leaves_nothing(world: &World) -> Outcome {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let tail = Tail::start(world, &["--json", "events", "tail"]).await?;
        tail.signal(signal)?;
        assert_eq!(tail.end().await?, (Some(0), String::new()), "{signal}");
        assert_nothing_left(&world.stack).await?;
    }
    Ok(())
}

async fn a_tail_whose_reader_goes_away_leaves_nothing(world: &World) -> Outcome {
    let Tail { tool, lines } = Tail::start(world, &["--json", "events", "tail"]).await?;
    drop(lines);
    publish(&world.stack, "moon.risen").await?;
    let output = tool.wait_with_output().await?;
    let stderr = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("standard output"), "{stderr}");
    assert_nothing_left(&world.stack).await
}

async fn a_tail_that_fails_leaves_nothing(world: &World) -> Outcome {
    let denied = Behaviour::Fail {
        status: 403,
        code: "AccessDenied",
    };
    for (service, operation) in [
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", "PutRule"),
        ("AWS_ENDPOINT_URL_SQS", "CreateQueue"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", "PutTargets"),
        ("AWS_ENDPOINT_URL_SQS", "ReceiveMessage"),
    ] {
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        proxy.set(operation, denied.clone());
        let said = Tool::on(world)
            .run_with(service, &proxy, &["events", "tail"])
            .await?;
        let stderr = said.stderr;
        assert_eq!(said.status, 1, "{stderr}");
        let error = format!("{operation} failed: status 403, AccessDenied");
        assert!(stderr.contains(&error), "{stderr}");
        assert!(!stderr.contains("still there"), "{stderr}");
        assert_nothing_left(&world.stack).await?;
    }
    Ok(())
}

async fn what_a_killed_tail_has_left_is_removed_by_the_next_one_when_its_time_is_over(
    world: &World,
) -> Outcome {
    let stack = &world.stack;
    let mut killed = Tail::start(world, &["events", "tail"]).await?;
    killed.tool.kill().await?;
    let left = queues(stack).await?;
    assert_eq!((left.len(), rules(stack).await?.len()), (1, 1));
    let next = ["events", "tail", "--for", "100ms"];
    let said = Tool::on(world).run(&next).await?;
    assert!(!said.stderr.contains("Removed"), "{said:?}");
    // it may be in use
    assert_eq!(queues(stack).await?, left);
    assert_eq!(rules(stack).await?.len(), 1);
    // what another stack has left is not ours to remove
    let others = stack
        .sqs
        .create_queue()
        .queue_name(format!("{PREFIX}1-others"));
    let others = others
        .tags("whoop-partner:stack", "another")
        .tags("whoop-partner:alive-until", "1")
        .send()
        .await?;
    let tag = stack.sqs.tag_queue().queue_url(&left[0]);
    tag.tags("whoop-partner:alive-until", "1").send().await?;
    let said = Tool::on(world).run(&next).await?;
    let removed = "Removed what an earlier run had left: 1 rules, 1 queues.";
    assert!(said.stderr.contains(removed), "{said:?}");
    assert_eq!(queues(stack).await?.len(), 1);
    stack
        .sqs
        .delete_queue()
        .set_queue_url(others.queue_url)
        .send()
        .await?;
    assert_nothing_left(stack).await
}

async fn a_tail_with_nonsense_is_refused(world: &World) -> Outcome {
    for arguments in [["--limit", "0"], ["--for", "ever"], ["--for", "0s"]] {
        let arguments = [&["events", "tail"][..], &arguments].concat();
        let said = Tool::on(world).run(&arguments).await?;
        assert_eq!(said.status, 2, "{said:?}");
    }
    Ok(())
}
