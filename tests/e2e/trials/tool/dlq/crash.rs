//! `dlq redrive`, if it is killed or interrupted.

use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::Value;
use tokio::sync::Notify;

use super::super::Tool;
use super::super::dead_letters::{DeadLetters, letters};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        a_redrive_of_1000_messages_that_is_killed_after_a_send_loses_none_and_repeats_one_batch,
        a_redrive_that_is_killed_at_any_moment_loses_none_and_repeats_one_batch_at_most,
        ctrl_c_ends_a_redrive_after_its_batch,
        ctrl_c_ends_a_list_and_gives_everything_back,
        a_reader_that_goes_away_is_no_reason_to_panic,
    ]
}

/// When the tool is killed.
#[derive(Debug, Clone, Copy)]
struct Moment {
    /// During the nth call of this operation.
    operation: &'static str,
    nth: usize,
    /// After the call has had its effect.
    after: bool,
}

/// So that a batch of a run that was killed comes back soon.
const REDRIVE: [&str; 5] = ["--json", "dlq", "redrive", "--hide", "1s"];

async fn a_redrive_of_1000_messages_that_is_killed_after_a_send_loses_none_and_repeats_one_batch(
    world: &World,
) -> Outcome {
    let moment = Moment {
        operation: "SendMessageBatch",
        nth: 42,
        after: true,
    };
    let repeated = killed_and_begun_again(world, 1000, moment).await?;
    assert_eq!(repeated, 10);
    Ok(())
}

async fn a_redrive_that_is_killed_at_any_moment_loses_none_and_repeats_one_batch_at_most(
    world: &World,
) -> Outcome {
    for operation in ["ReceiveMessage", "SendMessageBatch", "DeleteMessageBatch"] {
        for after in [false, true] {
            let moment = Moment {
                operation,
                nth: 3,
                after,
            };
            let repeated = killed_and_begun_again(world, 60, moment).await?;
            let sent_and_not_deleted = matches!(
                (operation, after),
                ("SendMessageBatch", true) | ("DeleteMessageBatch", false)
            );
            let expected = if sent_and_not_deleted { 10 } else { 0 };
            assert_eq!(repeated, expected, "{moment:?}");
        }
    }
    Ok(())
}

/// Kills a redrive, begins it again, asserts that nothing is lost, and returns how many messages were repeated.
async fn killed_and_begun_again(world: &World, n: usize, moment: Moment) -> Result<usize, Failed> {
    let mut repeated = 0;
    DeadLetters::trial(world, async |dead| {
        let all = letters(n, "expired");
        dead.put(&all).await?;
        let tool = Tool::on(world);
        let (proxy, reached) = until(world, moment).await?;
        let mut killed = tool
            .command(&REDRIVE)
            .env("AWS_ENDPOINT_URL_SQS", proxy.url())
            .stdout(Stdio::null())
            .spawn()?;
        reached.notified().await;
        killed.kill().await?;

        let again = tool.json(&REDRIVE[1..]).await?;
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), n, "{moment:?}: {again}");
        assert!(all.iter().all(|letter| redriven.contains_key(&letter.body)));
        assert!(redriven.values().all(|count| *count <= 2));
        repeated = redriven.values().filter(|count| **count == 2).count();
        let bound = &again["may_be_repeated"]["if_an_earlier_redrive_was_killed"];
        let bound = bound.as_u64().ok_or("no bound")? as usize;
        assert!((repeated..=10).contains(&bound), "{moment:?}: {again}");
        dead.assert_left([]).await
    })
    .await?;
    Ok(repeated)
}

/// A proxy that tells when a moment has come, and lets the tool wait there.
async fn until(world: &World, moment: Moment) -> Result<(AwsProxy, Arc<Notify>), Failed> {
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    let reached = Arc::new(Notify::new());
    let notify = Arc::clone(&reached);
    let calls = AtomicUsize::new(0);
    let stop = Behaviour::depending(move |_| {
        if calls.fetch_add(1, Ordering::Relaxed) + 1 < moment.nth {
            return Behaviour::Pass;
        }
        if !moment.after {
            notify.notify_one();
            return Behaviour::Hang;
        }
        let notify = Arc::clone(&notify);
        // the change of the answer begins when the call has had its effect
        Behaviour::rewrite(move |_| {
            notify.notify_one();
            // for longer than killing the tool takes
            std::thread::sleep(Duration::from_millis(300));
        })
    });
    proxy.set(moment.operation, stop);
    Ok((proxy, reached))
}

/// Sends SIGINT to the tool during the nth call of an operation, and returns what it said.
async fn interrupted(
    world: &World,
    arguments: &[&str],
    operation: &'static str,
    nth: usize,
) -> Result<Output, Failed> {
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    let reached = Arc::new(Notify::new());
    let notify = Arc::clone(&reached);
    let calls = AtomicUsize::new(0);
    proxy.set(
        operation,
        Behaviour::depending(move |_| {
            if calls.fetch_add(1, Ordering::Relaxed) + 1 == nth {
                notify.notify_one();
                return Behaviour::Delay(Duration::from_millis(500));
            }
            Behaviour::Pass
        }),
    );
    let tool = Tool::on(world)
        .command(arguments)
        .env("AWS_ENDPOINT_URL_SQS", proxy.url())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let id = tool.id().ok_or("the tool has ended")?.to_string();
    reached.notified().await;
    let status = Command::new("kill").args(["-INT", &id]).status()?;
    assert!(status.success());
    Ok(tool.wait_with_output().await?)
}

async fn ctrl_c_ends_a_redrive_after_its_batch(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(100, "expired");
        dead.put(&all).await?;
        let said = interrupted(world, &REDRIVE, "SendMessageBatch", 4).await?;
        assert_eq!(said.status.code(), Some(1), "{said:?}");
        let report: Value = serde_json::from_slice(&said.stdout)?;
        assert_eq!(report["redriven"], 40, "{report}");
        assert_eq!(report["stopped"], "interrupted");
        assert_eq!(report["about_in_source"], 60);
        assert_eq!(report["may_be_repeated"]["not_deleted"], 0);
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.values().sum::<usize>(), 40);
        dead.assert_left(
            all.iter()
                .filter(|letter| !redriven.contains_key(&letter.body)),
        )
        .await
    })
    .await
}

async fn ctrl_c_ends_a_list_and_gives_everything_back(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(80, "expired");
        dead.put(&all).await?;
        let said = interrupted(world, &["dlq", "list"], "ReceiveMessage", 3).await?;
        assert_eq!(said.status.code(), Some(1), "{said:?}");
        let text = String::from_utf8(said.stdout)?;
        assert!(
            text.contains("Interrupted: not all messages were looked at."),
            "{text}"
        );
        assert!(text.contains("30 messages looked at"), "{text}");
        dead.assert_left(&all).await
    })
    .await
}

async fn a_reader_that_goes_away_is_no_reason_to_panic(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(20, "expired");
        dead.put(&all).await?;
        let mut tool = Tool::on(world)
            .command(&["dlq", "list"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        drop(tool.stdout.take());
        let said = tool.wait_with_output().await?;
        assert_eq!(said.status.code(), Some(1), "{said:?}");
        let text = String::from_utf8(said.stderr)?;
        assert!(
            text.contains("standard output") && !text.contains("panicked"),
            "{text}"
        );
        dead.assert_left(&all).await
    })
    .await
}
