//! No message expires unnoticed: it is set aside before SQS would drop or move it.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use local_aws::aws_proxy::Behaviour;
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use whoop_simulator::Fault;

use super::processor::{Processor, REQUISITIONS};
use crate::harness::{Harness, Outcome, trials};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_whole_stack;
        a_message_near_its_end_is_set_aside_as_expired,
        a_message_on_its_last_receive_is_set_aside_as_exhausted,
        the_limits_are_those_of_the_environment,
        a_message_that_can_not_be_set_aside_is_back_within_ten_minutes,
        a_good_message_is_published_on_its_last_receive,
    ]
}

/// A processor run by hand while WHOOP is out of order.
async fn out_of_order<'w>(
    world: &'w World,
    changes: &[(&str, Option<&str>)],
) -> Result<(Processor<'w>, ReleasedEventProcessor), libtest_mimic::Failed> {
    let processor = Processor::as_deployed(world).await?;
    processor
        .whoop
        .fault(Fault::status(REQUISITIONS, 503).times(1_000_000));
    let by_hand = ReleasedEventProcessor::start(world, changes).await?;
    Ok((processor, by_hand))
}

/// Hands a message over and checks that it is set aside for this reason. If there is none, checks that it returns to
/// the queue.
async fn assert_ends(
    processor: &Processor<'_>,
    by_hand: &mut ReleasedEventProcessor,
    message: Message,
    reason: Option<&str>,
) -> Outcome {
    let fate = by_hand.one(&message).await?;
    let letters = processor.dead_letters().await?;
    let Some(reason) = reason else {
        assert!(matches!(fate, Fate::Returns(_)), "{message:?}");
        assert_eq!(letters.len(), 0, "{message:?}");
        return Ok(());
    };
    assert_eq!(fate, Fate::Done, "{message:?}");
    assert_eq!(letters.len(), 1, "{message:?}");
    assert_eq!(letters[0].body(), Some(message.body.as_str()));
    let attributes = letters[0].message_attributes();
    let told = attributes.and_then(|all| all.get("failure_reason")?.string_value());
    assert_eq!(told, Some(reason));
    Ok(())
}

async fn a_message_near_its_end_is_set_aside_as_expired(world: &World) -> Outcome {
    let (processor, mut by_hand) = out_of_order(world, &[]).await?;
    // the wait is one to two hours
    for (age, reason) in [
        (Some(14 * DAY - 12 * HOUR - 2 * HOUR - MINUTE), None),
        (Some(14 * DAY - 12 * HOUR - HOUR), Some("expired")),
        (Some(13 * DAY + 12 * HOUR + MINUTE), Some("expired")),
        (Some(14 * DAY), Some("expired")),
        (None, None),
    ] {
        let message = Message {
            receives: 50,
            age,
            ..Message::new(processor.place().webhook())
        };
        assert_ends(&processor, &mut by_hand, message, reason).await?;
    }
    Ok(())
}

async fn a_message_on_its_last_receive_is_set_aside_as_exhausted(world: &World) -> Outcome {
    let (processor, mut by_hand) = out_of_order(world, &[]).await?;
    for (receives, reason) in [
        (99, None),
        (100, Some("attempts_exhausted")),
        (101, Some("attempts_exhausted")),
    ] {
        let message = Message {
            receives,
            age: Some(DAY),
            ..Message::new(processor.place().webhook())
        };
        assert_ends(&processor, &mut by_hand, message, reason).await?;
    }
    Ok(())
}

async fn the_limits_are_those_of_the_environment(world: &World) -> Outcome {
    let limits = [
        ("WEBHOOK_QUEUE_RETENTION_SECONDS", Some("86400")),
        ("WEBHOOK_QUEUE_MAX_RECEIVE_COUNT", Some("5")),
    ];
    let (processor, mut by_hand) = out_of_order(world, &limits).await?;
    for (receives, age, reason) in [
        (4, 11 * HOUR, None),
        (5, 11 * HOUR, Some("attempts_exhausted")),
        (1, 13 * HOUR, Some("expired")),
    ] {
        let message = Message {
            receives,
            age: Some(age),
            ..Message::new(processor.place().webhook())
        };
        assert_ends(&processor, &mut by_hand, message, reason).await?;
    }
    Ok(())
}

async fn a_message_that_can_not_be_set_aside_is_back_within_ten_minutes(world: &World) -> Outcome {
    let (processor, mut by_hand) = out_of_order(world, &[]).await?;
    for behaviour in [
        Behaviour::Hang,
        Behaviour::Fail {
            status: 403,
            code: "AccessDeniedException",
        },
    ] {
        by_hand.proxy.set("SendMessage", behaviour.clone());
        for (receives, body) in [
            (100, processor.place().webhook()),
            (50, "this is no webhook".to_owned()),
        ] {
            let message = Message {
                receives,
                ..Message::new(body)
            };
            let fate = by_hand.one(&message).await?;
            let soon = Duration::from_secs(1)..=10 * MINUTE;
            assert!(
                matches!(fate, Fate::Returns(wait) if soon.contains(&wait)),
                "{behaviour:?}: {fate:?}"
            );
        }
    }
    processor.assert_nothing_set_aside().await
}

async fn a_good_message_is_published_on_its_last_receive(world: &World) -> Outcome {
    let (processor, mut by_hand) = out_of_order(world, &[]).await?;
    processor.whoop.clear_faults();
    let message = Message {
        receives: 100,
        age: Some(14 * DAY - MINUTE),
        ..Message::new(processor.place().webhook())
    };
    assert_eq!(by_hand.one(&message).await?, Fate::Done);
    assert_eq!(processor.arrived().await?.len(), 1);
    processor.assert_nothing_set_aside().await
}
