//! WHOOP's rate limit: while it is exhausted no call is made, and no message is lost by waiting.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::ToSpan;
use libtest_mimic::Trial;
use local_aws::world::World;
use whoop_simulator::{Call, Fault, RateLimit};

use super::order::Order;
use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, soon, trials};

/// How many orders are queued.
const ORDERS: usize = 1000;

/// WHOOP's hundred calls, in a window shorter than its minute.
const LIMIT: u32 = 100;
const WINDOW_SECONDS: u64 = 3;

/// How long publishing them may take; the limit alone takes half a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many calls are left when the processor stops calling. With this reserve, its two executions don't run into each
/// other's limit.
const FEW: u32 = 2;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        after_a_429_nobody_is_called_until_the_reset_and_the_batch_goes_on,
        after_a_429_with_a_far_reset_the_rest_of_the_batch_goes_back_for_that_long,
        a_thousand_queued_orders_are_published_within_the_limit_and_none_is_lost,
    ]
}

/// Queues a batch of ten orders that WHOOP serves, for one process.
async fn one_batch(processor: &Processor<'_>) -> Result<Vec<Order>, libtest_mimic::Failed> {
    processor.one_execution_at_a_time().await?;
    let orders: Vec<Order> = (0..10).map(|_| processor.place()).collect();
    let webhooks: Vec<String> = orders.iter().map(Order::webhook).collect();
    processor.queue(&webhooks).await?;
    Ok(orders)
}

/// A 429 from in front of WHOOP, independent of the window.
fn too_many_requests(reset: u32) -> Fault {
    Fault::status(REQUISITIONS, 429)
        .header("X-RateLimit-Remaining", 0)
        .header("X-RateLimit-Reset", reset)
}

async fn after_a_429_nobody_is_called_until_the_reset_and_the_batch_goes_on(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    processor.whoop.fault(too_many_requests(3));
    let orders = one_batch(&processor).await?;
    let events = processor.published().await?;
    let published: HashSet<&str> = events.iter().map(|event| event.resource_id()).collect();
    assert_eq!(
        (events.len(), published.len()),
        (orders.len(), orders.len())
    );
    let calls = processor.whoop.calls_to(REQUISITIONS);
    assert_eq!(calls.len(), orders.len() + 1);
    assert_eq!(calls[0].status, Some(429));
    assert_no_call_while_exhausted(&calls);
    processor.assert_nothing_set_aside().await
}

async fn after_a_429_with_a_far_reset_the_rest_of_the_batch_goes_back_for_that_long(
    world: &World,
) -> Outcome {
    let (processor, hurry) = Processor::in_a_hurry(world, &[]).await?;
    processor.whoop.fault(too_many_requests(3600));
    let orders = one_batch(&processor).await?;
    // each message comes back a second later, again and again
    let thrice = async || Ok(hurry.waits().len() >= 3 * orders.len());
    soon("each message has gone back three times", thrice).await?;
    let calls = processor.whoop.calls_to(REQUISITIONS).len();
    assert_eq!(calls, 1, "called again although WHOOP said when");
    let waits = hurry.waits();
    assert!(
        waits.iter().all(|wait| (3500..=3600).contains(wait)),
        "{waits:?}"
    );

    // only the process knows of the limit
    processor.stack.restart(processor.function()).await?;
    let events = processor.published().await?;
    assert_eq!(events.len(), orders.len());
    processor.assert_nothing_set_aside().await
}

async fn a_thousand_queued_orders_are_published_within_the_limit_and_none_is_lost(
    world: &World,
) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let limit = RateLimit::new(LIMIT, WINDOW_SECONDS);
    processor.whoop.set_rate_limits(vec![limit]);
    let orders: Vec<Order> = (0..ORDERS).map(|_| processor.place()).collect();
    let webhooks: Vec<String> = orders.iter().map(Order::webhook).collect();
    processor.queue(&webhooks).await?;
    let events = processor.published_within(PATIENCE).await?;
    processor.assert_nothing_set_aside().await?;
    let published: HashSet<&str> = events.iter().map(|event| event.resource_id()).collect();
    assert!(orders.iter().all(|order| published.contains(&*order.id)));
    assert_eq!(events.len(), ORDERS);

    let calls = processor.whoop.calls_to(REQUISITIONS);
    assert_eq!(calls.len(), ORDERS);
    assert!(calls.iter().all(|call| call.status == Some(200)));
    assert_no_call_while_exhausted(&calls);
    // otherwise something other than the limit set the pace
    let exhausted = calls
        .iter()
        .filter(|call| call.remaining.is_some_and(|remaining| remaining <= FEW));
    let exhausted = exhausted.count();
    assert!(exhausted >= 5, "the limit was reached {exhausted} times");
    Ok(())
}

/// Checks that after each answer that leaves no call, no call was made until its reset.
#[track_caller]
fn assert_no_call_while_exhausted(calls: &[Call]) {
    let mut closed_until = None;
    let mut calls: Vec<&Call> = calls.iter().collect();
    calls.sort_by_key(|call| call.time);
    for call in calls {
        if let Some(closed_until) = closed_until {
            assert!(
                call.time >= closed_until,
                "a call {} before the reset",
                closed_until.duration_since(call.time)
            );
        }
        let exhausted = call.status == Some(429) || call.remaining == Some(0);
        closed_until = match call.reset {
            Some(reset) if exhausted => Some(call.time + i64::from(reset).seconds()),
            _ => None,
        };
    }
}
