//! `AUTO_CONFIRM_ORDERS`: new orders are confirmed once they are published.

use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use libtest_mimic::Trial;
use local_aws::aws_proxy::Behaviour;
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::{Call, Fault};

use super::hurry::Hurry;
use super::order::Order;
use super::processor::{Processor, SERVICE_REQUESTS};
use crate::harness::{Harness, Outcome, soon, trials};

/// The environment that makes the function confirm.
const CONFIRM: [(&str, Option<&str>); 1] = [("AUTO_CONFIRM_ORDERS", Some("true"))];

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        new_orders_are_confirmed_after_they_are_published_and_not_before,
        a_retry_after_the_publishing_still_confirms,
        an_outdated_read_is_never_confirmed_and_the_message_returns_until_it_is_as_new_as_what_is_published,
        an_order_that_whoop_refuses_to_have_confirmed_is_set_aside,
    ]
}

/// An order at WHOOP whose second service request already has a status.
fn partly_handled(processor: &Processor<'_>) -> Order {
    let mut order = processor.draft();
    order.requisition["service_requests"][1]["task_business_status"] =
        json!("APPOINTMENT_ATTENDED");
    processor.serve(&order);
    order
}

/// The status of each service request at WHOOP.
fn statuses(processor: &Processor<'_>, order: &Order) -> Vec<Value> {
    let service_requests = order.requisition["service_requests"].as_array();
    let ids = service_requests.into_iter().flatten();
    ids.map(|one| {
        let now = processor
            .whoop
            .service_request(one["id"].as_str().unwrap_or_default());
        now.unwrap_or_default()["task_business_status"].clone()
    })
    .collect()
}

fn confirmations(processor: &Processor<'_>) -> Vec<Call> {
    processor.whoop.calls_to(SERVICE_REQUESTS)
}

async fn new_orders_are_confirmed_after_they_are_published_and_not_before(
    world: &World,
) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &CONFIRM).await?;
    let order = partly_handled(&processor);
    let (status, code) = (500, "InternalException");
    hurry
        .proxy
        .set("PutEvents", Behaviour::Fail { status, code });
    processor.deliver(order.webhook()).await?;
    went_back(&hurry).await?;
    assert_eq!(confirmations(&processor).len(), 0);

    hurry.proxy.set("PutEvents", Behaviour::Pass);
    let events = processor.published().await?;
    assert_eq!(events.len(), 1);
    // the order as it was before the confirmation
    order.assert_whole(&events[0]);
    assert_eq!(
        statuses(&processor, &order),
        ["ORDER_CONFIRMED", "APPOINTMENT_ATTENDED"]
    );
    let calls = confirmations(&processor);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].method, "PATCH");
    assert_eq!(
        calls[0].body,
        Some(json!({"task_business_status": "ORDER_CONFIRMED"}))
    );
    processor.assert_nothing_set_aside().await
}

async fn went_back(hurry: &Hurry) -> Outcome {
    let went_back = async || Ok(!hurry.waits().is_empty());
    soon("the message has gone back", went_back).await
}

async fn a_retry_after_the_publishing_still_confirms(world: &World) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &CONFIRM).await?;
    let order = partly_handled(&processor);
    let outage = Fault::status(SERVICE_REQUESTS, 503).times(1000);
    processor.whoop.fault(outage);
    processor.deliver(order.webhook()).await?;
    went_back(&hurry).await?;
    let events = processor.arrived().await?;
    assert_eq!(events.len(), 1);
    order.assert_whole(&events[0]);
    assert_eq!(
        statuses(&processor, &order),
        [Value::Null, json!("APPOINTMENT_ATTENDED")]
    );

    processor.whoop.clear_faults();
    assert_eq!(processor.published().await?.len(), 0, "published again");
    assert_eq!(
        statuses(&processor, &order),
        ["ORDER_CONFIRMED", "APPOINTMENT_ATTENDED"]
    );
    processor.assert_nothing_set_aside().await
}

async fn an_outdated_read_is_never_confirmed_and_the_message_returns_until_it_is_as_new_as_what_is_published(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &CONFIRM).await?;
    let mut order = processor.place();
    processor
        .whoop
        .fault(Fault::status(SERVICE_REQUESTS, 503).times(1_000_000));
    let mut message = Message::new(order.webhook());
    let Fate::Returns(wait) = by_hand.one(&message).await? else {
        return Err("the message is finished, although nothing is confirmed".into());
    };
    assert_eq!(processor.arrived().await?.len(), 1);
    processor.whoop.clear_faults();
    let confirmed = confirmations(&processor).len();

    let published = order.requisition.clone();
    let updated_at = published["updated_at"].as_str().unwrap_or_default();
    let updated_at: Timestamp = updated_at.parse()?;
    order.requisition["updated_at"] = json!(updated_at - 1.minute());
    processor.serve(&order);
    message = message.after(wait);
    for _ in 0..3 {
        let Fate::Returns(wait) = by_hand.one(&message).await? else {
            return Err("the message is finished after an outdated read".into());
        };
        message = message.after(wait);
        assert_eq!(confirmations(&processor).len(), confirmed);
        assert_eq!(processor.arrived().await?.len(), 0);
    }

    order.requisition = published;
    processor.serve(&order);
    assert_eq!(by_hand.one(&message).await?, Fate::Done);
    assert_eq!(processor.arrived().await?.len(), 0);
    assert_eq!(
        statuses(&processor, &order),
        ["ORDER_CONFIRMED", "ORDER_CONFIRMED"]
    );
    processor.assert_nothing_set_aside().await
}

async fn an_order_that_whoop_refuses_to_have_confirmed_is_set_aside(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &CONFIRM).await?;
    let order = processor.place();
    processor
        .whoop
        .fault(Fault::status(SERVICE_REQUESTS, 422).times(1_000_000));
    let message = Message::new(order.webhook());
    let Fate::Returns(wait) = by_hand.one(&message).await? else {
        return Err("WHOOP's refusal is final at the first try".into());
    };
    assert_eq!(by_hand.one(&message.after(wait)).await?, Fate::Done);
    let letters = processor.dead_letters().await?;
    let attributes = letters[0].message_attributes();
    let reason = attributes.and_then(|all| all.get("failure_reason")?.string_value());
    assert_eq!(reason, Some("invalid_request"));
    Ok(())
}
