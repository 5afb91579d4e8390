//! The examples of consumers process what comes from the bus: a new order, the same once more, older and newer states, and what
//! is no order.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use docs::Page;
use libtest_mimic::{Failed, Trial};
use local_aws::checkout;
use local_aws::world::World;
use runtime_api::RuntimeApi;
use serde_json::{Value, json};
use whoop_simulator::AppointmentType;

use crate::harness::{Harness, Outcome, PATIENCE, trials};

/// What the examples say of a state that they keep, and of one that they do not.
const SAVED: &str = "saved";
const KNOWN: &str = "known, or older than the saved state";

/// Runs the handler of the Python example.
const DRIVER: &str = "import json, sys, consumer; answer = consumer.handler(json.load(sys.stdin), None); print(json.dumps(answer))";

/// The trials of the examples.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_documented_stack;
        both_examples_keep_the_newest_state_of_an_order_from_the_bus,
    ]
}

/// What an example made of a batch.
#[derive(Debug, PartialEq, Eq)]
struct Processed {
    /// What it printed about each message that it did not fail on.
    outcomes: Vec<(String, String)>,
    /// The messages that SQS has to hand out again.
    failures: Vec<String>,
}

async fn both_examples_keep_the_newest_state_of_an_order_from_the_bus(world: &World) -> Outcome {
    let messages = messages(&event_from_the_bus(world).await?)?;
    let records = messages
        .iter()
        .enumerate()
        .map(|(index, (body, _))| json!({"messageId": format!("m{index}"), "body": body}));
    let batch = json!({"Records": records.collect::<Vec<_>>()});
    let expected = messages.iter().enumerate();
    let outcomes = expected.clone().filter_map(|(index, (_, outcome))| {
        Some((format!("m{index}"), outcome.as_deref()?.to_owned()))
    });
    let failures = expected.filter(|(_, (_, outcome))| outcome.is_none());
    let expected = Processed {
        outcomes: outcomes.collect(),
        failures: failures.map(|(index, _)| format!("m{index}")).collect(),
    };
    let folder = tempfile::tempdir()?;
    assert_eq!(processed_by_python(&batch, folder.path())?, expected);
    assert_eq!(processed_by_rust(&batch, folder.path()).await?, expected);
    Ok(())
}

/// An order as a rule delivers it.
async fn event_from_the_bus(world: &World) -> Result<Value, Failed> {
    let events = world.stack.subscribe().await?;
    let order = world.simulator.add_test_data(AppointmentType::InPerson);
    let arrived = world.stack.events_until(&events, &order, PATIENCE).await?;
    let arrived = arrived.ok_or("the order is not on the bus")?;
    let event = arrived
        .into_iter()
        .find(|event| event.resource_id() == order);
    let event = event.ok_or("the order is not on the bus")?;
    Ok(json!({"source": "whoop.partner", "detail-type": event.detail_type, "detail": event.detail}))
}

/// Bodies of messages, and what a consumer has to make of them; `None` if it has to fail.
fn messages(event: &Value) -> Result<Vec<(String, Option<String>)>, Failed> {
    let published = event["detail"]["resource"]["updated_at"].as_str();
    let published = published.ok_or("the order has no date")?;
    let dated = |updated_at: Value, note: &str| {
        let mut event = event.clone();
        event["detail"]["resource"]["updated_at"] = updated_at;
        event["detail"]["resource"]["note"] = json!(note);
        event.to_string()
    };
    let detail = |field: &str, value: Value| {
        let mut event = event.clone();
        event["detail"][field] = value;
        event
    };
    let newest = "2999-01-01T00:00:00.5Z";
    let mut too_large = detail("resource", Value::Null);
    too_large["detail"]["resource_url"] = json!("/v2/partner/requisition/1");
    let unknown_type = detail("event_type", json!("something.new"));
    let expected = [
        (event.to_string(), Some(SAVED)),
        (event.to_string(), Some(KNOWN)),
        (detail("a_new_field", json!(1)).to_string(), Some(KNOWN)),
        (dated(json!("2001-01-01T00:00:00Z"), "older"), Some(KNOWN)),
        (dated(json!(published), "of the same time"), Some(SAVED)),
        (
            dated(json!("2999-01-01T01:00:00+01:00"), "newer"),
            Some(SAVED),
        ),
        (dated(json!(newest), "newer by half a second"), Some(SAVED)),
        (
            dated(json!("2999-01-01T00:00:00Z"), "older again"),
            Some(KNOWN),
        ),
        (dated(Value::Null, "without a date"), Some(SAVED)),
        (dated(json!("yesterday"), "a malformed date"), Some(SAVED)),
        (unknown_type.to_string(), Some("not an order")),
        (detail("schema_version", json!(2)).to_string(), None),
        (too_large.to_string(), None),
        ("no JSON".into(), None),
    ];
    let owned = expected.map(|(body, outcome)| (body, outcome.map(Into::into)));
    Ok(owned.into())
}

fn processed_by_python(batch: &Value, folder: &Path) -> Result<Processed, Failed> {
    let page = Page::read("docs/consumers.md")?;
    let mut blocks = page.blocks.iter();
    let example = blocks.find(|block| block.language == "python");
    let example = example.ok_or("the page has no example in Python")?;
    fs::write(folder.join("consumer.py"), &example.text)?;
    let mut python = Command::new(docs::aws_cli().join("python3"))
        .args(["-c", DRIVER])
        .current_dir(folder)
        .env("DATABASE", folder.join("orders.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = python.stdin.take().ok_or("standard input is a pipe")?;
    stdin.write_all(batch.to_string().as_bytes())?;
    drop(stdin);
    let output = String::from_utf8(python.wait_with_output()?.stdout)?;
    let mut lines: Vec<Value> = output
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let answer = lines.pop().ok_or("it prints nothing")?;
    let outcomes = lines.iter().filter_map(|line| {
        let text = |field: &str| Some(line[field].as_str()?.to_owned());
        Some((text("message_id")?, text("outcome")?))
    });
    Ok(Processed {
        outcomes: outcomes.collect(),
        failures: failures(&answer),
    })
}

async fn processed_by_rust(batch: &Value, folder: &Path) -> Result<Processed, Failed> {
    let example = checkout().join("target/debug/examples/consumer");
    let printed = folder.join("printed");
    let mut api = RuntimeApi::listen().await?;
    let function = tokio::process::Command::new(&example)
        .env_clear()
        .env("AWS_LAMBDA_FUNCTION_NAME", "process-orders")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_RUNTIME_API", api.address())
        .stdout(fs::File::create(&printed)?)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            format!(
                "{}: {error}; run `cargo build -p event-processor --example consumer`",
                example.display()
            )
        })?;
    let ready = api.ready().await?;
    let limit = Duration::from_secs(10);
    let answer = api.invoke(ready, batch.to_string().into(), limit).await?;
    drop(function);
    let printed = fs::read_to_string(printed)?;
    let outcomes = printed.lines().filter_map(|line| {
        let (id, outcome) = line.strip_prefix("message ")?.split_once(": ")?;
        (!outcome.starts_with("failed")).then(|| (id.to_owned(), outcome.to_owned()))
    });
    Ok(Processed {
        outcomes: outcomes.collect(),
        failures: failures(&serde_json::from_slice(&answer.body)?),
    })
}

fn failures(answer: &Value) -> Vec<String> {
    let failures = answer["batchItemFailures"].as_array().into_iter().flatten();
    let ids = failures.filter_map(|failure| failure["itemIdentifier"].as_str());
    ids.map(Into::into).collect()
}
