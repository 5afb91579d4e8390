//! `dlq redrive`, if SQS refuses or is slow, and if its answers are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::{Value, json};

use super::super::dead_letters::{DeadLetters, letters};
use super::super::{Said, Tool};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        an_entry_that_sqs_refuses_is_left,
        an_entry_that_sqs_fails_to_send_is_sent_again,
        an_entry_that_sqs_fails_to_delete_is_deleted_later_or_reported,
        a_throttled_run_takes_longer_and_loses_nothing,
        a_run_that_may_not_send_leaves_everything_visible,
        a_run_that_may_not_delete_repeats_one_batch_at_most,
        a_lost_answer_means_that_a_batch_may_be_repeated,
        a_queue_that_stops_answering_leaves_everything_in_one_of_the_queues,
    ]
}

const REDRIVE: [&str; 3] = ["--json", "dlq", "redrive"];

fn report(said: &Said) -> Result<Value, Failed> {
    Ok(serde_json::from_str(&said.stdout)?)
}

/// An answer that refuses each entry of a call.
fn refuse_all(call: &Value, sender_fault: bool) -> Behaviour {
    let entries = call["Entries"].as_array().cloned().unwrap_or_default();
    let failed = entries
        .iter()
        .map(|entry| json!({"Id": entry["Id"], "Code": "Refused", "SenderFault": sender_fault}));
    Behaviour::Answer(json!({"Successful": [], "Failed": failed.collect::<Vec<_>>()}))
}

/// Changes an answer: its first entry has failed.
fn first_one_failed(answer: &mut Value) {
    let Some(successful) = answer["Successful"].as_array_mut() else {
        return;
    };
    if successful.is_empty() {
        return;
    }
    let first = successful.remove(0);
    let failed = json!({"Id": first["Id"], "Code": "Refused", "SenderFault": true});
    answer["Failed"] = json!([failed]);
}

async fn an_entry_that_sqs_refuses_is_left(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        proxy.next("SendMessageBatch", Behaviour::Pass);
        proxy.next(
            "SendMessageBatch",
            Behaviour::depending(|call| refuse_all(call, true)),
        );
        proxy.next("SendMessageBatch", Behaviour::rewrite(first_one_failed));
        let said = Tool::on(world).run_through(&proxy, &REDRIVE).await?;
        assert_eq!(said.status, 1, "{said:?}");
        let report = report(&said)?;
        assert_eq!(report["redriven"], 19, "{report}");
        assert_eq!(report["left"]["not_sent"], 11, "{report}");
        assert_eq!(report["failures"], json!({"Refused": 11}));
        assert_eq!(report["may_be_repeated"]["not_deleted"], 0);
        // the proxy let the rewritten call have its whole effect
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), 20);
        let (first, rest) = all.split_at(10);
        assert!(
            first
                .iter()
                .all(|letter| redriven.contains_key(&letter.body))
        );
        dead.assert_left(rest[..11].iter()).await
    })
    .await
}

async fn an_entry_that_sqs_fails_to_send_is_sent_again(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(20, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        for _ in 0..3 {
            let refuse = Behaviour::depending(|call| refuse_all(call, false));
            proxy.next("SendMessageBatch", refuse);
        }
        let said = Tool::on(world).run_through(&proxy, &REDRIVE).await?;
        assert_eq!(said.status, 0, "{said:?}");
        assert_eq!(report(&said)?["redriven"], 20);
        assert!(dead.redriven().await?.values().all(|count| *count == 1));
        dead.assert_left([]).await
    })
    .await
}

async fn an_entry_that_sqs_fails_to_delete_is_deleted_later_or_reported(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        // the first batch at its second try
        let refuse = Behaviour::depending(|call| refuse_all(call, false));
        proxy.next("DeleteMessageBatch", refuse);
        let tool = Tool::on(world);
        let said = tool.run_through(&proxy, &REDRIVE).await?;
        assert_eq!(said.status, 0, "{said:?}");
        assert_eq!(report(&said)?["redriven"], 30);
        assert_eq!(dead.redriven().await?.len(), 30);

        // one of each batch, for good
        dead.put(&all).await?;
        let refuse_one = Behaviour::depending(|call| {
            let only_one = call["Entries"].as_array().map_or(0, Vec::len) == 1;
            match only_one {
                true => refuse_all(call, true),
                false => Behaviour::rewrite(first_one_failed),
            }
        });
        proxy.set("DeleteMessageBatch", refuse_one);
        let said = tool.run_through(&proxy, &["dlq", "redrive"]).await?;
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.stdout.contains("30 messages redriven"), "{said:?}");
        let repeated = "messages may be repeated: they were sent, but could not be deleted";
        assert!(said.stdout.contains(repeated), "{said:?}");
        assert_eq!(dead.redriven().await?.len(), 30);
        Ok(())
    })
    .await
}

async fn a_throttled_run_takes_longer_and_loses_nothing(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let throttled = Behaviour::Fail {
            status: 400,
            code: "RequestThrottled",
        };
        for operation in [
            "GetQueueAttributes",
            "ReceiveMessage",
            "SendMessageBatch",
            "DeleteMessageBatch",
        ] {
            for _ in 0..2 {
                proxy.next(operation, throttled.clone());
            }
        }
        let said = Tool::on(world).run_through(&proxy, &REDRIVE).await?;
        assert_eq!(said.status, 0, "{said:?}");
        let report = report(&said)?;
        assert_eq!(report["redriven"], 30);
        assert_eq!(report["may_be_repeated"]["without_answer"], 0);
        assert_eq!(report["may_be_repeated"]["not_deleted"], 0);
        assert_eq!(dead.depths().await?, [0, 30]);
        Ok(())
    })
    .await
}

async fn a_run_that_may_not_send_leaves_everything_visible(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        proxy.next("SendMessageBatch", Behaviour::Pass);
        let denied = Behaviour::Fail {
            status: 403,
            code: "AccessDenied",
        };
        proxy.set("SendMessageBatch", denied);
        let said = Tool::on(world)
            .run_through(&proxy, &["dlq", "redrive"])
            .await?;
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.stdout.contains("10 messages redriven"), "{said:?}");
        assert!(
            said.stdout.contains("10 messages left: not sent."),
            "{said:?}"
        );
        let error = "SendMessageBatch failed: status 403, AccessDenied";
        assert!(said.stderr.contains(error), "{said:?}");
        assert!(!said.stdout.contains("may be repeated"), "{said:?}");
        assert_eq!(dead.redriven().await?.len(), 10);
        dead.assert_left(&all[10..]).await
    })
    .await
}

async fn a_run_that_may_not_delete_repeats_one_batch_at_most(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let denied = Behaviour::Fail {
            status: 403,
            code: "AccessDenied",
        };
        proxy.set("DeleteMessageBatch", denied);
        let tool = Tool::on(world);
        let said = tool.run_through(&proxy, &REDRIVE).await?;
        assert_eq!(said.status, 1, "{said:?}");
        assert_eq!(report(&said)?["may_be_repeated"]["not_deleted"], 10);
        let error = "DeleteMessageBatch failed: status 403, AccessDenied";
        assert!(said.stderr.contains(error), "{said:?}");
        assert_eq!(dead.depths().await?, [30, 10]);
        let second = tool.json(&["dlq", "redrive"]).await?;
        assert_eq!(second["redriven"], 30);
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), 30);
        assert_eq!(redriven.values().sum::<usize>(), 40);
        Ok(())
    })
    .await
}

async fn a_lost_answer_means_that_a_batch_may_be_repeated(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        proxy.next("SendMessageBatch", Behaviour::Pass);
        proxy.next("SendMessageBatch", Behaviour::LoseAnswer);
        let said = Tool::on(world)
            .run_through(&proxy, &["dlq", "redrive"])
            .await?;
        assert_eq!(said.status, 0, "{said:?}");
        assert!(said.stdout.contains("30 messages redriven"), "{said:?}");
        let repeated = "10 messages may be repeated: SQS did not answer when they were sent.";
        assert!(said.stdout.contains(repeated), "{said:?}");
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), 30);
        assert_eq!(redriven.values().sum::<usize>(), 40);
        dead.assert_left([]).await
    })
    .await
}

async fn a_queue_that_stops_answering_leaves_everything_in_one_of_the_queues(
    world: &World,
) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(50, "expired");
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let sends = AtomicUsize::new(0);
        let dies = Behaviour::depending(move |_| match sends.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => Behaviour::Pass,
            2 => Behaviour::LoseAnswer,
            _ => Behaviour::CloseConnection,
        });
        proxy.set("SendMessageBatch", dies);
        let said = Tool::on(world).run_through(&proxy, &REDRIVE).await?;
        assert_eq!(said.status, 1, "{said:?}");
        let report = report(&said)?;
        assert_eq!(report["redriven"], 20, "{report}");
        assert_eq!(report["may_be_repeated"]["without_answer"], 10, "{report}");
        assert_eq!(dead.redriven().await?.len(), 30);
        dead.assert_left(&all[20..]).await
    })
    .await
}
