//! Failures of WHOOP and AWS, and messages that can never succeed.

use std::sync::Arc;

use aws_sdk_sqs::types::Message;
use jiff::{Timestamp, ToSpan};
use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::Behaviour;
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::Fault;

use super::order::{ORDERED, Order};
use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, soon, trials};

/// The least and the greatest wait for a missing order, in seconds.
const LAG: std::ops::RangeInclusive<i64> = 60..=69;

/// How long a message is invisible after a first failure, in seconds.
const FIRST_BACKOFF: std::ops::RangeInclusive<i64> = 5..=10;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        what_is_no_webhook_is_set_aside_with_its_attributes_and_the_reason,
        an_order_that_lags_behind_its_webhook_is_waited_for_and_published,
        a_missing_order_is_set_aside_at_the_second_try_after_a_minute,
        what_event_bridge_does_not_take_goes_back_and_is_published_later,
        what_event_bridge_refuses_is_set_aside,
        poison_stays_in_the_queue_while_the_dead_letter_queue_is_down,
        a_batch_ends_before_the_deadline_when_whoop_hangs,
    ]
}

#[track_caller]
fn assert_set_aside(message: &Message, body: &str, reason: &str) {
    assert!(message.body() == Some(body), "another body");
    let attributes = message.message_attributes();
    let attribute = |name| attributes?.get(name)?.string_value();
    assert_eq!(attribute("failure_reason"), Some(reason));
}

async fn what_is_no_webhook_is_set_aside_with_its_attributes_and_the_reason(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    for body in [
        "this is no JSON".to_owned(),
        json!({"event_type": ORDERED}).to_string(),
        // the id never becomes a part of the path
        json!({"event_type": ORDERED, "resource_id": "../service-request"}).to_string(),
    ] {
        processor.deliver(body.clone()).await?;
        assert_eq!(processor.published().await?.len(), 0);
        let dead_letters = processor.dead_letters().await?;
        assert_eq!(dead_letters.len(), 1, "{body}");
        assert_set_aside(&dead_letters[0], &body, "undecodable");
        let attributes = dead_letters[0].message_attributes();
        let kept = |name| attributes.is_some_and(|attributes| attributes.contains_key(name));
        assert!(kept("received_at") && kept("request_id"), "{body}");
        assert_eq!(kept("event_type"), body.contains("event_type"), "{body}");
    }
    assert_eq!(processor.whoop.calls().len(), 0);
    Ok(())
}

async fn an_order_that_lags_behind_its_webhook_is_waited_for_and_published(
    world: &World,
) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &[]).await?;
    let order = processor.draft();
    processor.deliver(order.webhook()).await?;
    let tries = async || Ok(processor.whoop.calls_to(REQUISITIONS).len() >= 3);
    soon("the order is asked for a third time", tries).await?;
    processor.assert_nothing_set_aside().await?;

    processor.serve(&order);
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    processor.assert_nothing_set_aside().await?;
    let waits = hurry.waits();
    assert!(waits.len() >= 3);
    assert!(waits.iter().all(|wait| LAG.contains(wait)), "{waits:?}");
    Ok(())
}

/// The function's answer to a webhook that SQS hands over for the nth time, some seconds after the first.
async fn hand_over(
    processor: &Processor<'_>,
    order: &Order,
    receive_count: u32,
    age: i64,
) -> Result<Value, Failed> {
    let first_received = Timestamp::now() - age.seconds();
    let event = json!({"Records": [{
        "messageId": "m-1",
        "receiptHandle": "of-nobody",
        "body": order.webhook(),
        "attributes": {
            "ApproximateReceiveCount": receive_count.to_string(),
            "SentTimestamp": first_received.as_millisecond().to_string(),
            "ApproximateFirstReceiveTimestamp": first_received.as_millisecond().to_string(),
        },
        "messageAttributes": {
            "event_type": {"stringValue": ORDERED, "dataType": "String"},
        },
    }]});
    let invocation = processor.stack.invoke(processor.function(), &event).await?;
    match invocation.function_error {
        None => Ok(invocation.payload),
        Some(error) => Err(format!("{error}: {}", invocation.payload).into()),
    }
}

/// A test can't set the queue's clock, so the messages are handed to the function directly.
async fn a_missing_order_is_set_aside_at_the_second_try_after_a_minute(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let order = processor.draft();
    let goes_back = json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]});
    for (receive_count, age) in [(1, 0), (1, 3600), (2, 0), (2, 55), (50, 55)] {
        let answer = hand_over(&processor, &order, receive_count, age).await?;
        assert_eq!(answer, goes_back, "try {receive_count} after {age} s");
    }
    processor.assert_nothing_set_aside().await?;

    let answer = hand_over(&processor, &order, 2, 61).await?;
    assert_eq!(answer, json!({"batchItemFailures": []}));
    let dead_letters = processor.dead_letters().await?;
    assert_eq!(dead_letters.len(), 1);
    assert_set_aside(&dead_letters[0], &order.webhook(), "not_found");
    assert_eq!(processor.arrived().await?.len(), 0);
    Ok(())
}

/// EventBridge's answer when it does not accept an entry; its status is still 200.
fn failed_entry(code: &str) -> Behaviour {
    let entry = json!({"ErrorCode": code, "ErrorMessage": "as the proxy was told"});
    Behaviour::Answer(json!({"FailedEntryCount": 1, "Entries": [entry]}))
}

async fn what_event_bridge_does_not_take_goes_back_and_is_published_later(
    world: &World,
) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &[]).await?;
    for code in ["ThrottlingException", "InternalFailure"] {
        let order = processor.place();
        let before = hurry.proxy.calls("PutEvents");
        hurry.proxy.next("PutEvents", failed_entry(code));
        processor.deliver(order.webhook()).await?;
        let events = processor.published().await?;
        assert_eq!(events.len(), 1, "{code}");
        order.assert_whole(&events[0]);
        assert_eq!(hurry.proxy.calls("PutEvents"), before + 2, "{code}");
    }
    let waits = hurry.waits();
    assert_eq!(waits.len(), 2);
    assert!(
        waits.iter().all(|wait| FIRST_BACKOFF.contains(wait)),
        "{waits:?}"
    );
    processor.assert_nothing_set_aside().await
}

async fn what_event_bridge_refuses_is_set_aside(world: &World) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &[]).await?;
    let order = processor.place();
    hurry
        .proxy
        .next("PutEvents", failed_entry("MalformedDetail"));
    processor.deliver(order.webhook()).await?;
    assert_eq!(processor.published().await?.len(), 0);
    let dead_letters = processor.dead_letters().await?;
    assert_eq!(dead_letters.len(), 1);
    assert_set_aside(&dead_letters[0], &order.webhook(), "refused");

    // the state is not remembered as published
    processor.deliver(order.webhook()).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    Ok(())
}

async fn poison_stays_in_the_queue_while_the_dead_letter_queue_is_down(world: &World) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &[]).await?;
    let (status, code) = (500, "InternalFailure");
    hurry
        .proxy
        .set("SendMessage", Behaviour::Fail { status, code });
    processor.deliver("poison without JSON").await?;
    let went_back = async || Ok(!hurry.waits().is_empty());
    soon("the message has gone back", went_back).await?;
    processor.assert_nothing_set_aside().await?;

    hurry.proxy.set("SendMessage", Behaviour::Pass);
    assert_eq!(processor.published().await?.len(), 0);
    let dead_letters = processor.dead_letters().await?;
    assert_eq!(dead_letters.len(), 1);
    assert_set_aside(&dead_letters[0], "poison without JSON", "undecodable");
    Ok(())
}

async fn a_batch_ends_before_the_deadline_when_whoop_hangs(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    processor.stack.set_timeout(processor.function(), 8).await?;
    let outcome = batch_while_whoop_hangs(&processor).await;
    processor
        .stack
        .set_timeout(processor.function(), 90)
        .await?;
    outcome
}

async fn batch_while_whoop_hangs(processor: &Processor<'_>) -> Outcome {
    let orders: Vec<Order> = (0..10).map(|_| processor.place()).collect();
    processor.whoop.fault(Fault {
        path: REQUISITIONS.into(),
        delay_ms: 600_000,
        times: 1000,
        ..Fault::default()
    });
    let before = processor.stack.logs(processor.function())?.len();
    let webhooks: Vec<String> = orders.iter().map(Order::webhook).collect();
    processor.queue(&webhooks).await?;
    let went_back = async || {
        let lines = processor.stack.logs(processor.function())?;
        let lines = lines[before..].iter();
        Ok(lines
            .filter(|line| line.contains("message goes back"))
            .count()
            >= 10)
    };
    soon("all messages have gone back", went_back).await?;
    processor.whoop.clear_faults();
    // if it were killed at the deadline, the messages would stay invisible for the queue's nine minutes
    let events = processor.published().await?;
    assert_eq!(events.len(), 10);
    let processes = processor.processes().len();
    assert!((1..=2).contains(&processes), "{processes} processes");
    processor.assert_nothing_set_aside().await
}
