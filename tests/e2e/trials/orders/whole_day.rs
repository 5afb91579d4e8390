//! A day with everything in it: many orders, duplicates, poison messages, and every failure that WHOOP can have
//! meanwhile.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use libtest_mimic::Trial;
use local_aws::stack::PublishedEvent;
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::Fault;

use super::order::{ORDERED, Order};
use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, trials};

/// How many orders there are.
const ORDERS: usize = 200;

/// How many of the webhooks are repetitions.
const DUPLICATES: usize = 60;

/// How many webhooks WHOOP delivers at the same time.
const AT_ONCE: usize = 8;

/// Webhooks that can never succeed.
const POISON: [&str; 2] = [
    r#"{"event_type":"lab_requisition.created","resource_id":"#,
    r#"{"event_type":"lab_requisition.created","resource_id":"no order of anybody"}"#,
];

/// The burst of 503s: more than one order's attempts, so that messages go back to the queue.
const BURST: u32 = 12;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        on_a_good_day_each_of_200_orders_is_published_exactly_once,
        on_a_bad_day_each_of_200_orders_is_published_and_only_poison_is_set_aside,
    ]
}

/// Delivers everything. When a given number of webhooks has been sent, does to WHOOP what `at` says.
async fn deliver_all(processor: &Processor<'_>, orders: &[Order], at: impl Fn(usize)) -> Outcome {
    let mut webhooks: Vec<String> = orders.iter().map(Order::webhook).collect();
    for _ in 0..DUPLICATES {
        let again = webhooks[fastrand::usize(..orders.len())].clone();
        webhooks.push(again);
    }
    webhooks.extend(POISON.map(str::to_owned));
    fastrand::shuffle(&mut webhooks);
    stream::iter(webhooks.into_iter().enumerate())
        .map(|(index, webhook)| {
            at(index);
            processor.deliver(webhook)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// How often each order is on the bus; each event must be whole.
fn publications(orders: &[Order], events: &[PublishedEvent]) -> HashMap<String, usize> {
    let orders: HashMap<&str, &Order> = orders.iter().map(|order| (&*order.id, order)).collect();
    let mut publications = HashMap::new();
    for event in events {
        orders[event.resource_id()].assert_whole(event);
        *publications
            .entry(event.resource_id().to_owned())
            .or_default() += 1;
    }
    publications
}

async fn on_a_good_day_each_of_200_orders_is_published_exactly_once(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let orders: Vec<Order> = (0..ORDERS).map(|_| processor.place()).collect();
    deliver_all(&processor, &orders, |_| {}).await?;
    let events = processor.published().await?;
    let publications = publications(&orders, &events);
    assert_eq!(publications.len(), ORDERS);
    assert_eq!(events.len(), ORDERS, "an order is published more than once");
    assert_only_poison_is_set_aside(&processor).await
}

async fn on_a_bad_day_each_of_200_orders_is_published_and_only_poison_is_set_aside(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let whoop = processor.whoop;
    let orders: Vec<Order> = (0..ORDERS).map(|_| processor.place()).collect();
    deliver_all(&processor, &orders, |delivered| match delivered {
        60 => whoop.expire_tokens(),
        110 => whoop.fault(
            Fault::status(REQUISITIONS, 429)
                .header("X-RateLimit-Remaining", 0)
                .header("X-RateLimit-Reset", 3),
        ),
        160 => whoop.fault(Fault::status(REQUISITIONS, 503).times(BURST)),
        _ => {}
    })
    .await?;
    let events = processor.published().await?;
    assert_eq!(publications(&orders, &events).len(), ORDERS);
    let answered = |status| {
        let calls = whoop.calls_to(REQUISITIONS).into_iter();
        calls.filter(|call| call.status == Some(status)).count()
    };
    // two run at once, but the local AWS may keep more environments, each with the expired token in its memory
    assert!((1..=8).contains(&answered(401)), "{}", answered(401));
    assert_eq!(answered(429), 1);
    assert_eq!(answered(503), BURST as usize);
    let tokens = whoop.calls_to("/v2/partner/token").len();
    assert!((2..=8).contains(&tokens), "{tokens} tokens");
    mend_and_send_back(&processor).await
}

/// Corrects one of the poison messages and sends it back as an operator would; the other stays.
async fn mend_and_send_back(processor: &Processor<'_>) -> Outcome {
    let order = processor.place();
    let sqs = &processor.stack.sqs;
    let dead_letters = processor.stack.output("WebhookDeadLetterQueueUrl");
    let received = sqs
        .receive_message()
        .queue_url(dead_letters)
        .max_number_of_messages(10)
        .message_attribute_names("All")
        .send()
        .await?;
    assert_eq!(received.messages().len(), POISON.len());
    let message = &received.messages()[0];
    let mut event: Value = json!({"event_type": ORDERED});
    event["resource_id"] = json!(order.id);
    let mut attributes = message.message_attributes.clone().unwrap_or_default();
    let reason = attributes.remove("failure_reason");
    assert!(reason.is_some(), "no failure_reason");
    sqs.send_message()
        .queue_url(processor.stack.output("WebhookQueueUrl"))
        .message_body(event.to_string())
        .set_message_attributes(Some(attributes))
        .send()
        .await?;
    sqs.delete_message()
        .queue_url(dead_letters)
        .set_receipt_handle(message.receipt_handle.clone())
        .send()
        .await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    let left = processor.stack.queue_depth(dead_letters).await?;
    assert_eq!(left, POISON.len() - 1);
    Ok(())
}

async fn assert_only_poison_is_set_aside(processor: &Processor<'_>) -> Outcome {
    let dead_letters = processor.dead_letters().await?;
    let mut bodies: Vec<&str> = dead_letters.iter().filter_map(|one| one.body()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, POISON);
    for message in &dead_letters {
        let attributes = message.message_attributes();
        let reason = attributes.and_then(|attributes| attributes["failure_reason"].string_value());
        assert_eq!(reason, Some("undecodable"));
    }
    Ok(())
}
