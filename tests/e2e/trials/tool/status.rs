//! `whoop-partner status`.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_sqs::types::MessageAttributeValue;
use libtest_mimic::{Failed, Trial};
use local_aws::stack::TokenItem;
use local_aws::world::World;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use uuid::Uuid;

use super::Tool;
use super::doctor::stage::{await_heartbeat, make_well, run_as};
use crate::harness::{Harness, Outcome, PATIENCE, soon, trials};

/// The names in the JSON, which programs rely on.
const NAMES: [&str; 22] = [
    "alarm_no_data_count",
    "alarm_ok_count",
    "alarms_on",
    "bad_count",
    "bus_dead_letter_count",
    "dead_letter_count",
    "dead_letter_count_by_reason",
    "dead_letter_not_looked_at_count",
    "last_delivery_age_seconds",
    "last_heartbeat_age_seconds",
    "oldest_message_age_seconds",
    "queue_delayed_count",
    "queue_in_flight_count",
    "queue_visible_count",
    "rate_limit_remaining_count",
    "rows",
    "stack",
    "stack_status",
    "summary",
    "token_age_seconds",
    "token_left_seconds",
    "unknown_count",
];

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        a_delivery_and_a_heartbeat_are_seen,
        silence_is_a_fact_and_not_unknown,
        dead_letters_are_counted_by_their_reasons_and_stay_as_they_are,
        an_old_token_and_a_missing_one_are_bad,
        the_age_of_the_oldest_message_is_unknown_on_the_local_aws,
        without_permissions_the_status_is_unknown_and_no_failure,
        the_status_is_shown_again_and_again,
        a_wrong_interval_is_refused,
    ]
}

/// Runs the command with `--json`, whatever it finds.
async fn status(world: &World) -> Result<(i32, Value), Failed> {
    let said = Tool::on(world).run(&["status", "--json"]).await?;
    Ok((said.status, serde_json::from_str(&said.stdout)?))
}

async fn a_delivery_and_a_heartbeat_are_seen(world: &World) -> Outcome {
    make_well(world).await?;
    let requisition = world
        .simulator
        .add_test_data(whoop_simulator::AppointmentType::InPerson);
    soon("the order is fetched and published", async || {
        // the local AWS may show a line only with the next invocation
        await_heartbeat(world).await?;
        let (_, status) = status(world).await?;
        Ok(status["rate_limit_remaining_count"].is_u64())
    })
    .await?;
    let (exit, status) = status(world).await?;
    assert_eq!(exit, 0, "{status:#}");
    let mut names: Vec<_> = status.as_object().ok_or("no object")?.keys().collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
    assert_eq!(status["stack"], *world.stack.name);
    assert_eq!(status["summary"], "nothing bad was found, 1 unknown");
    for name in ["last_delivery_age_seconds", "last_heartbeat_age_seconds"] {
        let age = status[name].as_u64().ok_or(name)?;
        assert!(age < 120, "{name}: {age}");
    }
    let left = status["token_left_seconds"].as_u64();
    assert!(
        left.is_some_and(|left| (600..=3600).contains(&left)),
        "{left:?}"
    );
    assert_eq!(status["rows"]["alarms"]["mark"], "unknown");
    assert!(!status.to_string().contains(&requisition));
    Ok(())
}

async fn silence_is_a_fact_and_not_unknown(world: &World) -> Outcome {
    make_well(world).await?;
    let (exit, status) = status(world).await?;
    assert_eq!(exit, 0, "{status:#}");
    assert_eq!(status["last_delivery_age_seconds"], Value::Null);
    let row = &status["rows"]["last_delivery"];
    assert_eq!(row["found"], "none in the last 24 h");
    assert_eq!(row["mark"], "skipped");
    Ok(())
}

async fn dead_letters_are_counted_by_their_reasons_and_stay_as_they_are(world: &World) -> Outcome {
    make_well(world).await?;
    let queue = world.stack.output("WebhookDeadLetterQueueUrl");
    let reasons = ["not_found", "undecodable", "not_found", "Jane Doe"];
    for reason in reasons.map(Some).into_iter().chain([None]) {
        let reason = reason.map(|reason| {
            let attribute = MessageAttributeValue::builder();
            let attribute = attribute.data_type("String").string_value(reason);
            attribute.build()
        });
        let mut message = world.stack.sqs.send_message().queue_url(queue);
        if let Some(reason) = reason {
            message = message.message_attributes("failure_reason", reason?);
        }
        message.message_body("the body of a webhook").send().await?;
    }
    let (exit, status) = status(world).await?;
    let said = Tool::on(world).run(&["status"]).await?;
    assert_eq!(exit, 1, "{status:#}");
    assert_eq!(status["dead_letter_count"], 5);
    assert_eq!(
        status["dead_letter_count_by_reason"],
        json!({"not_found": 2, "undecodable": 1, "moved_by_sqs": 1, "other": 1})
    );
    assert_eq!(status["dead_letter_not_looked_at_count"], 0);
    assert!(
        said.stdout
            .contains("5: 1 moved_by_sqs, 2 not_found, 1 other, 1 undecodable"),
        "{said:?}"
    );
    assert!(
        said.stdout
            .contains("do: whoop-partner dlq list --stack operated")
    );
    assert!(said.stdout.contains("1 thing needs attention"), "{said:?}");
    assert!(!said.text().contains("the body of a webhook"));
    // all of them can be received at once
    for _ in 0..5 {
        let message = world.stack.receive(queue).await?;
        assert!(message.is_some());
    }
    Ok(())
}

async fn an_old_token_and_a_missing_one_are_bad(world: &World) -> Outcome {
    make_well(world).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let now = now.as_secs().cast_signed();
    let old = TokenItem {
        access_token: "a-token-that-is-old".into(),
        token_type: "bearer".into(),
        expires_at: now + 500,
        obtained_at: now - 3100,
    };
    world.stack.put_token_item(&old).await?;
    let (exit, with_old) = status(world).await?;
    assert_eq!(
        (exit, &with_old["rows"]["token"]["mark"]),
        (1, &json!("bad"))
    );
    let left = with_old["token_left_seconds"].as_u64();
    assert!(
        left.is_some_and(|left| (300..=500).contains(&left)),
        "{left:?}"
    );
    world.stack.delete_token_item().await?;
    let (exit, without) = status(world).await?;
    assert_eq!(exit, 1);
    assert_eq!(without["rows"]["token"]["found"], "there is none");
    assert_eq!(without["token_left_seconds"], Value::Null);
    // looking renews nothing
    assert_eq!(world.stack.token_item().await?, None);
    Ok(())
}

async fn the_age_of_the_oldest_message_is_unknown_on_the_local_aws(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.enable_event_processor(false).await?;
    let body = json!({"event_type": "planted.age", "resource_id": Uuid::new_v4()});
    let body = body.to_string();
    let answer = world.stack.deliver(body, &world.signing_secret).await?;
    let found = status(world).await;
    world.stack.enable_event_processor(true).await?;
    assert_eq!(answer.status, 204);
    let (exit, status) = found?;
    assert_eq!(exit, 0, "{status:#}");
    assert_eq!(status["queue_visible_count"], 1);
    assert_eq!(status["oldest_message_age_seconds"], Value::Null);
    assert_eq!(status["rows"]["oldest_message"]["mark"], "unknown");
    assert_eq!(status["unknown_count"], 2);
    Ok(())
}

async fn without_permissions_the_status_is_unknown_and_no_failure(world: &World) -> Outcome {
    make_well(world).await?;
    let nobody = world.stack.make_user("idler", &[]).await?;
    let reader = ["cloudformation:DescribeStacks"];
    let reader = world.stack.make_user("reader", &reader).await?;
    for (user, good, why) in [
        (nobody, 0, "DescribeStacks failed"),
        (reader, 1, "status 4"),
    ] {
        let said = run_as(world, &user, &["status", "--json"]).await?;
        assert_eq!(said.status, 0, "{said:?}");
        let status: Value = serde_json::from_str(&said.stdout)?;
        let rows = status["rows"].as_object().ok_or("no rows")?;
        assert_eq!(rows.len(), 10);
        assert_eq!(status["unknown_count"], 10 - good, "{status:#}");
        let unknown = rows.values().filter(|row| row["mark"] == "unknown");
        for row in unknown {
            let found = row["found"].as_str().unwrap_or_default();
            assert!(found.contains(why), "{row}");
        }
    }
    Ok(())
}

async fn the_status_is_shown_again_and_again(world: &World) -> Outcome {
    let arguments = ["status", "--json", "--watch", "5"];
    let mut child = Tool::on(world)
        .command(&arguments)
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(output).lines();
    for _ in 0..2 {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await??;
        let status: Value = serde_json::from_str(&line.ok_or("the tool has ended")?)?;
        assert_eq!(status["stack"], *world.stack.name);
    }
    child.kill().await?;
    Ok(())
}

async fn a_wrong_interval_is_refused(world: &World) -> Outcome {
    for seconds in ["0", "4", "soon"] {
        let said = Tool::on(world).run(&["status", "--watch", seconds]).await?;
        assert_eq!(said.status, 2, "{said:?}");
    }
    Ok(())
}
