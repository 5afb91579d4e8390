//! No secret is in any log or answer. This runs last, so that it searches what all other trials have caused.

use std::collections::BTreeSet;
use std::sync::Arc;

use ::alarms::Metrics;
use leak_recorder::{Recorder, Text};
use libtest_mimic::Trial;
use local_aws::stack::Stack;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_partner::lambda::metrics::{DIMENSION, Metric, NAMESPACE};
use whoop_simulator::sign;

use crate::harness::{Harness, Outcome, soon, trials};
use crate::tool::Tool;

/// The functions whose lines have metrics, and what such a line says.
const COUNTING: [(&str, &str); 3] = [
    ("WebhookFunctionName", "webhook queued"),
    ("EventProcessorFunctionName", "message processed"),
    ("TokenRefreshFunctionName", "refresh done"),
];

/// The trials of this area; they come last, because they search what all others have caused.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_all_stacks;
        no_secret_token_signature_body_id_or_patient_is_in_any_log_or_answer,
    ]
}

async fn no_secret_token_signature_body_id_or_patient_is_in_any_log_or_answer(
    worlds: [&World; 5],
) -> Outcome {
    for world in worlds {
        let outputs = world.stack.outputs().iter();
        for (_, function) in outputs.filter(|(name, _)| name.ends_with("FunctionName")) {
            let environment = world.stack.deployed_environment(function).await?;
            assert_eq!(environment["AWS_LAMBDA_LOG_LEVEL"], "TRACE", "{function}");
        }
        forbid_what_whoop_sent(world);
    }
    let [without_processor, whole, _, operated, second_operated] = worlds;
    search(without_processor, whole).await?;
    // these two are on a local AWS of their own
    search(operated, operated).await?;
    search(second_operated, second_operated).await
}

/// Searches everything that is logged and answered on the local AWS of both stacks.
async fn search(world: &World, whole: &World) -> Outcome {
    let stack = &world.stack;
    let recorder = &stack.recorder;

    // an event type is no secret and is logged: finding it shows that the search works
    let signing_secret = &world.signing_secret;
    stack.put_signing_secret(signing_secret).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    let marker = format!("planted.{}", Uuid::new_v4());
    let body = json!({"event_type": marker, "resource_id": Uuid::new_v4()}).to_string();
    let answer = stack.deliver(body, signing_secret).await?;
    assert_eq!(answer.status, 204);
    recorder.record("planted", &marker);
    let nowhere = ["outputs", "--stack", marker.as_str()];
    assert_eq!(Tool::on(world).run(&nowhere).await?.status, 1);
    plant_metric_lines(whole, &marker).await?;

    let logs = stack.all_logs().await?;
    let answers = recorder.answers();
    let planted = Recorder::default();
    planted.forbid("marker", &marker);
    for (source, texts) in [
        ("output of", &logs),
        ("log group", &logs),
        ("planted", &answers),
        ("whoop-partner outputs", &answers),
    ] {
        let found = planted.leaks(texts);
        assert!(
            found
                .iter()
                .any(|leak| leak.text.source.starts_with(source)),
            "the search does not find what is in the texts of {source:?}"
        );
    }

    let texts: Vec<Text> = logs.into_iter().chain(answers).collect();
    assert_metric_lines_are_good(&texts, &whole.stack)?;
    let leaks = recorder.leaks(&texts);
    println!(
        "searched {} texts for {} values in all their forms",
        texts.len(),
        recorder.forbidden_values()
    );
    assert!(
        leaks.is_empty(),
        "{} leaks, the first: {:?}",
        leaks.len(),
        leaks[0]
    );
    Ok(())
}

/// Makes each function that counts something write a line about it.
async fn plant_metric_lines(world: &World, event_type: &str) -> Outcome {
    let stack = &world.stack;
    stack.enable_event_processor(true).await?;
    stack.put_signing_secret(&world.signing_secret).await?;
    for (function, _) in COUNTING {
        stack.restart(stack.output(function)).await?;
    }
    let body = json!({"event_type": event_type, "resource_id": Uuid::new_v4()}).to_string();
    let answer = stack.deliver(body, &world.signing_secret).await?;
    assert_eq!(answer.status, 204);
    let refresh = stack.output("TokenRefreshFunctionName");
    stack.invoke(refresh, &Value::Null).await?;
    for (function, message) in COUNTING {
        let function = stack.output(function);
        soon(message, async || {
            let lines = stack.logs(function)?;
            Ok(lines.iter().rev().any(|line| line.contains(message)))
        })
        .await?;
    }
    Ok(())
}

/// Checks that the texts hold lines with metrics of each function that counts something, that CloudWatch takes every such
/// line, and that all metrics in them are known.
fn assert_metric_lines_are_good(texts: &[Text], stack: &Stack) -> Outcome {
    let mut metrics = Metrics::new();
    let lines = texts.iter().filter(|text| text.text.contains("\"_aws\""));
    let mut sources = BTreeSet::new();
    for Text { source, text } in lines {
        let taken = metrics.ingest_emf(text);
        assert!(matches!(taken, Ok(1..)), "{source}: {taken:?} of {text}");
        sources.insert(source.as_str());
    }
    for (function, _) in COUNTING {
        let source = format!("output of {}", stack.output(function));
        assert!(sources.contains(source.as_str()), "no metrics in {source}");
    }
    let known: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    for id in metrics.ids() {
        assert_eq!(id.namespace, NAMESPACE, "{id}");
        assert!(known.contains(id.name.as_str()), "{id} is not known");
        assert!(id.dimensions.keys().eq([DIMENSION]), "{id}");
    }
    Ok(())
}

/// Registers the tokens that WHOOP issued and the webhooks that it delivered by itself.
fn forbid_what_whoop_sent(world: &World) {
    let recorder = &world.stack.recorder;
    for token in world.simulator.issued_tokens() {
        recorder.forbid("access token", token);
    }
    for delivery in world.simulator.deliveries() {
        recorder.forbid("webhook body", &delivery.body);
        recorder.forbid(
            "signature",
            sign(delivery.body.as_bytes(), world.signing_secret.as_bytes()),
        );
        let event: Value = serde_json::from_str(&delivery.body).unwrap_or_default();
        if let Some(resource_id) = event["resource_id"].as_str() {
            recorder.forbid("resource id", resource_id);
        }
    }
}
