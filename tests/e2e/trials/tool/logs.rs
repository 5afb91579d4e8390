//! `whoop-partner logs`.

use std::sync::Arc;

use jiff::Timestamp;
use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::Stack;
use local_aws::world::World;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Tool;
use crate::harness::{Harness, Outcome, soon, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let trials = trials![harness.on_operated_stack;
        a_delivery_is_followed_through_all_logs_in_order,
        a_log_of_many_pages_is_read_to_its_end,
        a_log_that_cannot_be_read_is_unknown,
        a_delivery_without_a_line_is_said_to_have_none,
        what_is_no_request_id_is_refused,
    ];
    let without_processor = trials![harness.beside_on_webhook_stack;
        a_stack_without_the_event_processor_has_two_logs,
    ];
    trials.into_iter().chain(without_processor).collect()
}

/// Delivers a webhook that no endpoint serves, waits for its line in the log of `function`, and returns its request id.
async fn delivered(world: &World, function: &str) -> Result<String, Failed> {
    let stack = &world.stack;
    let event_type = format!("moon.risen.{}", Uuid::new_v4().simple());
    let body = json!({"event_type": event_type, "resource_id": Uuid::new_v4()});
    stack.put_signing_secret(&world.signing_secret).await?;
    let answer = stack
        .deliver(body.to_string(), &world.signing_secret)
        .await?;
    assert_eq!(answer.status, 204);
    let found = std::sync::Mutex::new(None);
    soon("the delivery has its line", async || {
        // the local AWS may show a line only with the function's next invocation
        match function {
            "WebhookFunctionName" => {
                stack.post_webhook(String::new(), HeaderMap::new()).await?;
            }
            _ => {
                let nothing = json!({"Records": []});
                stack.invoke(stack.output(function), &nothing).await?;
            }
        }
        let lines = stack.all_logs().await?;
        let lines = lines
            .into_iter()
            .filter(|line| line.source.starts_with("log group"));
        let mut lines = lines.filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
        let has_line = |line: &Value| {
            let message = match function {
                "WebhookFunctionName" => "webhook queued",
                _ => "message processed",
            };
            line["event_type"] == *event_type && line["message"] == message
        };
        let line = lines.find(has_line);
        let id = line.and_then(|line| line["request_id"].as_str().map(str::to_owned));
        *found.lock().unwrap() = id;
        Ok(found.lock().unwrap().is_some())
    })
    .await?;
    let id = found.into_inner().unwrap();
    Ok(id.ok_or("the line has no request id")?)
}

/// Writes a line into the access log, as API Gateway does on AWS; returns the name of the log group.
async fn write_access_log(stack: &Stack, request_id: &str) -> Result<String, Failed> {
    let resources = json!({});
    let groups = stack
        .api
        .json("logs", "Logs_20140328.DescribeLogGroups", resources)
        .await?;
    let groups = groups["logGroups"].as_array().into_iter().flatten();
    let mut names = groups.filter_map(|group| group["logGroupName"].as_str());
    let is_access_log =
        |name: &&str| name.starts_with("/aws/vendedlogs/") && name.contains(&stack.name);
    let group = names.find(is_access_log).ok_or("no access log")?.to_owned();
    let stream = format!("trial-{}", Uuid::new_v4().simple());
    let of = json!({"logGroupName": group, "logStreamName": stream});
    stack
        .api
        .json("logs", "Logs_20140328.CreateLogStream", of.clone())
        .await?;
    let line = json!({"stack": stack.name, "requestId": request_id, "status": "204", "error": "-"});
    let mut events = of;
    events["logEvents"] = json!([{
        "timestamp": jiff::Timestamp::now().as_millisecond(),
        "message": line.to_string(),
    }]);
    stack
        .api
        .json("logs", "Logs_20140328.PutLogEvents", events)
        .await?;
    Ok(group)
}

async fn a_delivery_is_followed_through_all_logs_in_order(world: &World) -> Outcome {
    let id = delivered(world, "EventProcessorFunctionName").await?;
    write_access_log(&world.stack, &id).await?;
    delivered(world, "EventProcessorFunctionName").await?;
    let tool = Tool::on(world);
    let said = tool.run(&["--json", "logs", &id]).await?;
    assert_eq!(said.status, 0, "{said:?}");
    let lines: Result<Vec<Value>, _> = said.stdout.lines().map(serde_json::from_str).collect();
    let lines = lines?;
    // as times, because their texts have different numbers of digits
    let time = |line: &Value| line["time"].as_str().unwrap_or_default().parse();
    let times: Result<Vec<Timestamp>, _> = lines.iter().map(time).collect();
    let times = times?;
    assert!(times.is_sorted(), "{times:?}");
    for line in &lines {
        let line = &line["line"];
        let ids = [
            &line["request_id"],
            &line["requestId"],
            &line["span"]["request_id"],
        ];
        assert!(ids.contains(&&json!(id)), "{line}");
    }
    let said = tool.run(&["logs", &id, "--since", "1h"]).await?;
    assert_eq!(said.status, 0, "{said:?}");
    for (log, message, detail) in [
        ("webhook", "webhook queued", "outcome=queued"),
        ("event-processor", "message processed", "outcome=Published"),
        ("access log", "answered", "status=204"),
    ] {
        let is_it = |line: &&str| line.contains(log) && line.contains(message);
        let line = said.stdout.lines().find(is_it);
        assert!(
            line.is_some_and(|line| line.contains(detail)),
            "{log}: {said:?}"
        );
        let is_it = |line: &&Value| line["log"] == log;
        assert!(lines.iter().any(|line| is_it(&line)), "{log}");
    }
    assert!(!said.stdout.contains("unknown"), "{said:?}");
    Ok(())
}

async fn a_log_of_many_pages_is_read_to_its_end(world: &World) -> Outcome {
    let id = delivered(world, "WebhookFunctionName").await?;
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    proxy.set(
        "FilterLogEvents",
        Behaviour::depending(|call| match call["nextToken"].as_str() {
            None => Behaviour::Answer(json!({"events": [], "nextToken": "2"})),
            Some("2") => Behaviour::rewrite(|answer| answer["nextToken"] = json!("3")),
            Some(_) => Behaviour::Answer(json!({"events": []})),
        }),
    );
    let said = Tool::on(world)
        .run_with("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &proxy, &["logs", &id])
        .await?;
    assert_eq!(said.status, 0, "{said:?}");
    let text = said.stdout;
    assert_eq!(text.matches("webhook queued").count(), 1, "{text}");
    assert_eq!(proxy.calls("FilterLogEvents"), 9);
    Ok(())
}

async fn a_log_that_cannot_be_read_is_unknown(world: &World) -> Outcome {
    let id = delivered(world, "WebhookFunctionName").await?;
    let access_log = write_access_log(&world.stack, "not-this-one").await?;
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    proxy.set(
        "FilterLogEvents",
        Behaviour::depending(move |call| match call["logGroupName"] == *access_log {
            true => Behaviour::Fail {
                status: 400,
                code: "AccessDeniedException",
            },
            false => Behaviour::Pass,
        }),
    );
    let said = Tool::on(world)
        .run_with("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", &proxy, &["logs", &id])
        .await?;
    assert_eq!(said.status, 1, "{said:?}");
    let text = said.stdout;
    assert!(text.contains("webhook queued"), "{text}");
    let unknown = "access log: unknown: FilterLogEvents failed: status 400, AccessDeniedException";
    assert!(text.contains(unknown), "{text}");
    Ok(())
}

async fn a_delivery_without_a_line_is_said_to_have_none(world: &World) -> Outcome {
    let said = Tool::on(world).run(&["logs", "JKJaXmPLvHcESHA="]).await?;
    assert_eq!((said.status, said.stdout.as_str()), (1, ""), "{said:?}");
    let message = "no line of the last 24 h has the request id JKJaXmPLvHcESHA=";
    assert!(said.stderr.contains(message), "{said:?}");
    assert!(said.stderr.contains("--since 7d"), "{said:?}");
    Ok(())
}

async fn what_is_no_request_id_is_refused(world: &World) -> Outcome {
    for (arguments, about) in [
        (&[][..], "<REQUEST_ID>"),
        (&["a\"b"], "a request id is such as"),
        (&["{ $.status = 204 }"], "a request id is such as"),
        (&["id", "--since", "1 fortnight"], "a span of time"),
        (&["id", "--since", "91d"], "keep lines for 90 d only"),
    ] {
        let said = Tool::on(world)
            .run(&[&["logs"][..], arguments].concat())
            .await?;
        assert_eq!(said.status, 2, "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(about), "{arguments:?}: {said:?}");
    }
    Ok(())
}

async fn a_stack_without_the_event_processor_has_two_logs(world: &World) -> Outcome {
    let id = delivered(world, "WebhookFunctionName").await?;
    let said = Tool::on(world).run(&["logs", &id]).await?;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stdout.contains("webhook queued"), "{said:?}");
    world
        .stack
        .purge(world.stack.output("WebhookQueueUrl"))
        .await?;
    Ok(())
}
