//! WHOOP fails for a long time: each message is tried for days, then set aside with its reason.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use libtest_mimic::{Failed, Trial};
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use whoop_simulator::Fault;

use super::order::Order;
use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, trials};

const HOUR: Duration = Duration::from_secs(3600);

/// The least time for which a message is tried.
const SHORTEST_LIFE: Duration = Duration::from_secs(84 * 3600);

/// How long SQS keeps it.
const RETENTION: Duration = Duration::from_secs(14 * 24 * 3600);

/// How many times SQS hands it out.
const MAX_RECEIVES: u32 = 100;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.by_hand;
        no_message_ends_before_84_hours_of_an_outage_and_none_vanishes,
        waits_grow_with_each_failure_and_are_never_shorter_than_whoops,
    ]
}

/// WHOOP answers every call for an order like this, forever.
fn always(order: &Order, status: u16, reset: Option<u32>) -> Fault {
    let fault = Fault::status(&format!("{REQUISITIONS}{}", order.id), status).times(1_000_000);
    match reset {
        // with so little time the function does not wait for a short reset itself
        Some(reset) => Fault {
            delay_ms: 650,
            ..fault.header("X-RateLimit-Reset", reset)
        },
        None => fault,
    }
}

struct Life {
    outage: String,
    lived: Duration,
    receives: u32,
    body: String,
}

/// Plays an outage until the message has left the queue. The clock advances by the waits that the function asks for.
async fn live(processor: &Processor<'_>, status: u16, reset: Option<u32>) -> Result<Life, Failed> {
    let order = processor.place();
    processor.whoop.fault(always(&order, status, reset));
    let mut by_hand = ReleasedEventProcessor::start(processor.world, &[]).await?;
    let mut message = Message::new(order.webhook());
    let outage = match reset {
        None => format!("{status}"),
        Some(reset) => format!("{status}, reset {reset} s"),
    };
    while let Fate::Returns(wait) = by_hand.one(&message).await? {
        message = message.after(wait);
        let age = message.age.unwrap_or_default();
        assert!(age < RETENTION, "{outage}: SQS has dropped it");
        assert!(
            message.receives <= MAX_RECEIVES,
            "{outage}: SQS has moved it"
        );
    }
    Ok(Life {
        outage,
        lived: message.age.unwrap_or_default(),
        receives: message.receives,
        body: message.body,
    })
}

async fn no_message_ends_before_84_hours_of_an_outage_and_none_vanishes(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let outages = [
        (429, None),
        (429, Some(1)),
        (429, Some(60)),
        (429, Some(3600)),
        (429, Some(86_400)),
        (503, None),
        (401, None),
    ];
    let lives = outages.map(|(status, reset)| live(&processor, status, reset));
    let lives = try_join_all(lives).await?;
    let dead_letters = processor.dead_letters().await?;
    println!("\n  WHOOP answers            receives   lived      ended as");
    for Life {
        outage,
        lived,
        receives,
        body,
    } in lives
    {
        let letter = dead_letters
            .iter()
            .find(|letter| letter.body() == Some(&body));
        let letter = letter.ok_or(format!("{outage}: the message is lost"))?;
        let attributes = letter.message_attributes();
        let reason = attributes.and_then(|all| all.get("failure_reason")?.string_value());
        let reason = reason.ok_or(format!("{outage}: no failure_reason"))?;
        let hours = lived.as_secs() / HOUR.as_secs();
        println!("  {outage:<24} {receives:>8} {hours:>7} h   {reason}");
        assert!(lived >= SHORTEST_LIFE, "{outage}: {hours} h");
        assert!(
            ["expired", "attempts_exhausted"].contains(&reason),
            "{reason}"
        );
    }
    assert_eq!(dead_letters.len(), outages.len());
    Ok(())
}

async fn waits_grow_with_each_failure_and_are_never_shorter_than_whoops(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    for (status, reset, receives, shortest, longest) in [
        (429, None, 1, 60, 60),
        (429, Some(60), 1, 60, 60),
        (429, Some(60), 6, 160, 320),
        (429, Some(3600), 3, 3600, 3600),
        (429, Some(86_400), 1, 41_400, 41_400),
        (429, Some(60), 50, 3600, 7200),
        (503, None, 1, 5, 10),
        (503, None, 11, 3600, 7200),
        (404, None, 1, 60, 60),
        (401, None, 8, 640, 1280),
    ] {
        let order = processor.place();
        processor.whoop.fault(always(&order, status, reset));
        let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
        let message = Message {
            receives,
            ..Message::new(order.webhook())
        };
        let fate = by_hand.one(&message).await?;
        let waits = Duration::from_secs(shortest)..=Duration::from_secs(longest);
        assert!(
            matches!(fate, Fate::Returns(wait) if waits.contains(&wait)),
            "{status}, reset {reset:?}, receive {receives}: {fate:?}, not {waits:?}"
        );
    }
    Ok(())
}
