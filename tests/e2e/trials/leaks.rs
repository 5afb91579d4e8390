//! No secret is in any log or answer. This runs last, so that it searches what all other trials have caused.

use std::sync::Arc;

use leak_recorder::{Recorder, Text};
use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::sign;

use crate::harness::{Harness, Outcome, trials};

/// The trials of this area; they come last, because they search what all others have caused.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_all_stacks;
        no_secret_token_signature_body_id_or_patient_is_in_any_log_or_answer,
    ]
}

async fn no_secret_token_signature_body_id_or_patient_is_in_any_log_or_answer(
    worlds: [&World; 3],
) -> Outcome {
    for world in worlds {
        let outputs = world.stack.outputs().iter();
        for (_, function) in outputs.filter(|(name, _)| name.ends_with("FunctionName")) {
            let environment = world.stack.deployed_environment(function).await?;
            assert_eq!(environment["AWS_LAMBDA_LOG_LEVEL"], "TRACE", "{function}");
        }
        forbid_what_whoop_sent(world);
    }
    let [without_processor, ..] = worlds;
    let stack = &without_processor.stack;
    let recorder = &stack.recorder;

    // an event type is no secret and is logged: finding it shows that the search works
    let signing_secret = &without_processor.signing_secret;
    stack.put_signing_secret(signing_secret).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    let marker = format!("planted.{}", Uuid::new_v4());
    let body = json!({"event_type": marker, "resource_id": Uuid::new_v4()}).to_string();
    let answer = stack.deliver(body, signing_secret).await?;
    assert_eq!(answer.status, 204);
    recorder.record("planted", &marker);

    let logs = stack.all_logs().await?;
    let answers = recorder.answers();
    let planted = Recorder::default();
    planted.forbid("marker", &marker);
    for (source, texts) in [
        ("output of", &logs),
        ("log group", &logs),
        ("planted", &answers),
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
