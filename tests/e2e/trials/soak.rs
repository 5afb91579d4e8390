//! The trials of `make soak`, with little of everything.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use soak::Size;

use crate::harness::{Harness, Outcome, trials};

/// The trials on the stack without the event processor.
pub fn webhook_trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_webhook_stack;
        kills_of_the_webhook_lose_nothing,
        after_a_freeze_the_next_delivery_is_answered_in_time,
        floods_do_not_delay_good_deliveries,
        a_rotation_under_traffic_refuses_nothing,
    ]
}

/// The trials that hand messages to the event processor's binary.
pub fn by_hand_trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.by_hand; kills_of_the_event_processor_lose_nothing]
}

/// The trials of everything together.
pub fn whole_trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        exactly_what_was_accepted_is_on_the_bus,
        a_backlog_uses_what_the_rate_limit_allows,
    ]
}

async fn run(trial: soak::Trial, world: &World) -> Outcome {
    let mut missed = Vec::new();
    for figure in trial.run(world, &Size::quick()).await? {
        println!("  {figure}");
        if !figure.is_met() {
            missed.push(figure.to_string());
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    Ok(())
}

async fn kills_of_the_webhook_lose_nothing(world: &World) -> Outcome {
    run(soak::Trial::KillsOfTheWebhook, world).await
}

async fn after_a_freeze_the_next_delivery_is_answered_in_time(world: &World) -> Outcome {
    run(soak::Trial::Freezes, world).await
}

async fn floods_do_not_delay_good_deliveries(world: &World) -> Outcome {
    run(soak::Trial::Floods, world).await
}

async fn a_rotation_under_traffic_refuses_nothing(world: &World) -> Outcome {
    run(soak::Trial::Rotation, world).await
}

async fn kills_of_the_event_processor_lose_nothing(world: &World) -> Outcome {
    run(soak::Trial::KillsOfTheProcessor, world).await
}

async fn exactly_what_was_accepted_is_on_the_bus(world: &World) -> Outcome {
    run(soak::Trial::Load, world).await
}

async fn a_backlog_uses_what_the_rate_limit_allows(world: &World) -> Outcome {
    run(soak::Trial::Backlog, world).await
}
