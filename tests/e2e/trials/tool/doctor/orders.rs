//! Faults on the way from the queue to the consumers.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;

use super::stage::{Examined, make_well};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        a_disabled_mapping_is_found_and_no_heartbeat_is_waited_for,
        a_bus_without_a_rule_is_found,
        a_rule_without_a_target_is_found,
        dead_letters_are_found,
    ]
}

async fn a_disabled_mapping_is_found_and_no_heartbeat_is_waited_for(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.enable_event_processor(false).await?;
    let examined = Examined::on(world).await;
    let again = Examined::on(world).await;
    world.stack.enable_event_processor(true).await?;
    let examined = examined?;
    examined.assert_bad(
        "event_source_mapping",
        "Disabled",
        "aws lambda update-event-source-mapping --uuid ",
    );
    assert!(examined.with_mark("skipped").contains(&"heartbeat_arrival"));
    // its heartbeat waits, and the local AWS does not say for how long
    assert!(again?.with_mark("unknown").contains(&"queue"));
    Ok(())
}

async fn a_bus_without_a_rule_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.empty_rules(true).await?;
    let examined = Examined::on(world).await;
    world.stack.subscribe().await?;
    examined?.assert_bad("bus_rules", "there is none", "docs/events.md#make-a-rule");
    Ok(())
}

async fn a_rule_without_a_target_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    world.stack.empty_rules(false).await?;
    let examined = Examined::on(world).await;
    world.stack.subscribe().await?;
    examined?.assert_bad("bus_rules", "without a target", "aws events put-targets");
    Ok(())
}

async fn dead_letters_are_found(world: &World) -> Outcome {
    make_well(world).await?;
    let stack = &world.stack;
    for queue in ["WebhookDeadLetterQueueUrl", "EventBusDeadLetterQueueUrl"] {
        let message = stack.sqs.send_message().queue_url(stack.output(queue));
        message.message_body("{}").send().await?;
    }
    let examined = Examined::on(world).await;
    for queue in ["WebhookDeadLetterQueueUrl", "EventBusDeadLetterQueueUrl"] {
        stack.purge(stack.output(queue)).await?;
    }
    let examined = examined?;
    let list = "whoop-partner dlq list --stack operated";
    examined.assert_bad("dead_letters", "1 webhook was set aside", list);
    examined.assert_bad("bus_dead_letters", "1 events", "docs/runbook.md#buslost");
    Ok(())
}
