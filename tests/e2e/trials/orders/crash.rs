//! A crash while a message is processed. A state is published first and remembered afterwards, so a crash repeats it
//! and never loses it.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use libtest_mimic::Trial;
use local_aws::aws_proxy::Behaviour;
use local_aws::world::World;

use super::hurry::Hurry;
use super::order::Order;
use super::processor::Processor;
use crate::harness::{Harness, Outcome, soon, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack; a_crash_after_the_publishing_repeats_it_and_loses_nothing]
}

async fn a_crash_after_the_publishing_repeats_it_and_loses_nothing(world: &World) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &[]).await?;
    let order = processor.place();
    let answers_late = Behaviour::Delay(Duration::from_secs(60));
    hurry.proxy.next("PutEvents", answers_late);
    set_visibility_timeout(&processor, "1").await?;
    let crashed = crash_once_published(&processor, &order, &hurry).await;
    let restored = set_visibility_timeout(&processor, "540").await;
    crashed?;
    restored?;

    // this time the state is remembered
    processor.deliver(order.webhook()).await?;
    assert_eq!(processor.published().await?.len(), 0);
    processor.assert_nothing_set_aside().await
}

async fn crash_once_published(processor: &Processor<'_>, order: &Order, hurry: &Hurry) -> Outcome {
    processor.deliver(order.webhook()).await?;
    let asked = async || Ok(hurry.proxy.calls("PutEvents") == 1);
    soon("the order is published", asked).await?;
    let first = async || Ok(processor.arrived().await?.len() == 1);
    soon("the event has arrived", first).await?;
    for process in processor.processes() {
        kill(&process)?;
    }
    // the next execution has to wait until the lease ends
    soon("the message is taken up again", async || {
        Ok(!hurry.waits().is_empty())
    })
    .await?;
    assert_eq!(hurry.proxy.calls("PutEvents"), 1);
    end_leases(processor).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    assert_eq!(hurry.proxy.calls("PutEvents"), 2);
    Ok(())
}

fn kill(process: &Path) -> Outcome {
    let id = process.file_name().unwrap_or_default();
    let status = Command::new("kill").arg("-KILL").arg(id).status()?;
    assert!(status.success(), "{status}");
    Ok(())
}

/// Sets the queue's own visibility timeout: after a crash, a message becomes visible again when it ends.
async fn set_visibility_timeout(processor: &Processor<'_>, seconds: &str) -> Outcome {
    let change = processor.stack.sqs.set_queue_attributes();
    change
        .queue_url(processor.stack.output("WebhookQueueUrl"))
        .attributes(QueueAttributeName::VisibilityTimeout, seconds)
        .send()
        .await?;
    Ok(())
}

/// Makes every lease expire.
async fn end_leases(processor: &Processor<'_>) -> Outcome {
    let dynamodb = &processor.stack.dynamodb;
    let table = processor.stack.output("PublishedTableName");
    let items = dynamodb.scan().table_name(table).send().await?;
    let held = items
        .items()
        .iter()
        .filter(|item| item.contains_key("claimed_until"));
    let mut ended = 0;
    for item in held {
        dynamodb
            .update_item()
            .table_name(table)
            .key("id", item["id"].clone())
            .update_expression("SET claimed_until = :past")
            .expression_attribute_values(":past", AttributeValue::N("0".into()))
            .send()
            .await?;
        ended += 1;
    }
    assert!(ended > 0, "nobody holds a lease");
    Ok(())
}
