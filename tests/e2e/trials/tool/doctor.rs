//! `whoop-partner doctor`.

mod functions;
mod orders;
mod secrets;
pub(super) mod stage;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use self::stage::{Examined, make_well};
use super::Tool;
use crate::harness::{Harness, Outcome, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let general = trials![harness.on_operated_stack;
        a_healthy_stack_is_well_and_only_its_alarms_are_unknown,
        every_line_says_what_was_found_and_what_to_do,
        without_any_permission_everything_is_unknown,
        with_few_permissions_only_the_rest_is_unknown,
        a_stack_that_is_not_there_is_an_error,
    ];
    let without_processor = trials![harness.beside_on_webhook_stack;
        a_stack_without_the_event_processor_is_examined_without_it,
    ];
    let areas = [
        general,
        without_processor,
        secrets::trials(harness),
        functions::trials(harness),
        orders::trials(harness),
        watch::trials(harness),
    ];
    areas.into_iter().flatten().collect()
}

async fn a_healthy_stack_is_well_and_only_its_alarms_are_unknown(world: &World) -> Outcome {
    make_well(world).await?;
    let body = json!({"event_type": "planted.visit", "resource_id": Uuid::new_v4()}).to_string();
    let answer = world.stack.deliver(body, &world.signing_secret).await?;
    assert_eq!(answer.status, 204);
    let examined = Examined::well_except(world, &["queue"]).await?;
    // the local AWS evaluates no alarm
    assert_eq!(examined.with_mark("unknown"), ["alarms"]);
    assert_eq!(examined.with_mark("skipped"), ["webhook_public_url"]);
    assert_eq!(examined.status, 0);
    Ok(())
}

async fn every_line_says_what_was_found_and_what_to_do(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.enable_event_processor(false).await?;
    let said = Tool::on(world).run(&["doctor"]).await?;
    world.stack.enable_event_processor(true).await?;
    assert_eq!(said.status, 1, "{said:?}");
    let lines: Vec<_> = said.stdout.lines().collect();
    let bad = lines.iter().position(|line| line.starts_with('✗'));
    let bad = bad.ok_or("no line is bad")?;
    assert!(
        lines[bad].contains("event source mapping  "),
        "{}",
        lines[bad]
    );
    assert!(lines[bad].ends_with("Disabled: no webhook is processed"));
    let remedy = lines[bad + 1].trim_start();
    assert!(
        remedy.starts_with("do: aws lambda update-event-source-mapping --uuid "),
        "{remedy}"
    );
    assert!(said.stdout.contains("✓ key "), "{}", said.stdout);
    assert!(
        said.stdout
            .ends_with("\n\n1 thing needs attention, 1 unknown\n"),
        "{}",
        said.stdout
    );
    Ok(())
}

async fn without_any_permission_everything_is_unknown(world: &World) -> Outcome {
    let user = world.stack.make_user("nobody", &[]).await?;
    let examined = Examined::by(world, &user).await?;
    assert_eq!(examined.status, 1);
    assert!(examined.checks.len() >= 20, "{examined:?}");
    for check in &examined.checks {
        assert_eq!(check["mark"], "unknown", "{check}");
        let found = check["found"].as_str().unwrap_or_default();
        assert!(found.starts_with("DescribeStacks failed"), "{check}");
        let remedy = check["remedy"].as_str().unwrap_or_default();
        assert!(remedy.contains("permission"), "{check}");
    }
    Ok(())
}

async fn with_few_permissions_only_the_rest_is_unknown(world: &World) -> Outcome {
    make_well(world).await?;
    let may = [
        "cloudformation:*",
        "kms:DescribeKey",
        "sqs:GetQueueAttributes",
    ];
    let user = world.stack.make_user("somebody", &may).await?;
    let examined = Examined::by(world, &user).await?;
    let marks: BTreeMap<_, _> = examined
        .checks
        .iter()
        .map(|check| (check["id"].as_str(), check["mark"].as_str()))
        .collect();
    for (id, mark) in marks {
        let expected = match id.unwrap_or_default() {
            "stack" | "key" | "queue" | "dead_letters" | "bus_dead_letters" | "webhook_url" => {
                "good"
            }
            "webhook_public_url" | "heartbeat_arrival" => "skipped",
            _ => "unknown",
        };
        assert_eq!(mark, Some(expected), "{id:?}: {examined:?}");
    }
    assert_eq!(examined.status, 0);
    Ok(())
}

async fn a_stack_without_the_event_processor_is_examined_without_it(world: &World) -> Outcome {
    let examined = Examined::on(world).await?;
    let skipped = examined.with_mark("skipped");
    for id in [
        "function_event_processor",
        "function_heartbeat",
        "heartbeat",
        "heartbeat_arrival",
        "event_source_mapping",
        "bus_rules",
        "bus_dead_letters",
    ] {
        assert!(skipped.contains(&id), "{id}: {examined:?}");
    }
    // good or bad: other trials on this stack make calls that are refused
    assert!(!skipped.contains(&"permissions"), "{examined:?}");
    let status = Tool::on(world).run(&["status", "--json"]).await?;
    let status: Value = serde_json::from_str(&status.stdout)?;
    for row in ["last_heartbeat", "bus_dead_letters", "rate_limit"] {
        assert_eq!(status["rows"][row]["mark"], "skipped", "{status:#}");
    }
    Ok(())
}

async fn a_stack_that_is_not_there_is_an_error(world: &World) -> Outcome {
    let said = Tool::on(world)
        .run(&["doctor", "--stack", "nowhere"])
        .await?;
    assert_eq!((said.status, said.stdout.as_str()), (1, ""), "{said:?}");
    assert!(
        said.stderr.contains("there is no stack nowhere"),
        "{said:?}"
    );
    let said = Tool::on(world).run(&["doctor", "--offline"]).await?;
    assert_eq!(said.status, 2, "{said:?}");
    Ok(())
}
