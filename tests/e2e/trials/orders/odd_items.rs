//! Odd items in our tables, left by people or accidents: none of them blocks an order or the token.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{Timestamp, ToSpan};
use libtest_mimic::{Failed, Trial};
use local_aws::bootstrap::Bootstrap;
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::stack::TokenItem;
use local_aws::world::World;
use serde_json::json;

use super::order::Order;
use super::processor::Processor;
use crate::harness::{Harness, Outcome, trials};

const TEN_YEARS: i64 = 10 * 365 * 24 * 3600;

/// The token function's time.
const LAMBDA_LIMIT: Duration = Duration::from_secs(30);

type Item = HashMap<String, AttributeValue>;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.by_hand;
        an_odd_item_of_the_published_states_gives_way,
        a_lease_that_may_be_real_is_respected,
        an_undated_state_after_a_dated_one_is_published_once,
        a_token_that_claims_to_live_for_years_gives_way,
    ]
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An order that has been published, and the key of the item that remembers it.
async fn published(
    processor: &Processor<'_>,
    by_hand: &mut ReleasedEventProcessor,
) -> Result<(Order, AttributeValue), Failed> {
    let before = keys(processor).await?;
    let order = processor.place();
    hand_over(processor, by_hand, &order, 1).await?;
    let new: Vec<_> = keys(processor)
        .await?
        .difference(&before)
        .cloned()
        .collect();
    assert_eq!(new.len(), 1);
    Ok((order, text(&new[0])))
}

/// Hands over the webhook of an order and checks how many events follow.
async fn hand_over(
    processor: &Processor<'_>,
    by_hand: &mut ReleasedEventProcessor,
    order: &Order,
    events: usize,
) -> Outcome {
    let message = Message::new(order.webhook());
    assert_eq!(by_hand.one(&message).await?, Fate::Done);
    let arrived = processor.arrived().await?;
    assert_eq!(arrived.len(), events);
    arrived.iter().for_each(|event| order.assert_whole(event));
    Ok(())
}

async fn keys(processor: &Processor<'_>) -> Result<HashSet<String>, Failed> {
    let table = processor.stack.output("PublishedTableName");
    let items = processor.stack.dynamodb.scan().table_name(table);
    let items = items.send().await?.items.unwrap_or_default();
    let id = |item: &Item| Some(item.get("id")?.as_s().ok()?.clone());
    Ok(items.iter().filter_map(id).collect())
}

async fn item(processor: &Processor<'_>, key: &AttributeValue) -> Result<Item, Failed> {
    let table = processor.stack.output("PublishedTableName");
    let get = processor.stack.dynamodb.get_item().table_name(table);
    let answer = get
        .key("id", key.clone())
        .consistent_read(true)
        .send()
        .await?;
    Ok(answer.item.ok_or("no item")?)
}

async fn set(
    processor: &Processor<'_>,
    key: &AttributeValue,
    name: &str,
    value: AttributeValue,
) -> Outcome {
    let mut item = item(processor, key).await?;
    item.insert(name.into(), value);
    let table = processor.stack.output("PublishedTableName");
    let put = processor.stack.dynamodb.put_item().table_name(table);
    put.set_item(Some(item)).send().await?;
    Ok(())
}

/// A newer state of an order, at WHOOP.
fn renew(processor: &Processor<'_>, order: &mut Order) {
    let updated_at = order.requisition["updated_at"].as_str().unwrap_or_default();
    let updated_at: Timestamp = updated_at.parse().expect("it has a date");
    order.requisition["updated_at"] = json!(updated_at + 1.second());
    processor.serve(order);
}

async fn an_odd_item_of_the_published_states_gives_way(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    let now = Timestamp::now().as_second();
    for (name, value) in [
        ("claimed_until", number(now + TEN_YEARS)),
        ("claimed_until", number((now + 60) * 1000)),
        ("claimed_until", number(now + 45 + 5 * 60 + 60)),
        ("claimed_until", text("tomorrow")),
        ("claimed_until", AttributeValue::Bool(true)),
        ("claimed_until", AttributeValue::N("1.5".into())),
        ("updated_at", text("2026-11-18T12:00:00Z")),
        ("updated_at", AttributeValue::N("9.9E+125".into())),
        ("updated_at", AttributeValue::Null(true)),
        ("body_hash", number(7)),
        ("expires_at", text("never")),
        ("undated_body_hash", AttributeValue::L(Vec::new())),
    ] {
        let (mut order, key) = published(&processor, &mut by_hand).await?;
        set(&processor, &key, name, value.clone()).await?;
        renew(&processor, &mut order);
        hand_over(&processor, &mut by_hand, &order, 1).await?;
        // and then the item is well-formed
        hand_over(&processor, &mut by_hand, &order, 0).await?;
        let item = item(&processor, &key).await?;
        assert!(
            item["updated_at"].is_n() && item["body_hash"].is_s(),
            "{name} {value:?}"
        );
        assert!(!item.contains_key("claimed_until"), "{name} {value:?}");
    }
    Ok(())
}

async fn a_lease_that_may_be_real_is_respected(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    for ahead in [20, 45, 45 + 5 * 60 - 30] {
        let (mut order, key) = published(&processor, &mut by_hand).await?;
        let until = Timestamp::now().as_second() + ahead;
        set(&processor, &key, "claimed_by", text("another-execution")).await?;
        set(&processor, &key, "claimed_until", number(until)).await?;
        renew(&processor, &mut order);
        let fate = by_hand.one(&Message::new(order.webhook())).await?;
        assert!(matches!(fate, Fate::Returns(_)), "{ahead} s: {fate:?}");
        assert_eq!(processor.arrived().await?.len(), 0);
        // the item is unchanged
        assert_eq!(
            item(&processor, &key).await?["claimed_until"],
            number(until)
        );
    }
    Ok(())
}

async fn an_undated_state_after_a_dated_one_is_published_once(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
    let (mut order, key) = published(&processor, &mut by_hand).await?;
    let dated = order.requisition.clone();
    let date = item(&processor, &key).await?["updated_at"].clone();

    let fields = order.requisition.as_object_mut().ok_or("no object")?;
    fields.remove("updated_at");
    processor.serve(&order);
    hand_over(&processor, &mut by_hand, &order, 1).await?;
    let remembered = item(&processor, &key).await?;
    assert!(
        !remembered.contains_key("claimed_until"),
        "the lease is kept"
    );
    assert_eq!(remembered["updated_at"], date, "the date is lost");
    for _ in 0..3 {
        hand_over(&processor, &mut by_hand, &order, 0).await?;
    }

    // a date seen before is known, an older one is outdated, a newer one is published
    order.requisition = dated;
    processor.serve(&order);
    hand_over(&processor, &mut by_hand, &order, 0).await?;
    let newest = order.requisition.clone();
    let updated_at: Timestamp = newest["updated_at"].as_str().unwrap_or_default().parse()?;
    order.requisition["updated_at"] = json!(updated_at - 1.second());
    processor.serve(&order);
    hand_over(&processor, &mut by_hand, &order, 0).await?;
    order.requisition = newest;
    renew(&processor, &mut order);
    hand_over(&processor, &mut by_hand, &order, 1).await
}

async fn a_token_that_claims_to_live_for_years_gives_way(world: &World) -> Outcome {
    let processor = Processor::as_deployed(world).await?;
    let stack = &world.stack;
    let now = Timestamp::now().as_second();
    for expires_at in [
        now + TEN_YEARS,
        (now + 3600) * 1000,
        now + 24 * 3600 + 5 * 60 + 60,
    ] {
        let odd = TokenItem {
            access_token: "a-token-that-nobody-should-use".into(),
            token_type: "bearer".into(),
            expires_at,
            obtained_at: now,
        };
        for event in [json!({}), json!({"force": true})] {
            stack.put_token_item(&odd).await?;
            let mut refresh = Bootstrap::start(world, "TokenRefreshFunction", &[]).await?;
            let answer = refresh.invoke(event.to_string(), LAMBDA_LIMIT).await?;
            assert_eq!(answer.payload["outcome"], "refreshed", "{event}");
            let stored = stack.token_item().await?.ok_or("no token")?;
            assert!(stored.expires_at <= now + 3700, "{}", stored.expires_at);
        }
        stack.put_token_item(&odd).await?;
        let mut by_hand = ReleasedEventProcessor::start(world, &[]).await?;
        let order = processor.place();
        hand_over(&processor, &mut by_hand, &order, 1).await?;
        let stored = stack.token_item().await?.ok_or("no token")?;
        assert!(stored.expires_at <= now + 3700, "{}", stored.expires_at);
    }
    Ok(())
}
