//! `dlq list` and `dlq show`: looking changes nothing.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};

use super::super::Tool;
use super::super::dead_letters::{DeadLetters, Letter, letters};
use crate::harness::{Harness, Outcome, trials};

/// The trials of these commands.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        an_empty_queue_is_said_to_be_empty,
        a_list_shows_each_message_with_its_reason_and_gives_it_back,
        a_list_has_a_limit_and_says_how_many_more_there_are,
        a_list_can_be_of_some_reasons,
        resource_ids_are_shown_on_demand_only,
        everything_about_one_message_is_shown_and_the_body_on_demand_only,
        a_message_that_is_not_there_is_named,
        nonsense_is_refused_before_any_queue_is_touched,
    ]
}

async fn an_empty_queue_is_said_to_be_empty(world: &World) -> Outcome {
    DeadLetters::trial(world, async |_| {
        let tool = Tool::on(world);
        let said = tool.run(&["dlq", "list"]).await?;
        assert_eq!(
            (said.status, said.stdout.trim()),
            (0, "The queue is empty.")
        );
        let list = tool.json(&["dlq", "list"]).await?;
        assert_eq!(list["messages"], json!([]));
        let redriven = tool.json(&["dlq", "redrive"]).await?;
        assert_eq!(redriven["redriven"], 0);
        assert_eq!(redriven["about_in_source"], 0);
        Ok(())
    })
    .await
}

async fn a_list_shows_each_message_with_its_reason_and_gives_it_back(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let bare = Letter {
            body: "no JSON at all".into(),
            attributes: Vec::new(),
        };
        let mut all = letters(11, "not_found");
        all.extend([Letter::new(None), bare]);
        let ids = dead.put(&all).await?;
        let tool = Tool::on(world);
        for looks in 1..=2 {
            let list = tool.json(&["dlq", "list"]).await?;
            let expected = json!({"moved_by_sqs": 2, "not_found": 11});
            assert_eq!(list["by_reason"], expected);
            assert_eq!(
                (&list["looked_at"], &list["about_more"]),
                (&json!(13), &json!(0))
            );
            let messages = list["messages"].as_array().ok_or("no messages")?;
            for id in &ids {
                let row = messages.iter().find(|row| row["message_id"] == **id);
                let row = row.ok_or("a message is not listed")?;
                assert_eq!(row["receives"], looks);
                assert!(row["seconds_left"].as_u64() > Some(1_200_000), "{row}");
            }
        }
        let said = tool.run(&["dlq", "list"]).await?;
        assert_eq!(said.status, 0, "{said:?}");
        let first = said.stdout.lines().find(|line| line.contains(&ids[0]));
        let first = first.ok_or("the first message has no row")?;
        for cell in [
            "not_found",
            "lab_requisition.created",
            "2026-01-02T03:04:05.678Z",
            "13 d 23 h",
        ] {
            assert!(first.contains(cell), "{first}");
        }
        let totals = "13 messages looked at: moved_by_sqs 2, not_found 11.";
        assert!(said.stdout.contains(totals), "{}", said.stdout);
        dead.assert_left(&all).await
    })
    .await
}

async fn a_list_has_a_limit_and_says_how_many_more_there_are(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(130, "expired");
        dead.put(&all).await?;
        let tool = Tool::on(world);
        let list = tool.json(&["dlq", "list"]).await?;
        assert_eq!(list["messages"].as_array().map(Vec::len), Some(100));
        assert_eq!(list["about_more"], 30);
        let said = tool.run(&["dlq", "list", "--limit", "5"]).await?;
        assert!(
            said.stdout.contains("About 120 more are in the queue."),
            "{}",
            said.stdout
        );
        assert_eq!(said.stdout.matches("expired").count(), 6);
        dead.assert_left(&all).await
    })
    .await
}

async fn a_list_can_be_of_some_reasons(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let mut all = letters(25, "not_found");
        all.extend(letters(2, "refused"));
        all.push(Letter::new(None));
        dead.put(&all).await?;
        let of = ["dlq", "list", "--limit", "3"];
        let of = [
            &of[..],
            &["--reason", "refused", "--reason", "moved_by_sqs"],
        ]
        .concat();
        let list = Tool::on(world).json(&of).await?;
        let messages = list["messages"].as_array().ok_or("no messages")?;
        let mut reasons: Vec<_> = messages.iter().map(|row| &row["reason"]).collect();
        reasons.sort_by_key(|reason| reason.to_string());
        assert_eq!(reasons, ["moved_by_sqs", "refused", "refused"]);
        dead.assert_left(&all).await
    })
    .await
}

async fn resource_ids_are_shown_on_demand_only(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let letter = Letter::new(Some("not_found"));
        let id = letter.resource_id();
        dead.put(&[letter]).await?;
        let tool = Tool::on(world);
        for json in [&[][..], &["--json"]] {
            let said = tool.run(&[json, &["dlq", "list"]].concat()).await?;
            assert!(!said.text().contains(&id), "{said:?}");
            let with_phi = [json, &["dlq", "list", "--show-phi"]].concat();
            let said = tool.run(&with_phi).await?;
            assert!(said.stdout.contains(&id), "{said:?}");
        }
        Ok(())
    })
    .await
}

async fn everything_about_one_message_is_shown_and_the_body_on_demand_only(
    world: &World,
) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let others = letters(15, "expired");
        dead.put(&others).await?;
        let mut letter = Letter::new(Some("undecodable"));
        letter.body = "AAECeyJyZXNvdXJjZV9pZCI6IngifQ==".into();
        letter.attributes.push(("body_encoding", "base64".into()));
        letter
            .attributes
            .push(("of_its_own", "a patient's name".into()));
        let id = &dead.put(std::slice::from_ref(&letter)).await?[0];
        let tool = Tool::on(world);
        let shown = tool.json(&["dlq", "show", id]).await?;
        let request_id = &letter.attributes[2].1;
        for (name, value) in [
            ("message_id", json!(id)),
            ("reason", json!("undecodable")),
            ("event_type", json!("lab_requisition.created")),
            ("request_id", json!(request_id)),
            ("received_at", json!("2026-01-02T03:04:05.678Z")),
            ("receives", json!(1)),
            ("body_encoding", json!("base64")),
            ("body_bytes", json!(letter.body.len())),
            ("other_attributes", json!(["of_its_own"])),
            ("phi", Value::Null),
        ] {
            assert_eq!(shown[name], value, "{name}");
        }
        let said = tool.run(&["dlq", "show", id]).await?;
        assert!(said.stdout.contains(request_id), "{said:?}");
        assert!(!said.stdout.contains("AAEC") && !said.stdout.contains("patient"));
        let said = tool.run(&["dlq", "show", id, "--show-phi"]).await?;
        assert!(said.stdout.contains(r#"{"resource_id":"x"}"#), "{said:?}");
        assert!(said.stdout.contains("a patient's name"), "{said:?}");
        assert!(!said.stdout.contains('\u{1}'), "{said:?}");
        dead.assert_left(others.iter().chain([&letter])).await
    })
    .await
}

async fn a_message_that_is_not_there_is_named(world: &World) -> Outcome {
    DeadLetters::trial(world, async |dead| {
        let all = letters(3, "expired");
        dead.put(&all).await?;
        let tool = Tool::on(world);
        let said = tool.run(&["dlq", "show", "not-there"]).await?;
        assert_eq!(said.status, 1, "{said:?}");
        let message = "the message not-there is not among the 3 that the queue shows";
        assert!(said.stderr.contains(message), "{said:?}");
        dead.assert_left(&all).await
    })
    .await
}

async fn nonsense_is_refused_before_any_queue_is_touched(world: &World) -> Outcome {
    let tool = Tool::on(world);
    let webhook_queue = world.stack.output("WebhookQueueUrl");
    for (arguments, about) in [
        (&["dlq"][..], "Usage"),
        (&["dlq", "show"], "<MESSAGE_ID>"),
        (&["dlq", "list", "--reason", "lost"], "moved_by_sqs"),
        (
            &["dlq", "redrive", "--reason", "lost"],
            "attempts_exhausted",
        ),
        (&["dlq", "list", "--limit", "0"], "--limit"),
        (&["dlq", "redrive", "--limit", "0"], "--limit"),
        (&["dlq", "redrive", "--hide", "soon"], "a span of time"),
        (&["dlq", "list", "--from", "my-queue"], "the URL of a queue"),
        (
            &["dlq", "redrive", "--from", webhook_queue],
            "in the webhook's queue already",
        ),
    ] {
        let said = tool.run(arguments).await?;
        assert_eq!(said.status, 2, "{arguments:?}: {said:?}");
        assert!(said.stderr.contains(about), "{arguments:?}: {said:?}");
    }
    let nowhere = format!("{webhook_queue}-nowhere");
    for command in ["list", "redrive"] {
        let said = tool.run(&["dlq", command, "--from", &nowhere]).await?;
        assert_eq!(said.status, 1, "{said:?}");
        let message = format!("there is no queue {nowhere}");
        assert!(said.stderr.contains(&message), "{said:?}");
    }
    Ok(())
}
