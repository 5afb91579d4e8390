//! What an alarm's topic sends to its subscribers.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libtest_mimic::{Failed, Trial};
use local_aws::stack::{AlarmSubscription, Stack};
use local_aws::world::World;
use serde_json::Value;

use crate::harness::{Harness, Outcome, PATIENCE, trials};

/// An alarm without metric math, which the local AWS therefore has. Nothing else on it puts its metric.
const ALARM: &str = "ShutOutAlarm";

/// The alarm's period in seconds.
const PERIOD: u64 = 300;

/// For so many seconds the alarm sees the first value.
const IN_VIEW: u64 = 5;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.beside_on_webhook_stack;
        subscribers_learn_that_an_alarm_goes_off_and_that_it_ends,
    ]
}

async fn subscribers_learn_that_an_alarm_goes_off_and_that_it_ends(world: &World) -> Outcome {
    let stack = &world.stack;
    let resources = stack.cloudformation().resources(&stack.name).await?;
    let alarm = resources.iter().find(|one| one.logical_id == ALARM);
    let name = &alarm.ok_or("the alarm is not deployed")?.physical_id;
    let subscription = stack.subscribe_to_alarms().await?;

    let started = Instant::now();
    put(stack, now() - PERIOD + IN_VIEW, 1.0).await?;
    let goes_off = next_of(stack, &subscription, name).await?;
    assert_eq!(goes_off["NewStateValue"], "ALARM");
    let description = goes_off["AlarmDescription"].as_str().unwrap_or_default();
    assert!(
        description.contains("docs/runbook.md#shutout"),
        "{description}"
    );

    // until the first value is out of view
    let out_of_view = Duration::from_secs(IN_VIEW + 1);
    tokio::time::sleep(out_of_view.saturating_sub(started.elapsed())).await;
    put(stack, now(), 0.0).await?;
    let ends = next_of(stack, &subscription, name).await?;
    assert_eq!(ends["NewStateValue"], "OK");
    assert_eq!(ends["OldStateValue"], "ALARM");
    assert_eq!(ends["AlarmDescription"], description);
    Ok(())
}

async fn put(stack: &Stack, at: u64, value: f64) -> Outcome {
    Ok(stack
        .put_metric("WhoopPartner", "ShutOut", at, value)
        .await?)
}

/// The next message about this alarm. Others may change their state at the same time.
async fn next_of(
    stack: &Stack,
    subscription: &AlarmSubscription,
    name: &str,
) -> Result<Value, Failed> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if let Some(message) = stack.next_alarm(subscription).await?
            && message["AlarmName"] == name
        {
            return Ok(message);
        }
    }
    Err(format!("no message about {name} has arrived").into())
}

/// Unix seconds.
fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH);
    elapsed.expect("the clock is past 1970").as_secs()
}
