//! `events replay`. The local AWS does not make the template's archive, so each trial makes one.

use std::sync::{Arc, Mutex};

use libtest_mimic::Trial;
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{Tool, restored};
use super::{call, publish};
use crate::harness::{Harness, Outcome, soon, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        events_of_the_archive_are_published_again,
        a_replay_for_some_rules_names_them_to_eventbridge,
        a_dry_run_says_who_would_get_the_events,
        a_replay_that_fails_is_reported,
        a_replay_of_nothing_is_refused,
        a_bus_without_an_archive_is_named,
    ]
}

/// Runs a trial while the bus has an archive.
async fn with_archive(world: &World, trial: impl AsyncFnOnce(&str) -> Outcome) -> Outcome {
    let name = format!("trial-{}", Uuid::new_v4().simple());
    let bus = world.stack.output("EventBusArn");
    let archive = json!({"ArchiveName": name, "EventSourceArn": bus, "RetentionDays": 14});
    call(&world.stack, "CreateArchive", archive).await?;
    restored(trial(&name), async || {
        call(&world.stack, "DeleteArchive", json!({"ArchiveName": name})).await?;
        Ok(())
    })
    .await
}

async fn events_of_the_archive_are_published_again(world: &World) -> Outcome {
    with_archive(world, async |archive| {
        let stack = &world.stack;
        let subscription = stack.subscribe().await?;
        let before = jiff::Timestamp::now();
        let id = publish(stack, "moon.risen").await?;
        soon("the event arrives", async || {
            Ok(!stack.next_events(&subscription).await?.is_empty())
        })
        .await?;
        // the archive counts in whole seconds
        let from = before.checked_sub(jiff::SignedDuration::from_secs(2))?;
        let from = from.to_string();
        soon("the second of the event is over", async || {
            let now = jiff::Timestamp::now();
            Ok(now.duration_since(before).as_secs() >= 1)
        })
        .await?;
        let replay = ["events", "replay", "--from", &from, "--to", "now", "--wait"];
        let said = Tool::on(world).run(&replay).await?;
        assert_eq!(said.status, 0, "{said:?}");
        assert!(said.stdout.contains(archive), "{said:?}");
        let rule = format!("  {}-events\n", stack.name);
        assert!(said.stdout.contains(&rule), "{said:?}");
        assert!(said.stdout.contains(": COMPLETED"), "{said:?}");
        let again = stack.next_events(&subscription).await?;
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].resource_id(), id);
        Ok(())
    })
    .await
}

async fn a_replay_for_some_rules_names_them_to_eventbridge(world: &World) -> Outcome {
    with_archive(world, async |_| {
        let stack = &world.stack;
        stack.subscribe().await?;
        let rule = format!("{}-events", stack.name);
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let started: Arc<Mutex<Vec<Value>>> = Arc::default();
        let seen = Arc::clone(&started);
        let watch = Behaviour::watch(move |call| seen.lock().unwrap().push(call));
        proxy.set("StartReplay", watch);
        let arguments = [
            "--json", "events", "replay", "--from", "2h", "--to", "now", "--rule", &rule,
        ];
        let said = Tool::on(world)
            .run_with("AWS_ENDPOINT_URL_EVENTBRIDGE", &proxy, &arguments)
            .await?;
        assert_eq!(said.status, 0, "{said:?}");
        let report: Value = serde_json::from_str(&said.stdout)?;
        assert_eq!(report["rules"], json!([{"name": rule, "enabled": true}]));
        assert_eq!(report["state"], "STARTING");
        let started = started.lock().unwrap();
        let [call] = started.as_slice() else {
            return Err("not one replay".into());
        };
        assert_eq!(call["ReplayName"], report["name"]);
        let bus = stack.output("EventBusArn");
        assert_eq!(call["Destination"]["Arn"], bus);
        let filter = call["Destination"]["FilterArns"].as_array();
        let [arn] = filter.map_or(&[][..], Vec::as_slice) else {
            return Err("not one rule".into());
        };
        assert!(
            arn.as_str().is_some_and(|arn| arn.ends_with(&rule)),
            "{arn}"
        );
        let hours = |name: &str| call[name].as_f64().unwrap_or_default();
        let span = hours("EventEndTime") - hours("EventStartTime");
        assert!((7199.0..7201.0).contains(&span), "{span}");
        Ok(())
    })
    .await
}

async fn a_dry_run_says_who_would_get_the_events(world: &World) -> Outcome {
    with_archive(world, async |_| {
        let stack = &world.stack;
        let subscription = stack.subscribe().await?;
        publish(stack, "moon.risen").await?;
        soon("the event arrives", async || {
            Ok(!stack.next_events(&subscription).await?.is_empty())
        })
        .await?;
        let replay = [
            "events",
            "replay",
            "--from",
            "1h",
            "--to",
            "now",
            "--dry-run",
        ];
        let said = Tool::on(world).run(&replay).await?;
        assert_eq!(said.status, 0, "{said:?}");
        for text in [
            &format!("  {}-events\n", stack.name),
            "Events of the last ten minutes may not be in the archive yet.",
            "Nothing was published.",
        ] {
            assert!(said.stdout.contains(text), "{said:?}");
        }
        assert!(stack.next_events(&subscription).await?.is_empty());
        Ok(())
    })
    .await
}

async fn a_replay_that_fails_is_reported(world: &World) -> Outcome {
    with_archive(world, async |_| {
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        proxy.set(
            "DescribeReplay",
            Behaviour::rewrite(|replay| {
                replay["State"] = json!("FAILED");
                replay["StateReason"] = json!("the key is disabled");
            }),
        );
        let arguments = ["events", "replay", "--from", "2h", "--to", "now", "--wait"];
        let said = Tool::on(world)
            .run_with("AWS_ENDPOINT_URL_EVENTBRIDGE", &proxy, &arguments)
            .await?;
        let stdout = said.stdout;
        assert_eq!(said.status, 1, "{stdout}");
        assert!(
            stdout.contains(": FAILED\n  the key is disabled"),
            "{stdout}"
        );
        Ok(())
    })
    .await
}

async fn a_replay_of_nothing_is_refused(world: &World) -> Outcome {
    with_archive(world, async |_| {
        for (arguments, about) in [
            (&["--from", "1h"][..], "--to"),
            (&["--to", "1h"], "--from"),
            (
                &["--from", "yesterday", "--to", "now"],
                "write a time such as",
            ),
            (
                &["--from", "1h", "--to", "1h"],
                "--from has to lie before --to",
            ),
            (
                &["--from", "1h", "--to", "2h"],
                "--from has to lie before --to",
            ),
            (
                &["--from", "1h", "--to", "2999-01-01T00:00:00Z"],
                "in the future",
            ),
            (
                &["--from", "15d", "--to", "1h"],
                "keeps events for 14 d only",
            ),
            (&["--from", "13d", "--to", "12d"], "was made"),
            (
                &["--from", "1h", "--to", "now", "--rule", "nobodys"],
                "has no rule nobodys; its rules: ",
            ),
            (
                &["--from", "1h", "--to", "now", "--wait", "--dry-run"],
                "cannot be used with",
            ),
        ] {
            let arguments = [&["events", "replay"][..], arguments].concat();
            let said = Tool::on(world).run(&arguments).await?;
            assert_eq!(said.status, 2, "{arguments:?}: {said:?}");
            assert!(said.stderr.contains(about), "{arguments:?}: {said:?}");
        }
        Ok(())
    })
    .await
}

async fn a_bus_without_an_archive_is_named(world: &World) -> Outcome {
    let said = Tool::on(world)
        .run(&["events", "replay", "--from", "1h", "--to", "now"])
        .await?;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(said.stderr.contains("has no archive"), "{said:?}");
    Ok(())
}
