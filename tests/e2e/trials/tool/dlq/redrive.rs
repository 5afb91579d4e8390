//! `dlq redrive`, if nothing fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use libtest_mimic::Trial;
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::Tool;
use super::super::dead_letters::{DeadLetters, Letter, attributes, letters};
use crate::harness::{Harness, Outcome, soon, trials};

/// How large an SQS message may be.
const MAX_SIZE: usize = 1024 * 1024;

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        a_redriven_message_is_as_the_event_processor_expects_it,
        a_redrive_by_reason_leaves_the_others,
        a_redrive_by_id_names_the_ids_that_it_does_not_find,
        a_redrive_has_a_limit,
        a_dry_run_changes_nothing,
        large_messages_go_in_parts_and_too_large_ones_are_left,
        messages_of_another_queue_are_redriven,
        messages_that_come_back_at_once_are_redriven_once,
    ]
}

async fn a_redriven_message_is_as_the_event_processor_expects_it(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let mut base64 = Letter::new(Some("undecodable"));
        base64.body = "AAEC".into();
        base64.attributes.push(("body_encoding", "base64".into()));
        base64.attributes.push(("of_its_own", "x".into()));
        let bare = Letter {
            body: "no JSON at all \u{2603}\r\n\t".into(),
            attributes: Vec::new(),
        };
        let whole = Letter::new(Some("attempts_exhausted"));
        let mut wrong_time = Letter::new(None);
        wrong_time.attributes[1].1 = "yesterday".into();
        let all = [base64, bare, whole, wrong_time];
        dead.put(&all).await?;

        let redriven = Tool::on(world).json(&["dlq", "redrive"]).await?;
        assert_eq!(redriven["redriven"], 4, "{redriven}");
        let by_reason = json!({"attempts_exhausted": 1, "moved_by_sqs": 2, "undecodable": 1});
        assert_eq!(redriven["by_reason"], by_reason);
        let messages = dead.take_all(dead.webhook_queue()).await?;
        assert_eq!(messages.len(), 4);
        for letter in &all {
            let message = messages
                .iter()
                .find(|message| message.body() == Some(&*letter.body));
            let mut found = attributes(message.ok_or("a body has changed")?);
            let mut expected = letter.attributes_without_reason();
            let time = expected.get("received_at");
            if time.is_none_or(|time| time == "yesterday") {
                let filled_in = found.remove("received_at").ok_or("no time of arrival")?;
                expected.remove("received_at");
                let age = filled_in
                    .parse::<jiff::Timestamp>()?
                    .until(jiff::Timestamp::now())?;
                assert!((0..60).contains(&age.get_seconds()), "{filled_in}");
            }
            assert_eq!(found, expected);
        }
        dead.assert_left([]).await
    })
    .await
}

async fn a_redrive_by_reason_leaves_the_others(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let mut all = Vec::new();
        for _ in 0..12 {
            all.extend(letters(20, "not_found"));
            all.extend(letters(1, "refused"));
            all.push(Letter::new(None));
        }
        dead.put(&all).await?;
        let of = ["dlq", "redrive", "--reason", "refused", "--reason"];
        let redriven = Tool::on(world)
            .json(&[&of[..], &["moved_by_sqs"]].concat())
            .await?;
        assert_eq!(
            redriven["by_reason"],
            json!({"moved_by_sqs": 12, "refused": 12})
        );
        assert_eq!(redriven["left"]["not_selected"], 240);
        assert_eq!(redriven["about_in_source"], 240);
        assert_eq!(redriven["about_in_flight"], 0);
        let is_not_found = |letter: &&Letter| {
            letter
                .attributes
                .contains(&("failure_reason", "not_found".into()))
        };
        let (left, gone): (Vec<_>, Vec<_>) = all.iter().partition(is_not_found);
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), 24);
        assert!(
            gone.iter()
                .all(|letter| redriven.get(&letter.body) == Some(&1))
        );
        dead.assert_left(left).await
    })
    .await
}

async fn a_redrive_by_id_names_the_ids_that_it_does_not_find(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        let ids = dead.put(&all).await?;
        let tool = Tool::on(world);
        let two = [
            "dlq",
            "redrive",
            "--message-id",
            &ids[3],
            "--message-id",
            &ids[17],
        ];
        let redriven = tool.json(&two).await?;
        assert_eq!(redriven["redriven"], 2, "{redriven}");
        let said = tool.run(&two).await?;
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.stdout.contains("0 messages redriven."), "{said:?}");
        for id in [&ids[3], &ids[17]] {
            assert!(
                said.stdout.contains(&format!("not found: {id}")),
                "{said:?}"
            );
        }
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), 2);
        dead.assert_left(
            all.iter()
                .filter(|letter| !redriven.contains_key(&letter.body)),
        )
        .await
    })
    .await
}

async fn a_redrive_has_a_limit(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(30, "expired");
        dead.put(&all).await?;
        let said = Tool::on(world)
            .run(&["dlq", "redrive", "--limit", "13"])
            .await?;
        assert_eq!(said.status, 0, "{said:?}");
        assert!(
            said.stdout.contains("13 messages redriven (expired 13)."),
            "{said:?}"
        );
        assert!(
            said.stdout.contains("About 17 messages are in the source."),
            "{said:?}"
        );
        let redriven = dead.redriven().await?;
        assert_eq!(redriven.len(), 13);
        dead.assert_left(
            all.iter()
                .filter(|letter| !redriven.contains_key(&letter.body)),
        )
        .await
    })
    .await
}

async fn a_dry_run_changes_nothing(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let mut all = letters(25, "expired");
        all.extend(letters(5, "refused"));
        dead.put(&all).await?;
        let dry = ["dlq", "redrive", "--dry-run", "--reason", "expired"];
        let said = Tool::on(world).run(&dry).await?;
        assert_eq!(said.status, 0, "{said:?}");
        let would = "25 messages would be redriven (expired 25). Nothing was changed.";
        assert!(said.stdout.contains(would), "{said:?}");
        assert_eq!(dead.depths().await?, [30, 0]);
        dead.assert_left(&all).await
    })
    .await
}

async fn large_messages_go_in_parts_and_too_large_ones_are_left(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let large = |size: usize, attributes: Vec<(&'static str, String)>| Letter {
            body: format!("{}{}", Uuid::new_v4().simple(), "x".repeat(size - 32)),
            attributes,
        };
        let mut all: Vec<Letter> = (0..12).map(|_| large(300_000, Vec::new())).collect();
        let received_at = ("received_at", "2026-01-02T03:04:05.678Z".to_owned());
        let attribute = "received_atString2026-01-02T03:04:05.678Z".len();
        // it fits only because its reason goes
        let room = MAX_SIZE - attribute;
        all.push(large(room, vec![received_at.clone()]));
        // no room for its time of arrival
        let too_large = [large(MAX_SIZE - 10, Vec::new())];
        dead.put(&all).await?;
        let id = &dead.put(&too_large).await?[0];
        let said = Tool::on(world).run(&["dlq", "redrive"]).await?;
        assert_eq!(said.status, 1, "{said:?}");
        assert!(said.stdout.contains("13 messages redriven"), "{said:?}");
        assert!(
            said.stdout.contains(&format!("too large: {id}")),
            "{said:?}"
        );
        assert_eq!(dead.redriven().await?.len(), 13);
        dead.assert_left(&too_large).await
    })
    .await
}

async fn messages_of_another_queue_are_redriven(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let name = format!("left-behind-{}", Uuid::new_v4().simple());
        let queue = world
            .stack
            .sqs
            .create_queue()
            .queue_name(name)
            .send()
            .await?;
        let queue = queue.queue_url().ok_or("no URL")?;
        let mut all = letters(3, "expired");
        all.push(Letter::new(None));
        dead.put_into(queue, &all).await?;
        let tool = Tool::on(world);
        let list = tool.json(&["dlq", "list", "--from", queue]).await?;
        assert_eq!(list["looked_at"], 4);
        // this queue keeps messages for 4 days
        assert!(list["messages"][0]["seconds_left"].as_u64() < Some(345_601));
        let redriven = tool.json(&["dlq", "redrive", "--from", queue]).await?;
        assert_eq!(redriven["redriven"], 4);
        assert_eq!(dead.redriven().await?.len(), 4);
        world
            .stack
            .sqs
            .delete_queue()
            .queue_url(queue)
            .send()
            .await?;
        Ok(())
    })
    .await
}

/// With the event processor on, messages that can't succeed are soon back in the dead-letter queue.
async fn messages_that_come_back_at_once_are_redriven_once(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all: Vec<Letter> = (0..25)
            .map(|n| Letter {
                body: format!("no webhook {n}"),
                attributes: Vec::new(),
            })
            .collect();
        dead.put(&all).await?;
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let sent: Arc<Mutex<Vec<Value>>> = Arc::default();
        let seen = Arc::clone(&sent);
        proxy.set(
            "SendMessageBatch",
            Behaviour::watch(move |call| seen.lock().unwrap().push(call)),
        );
        // so that the processor has put the first ones back long before the last batch
        proxy.set(
            "DeleteMessageBatch",
            Behaviour::Delay(Duration::from_millis(700)),
        );
        world.stack.enable_event_processor(true).await?;
        let said = Tool::on(world)
            .run_through(&proxy, &["--json", "dlq", "redrive"])
            .await?;
        assert_eq!(said.status, 0, "{said:?}");
        let report: Value = serde_json::from_str(&said.stdout)?;
        assert_eq!(report["redriven"], 25, "{report}");
        let sent: usize = {
            let sent = sent.lock().unwrap();
            let entries = sent
                .iter()
                .map(|call| call["Entries"].as_array().map_or(0, Vec::len));
            entries.sum()
        };
        assert_eq!(sent, 25);
        soon("all messages are dead letters again", async || {
            Ok(dead.depths().await? == [25, 0])
        })
        .await?;
        world.stack.enable_event_processor(false).await?;
        dead.assert_left(&all).await
    })
    .await
}
