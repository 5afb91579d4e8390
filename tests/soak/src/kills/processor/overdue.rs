//! Executions that go on after the end of their lease: they stood still, or their clock is behind. Meanwhile another one has
//! published a newer state. EventBridge can't refuse the older state; the table can, and must.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::{try_join, try_join_all};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::LEASE;
use super::recorder::{Recorder, table};
use crate::figure::Figure;
use crate::order::Order;
use crate::process::{Signal, signal};

/// Enough time for the pause and for what follows.
const LIMIT: Duration = Duration::from_secs(180);

/// How late the event of the execution with the wrong clock arrives: late enough for another execution, and before its call
/// times out.
const LATE: Duration = Duration::from_secs(2);

/// The calls at which executions stand still: the claim has been made, the state is published.
const PAUSES: [&str; 2] = ["UpdateItem", "PutEvents"];

/// Runs this many executions of each kind, all at the same time. Pauses are left out if nobody waits for a lease to expire.
pub(super) async fn run(
    world: &World,
    recorder: &Recorder,
    executions: usize,
    waits_for_leases: bool,
) -> Result<Vec<Figure>> {
    let new_orders = |count| (0..count).map(|_| Order::new(world)).collect::<Vec<_>>();
    let pauses = if waits_for_leases { executions } else { 0 };
    let paused = new_orders(pauses * PAUSES.len());
    let behind = new_orders(executions);
    let pauses = paused.iter().zip(PAUSES.into_iter().cycle());
    let pauses = pauses.map(|(order, call)| pause(world, recorder, order, call));
    let clocks = behind.iter().map(|order| be_behind(world, recorder, order));
    try_join(try_join_all(pauses), try_join_all(clocks)).await?;
    let older =
        |orders: &[Order]| recorder.older_after_newer(orders.iter().map(|order| &*order.id));
    let published_late = older(&behind);
    ensure!(published_late == executions, "no older state came late");
    let states = remembered_states(world).await?;
    let is_remembered = |order: &Order, state| {
        let nanoseconds = order.updated_at(state).as_nanosecond().to_string();
        states.contains(&nanoseconds)
    };
    let gone_back = paused
        .iter()
        .chain(&behind)
        .filter(|order| is_remembered(order, 1) || !is_remembered(order, 2));
    Ok(vec![
        Figure::new(
            "executions paused for longer than their lease",
            paused.len(),
        ),
        Figure::new(
            "older states that they published afterwards",
            older(&paused),
        ),
        Figure::new(
            "executions whose clock is behind by more than the lease",
            behind.len(),
        ),
        Figure::new("older states that they published too late", published_late),
        Figure::none_of(
            "times that the table went back to an older state",
            gone_back.count(),
        ),
    ])
}

/// When the states of all resources began that the table remembers, as it writes them.
async fn remembered_states(world: &World) -> Result<Vec<String>> {
    let items = table(world).await?;
    let states = items
        .iter()
        .filter_map(|item| item.get("updated_at")?.as_n().ok());
    Ok(states.cloned().collect())
}

/// Pauses an execution between the effect of a call and its answer, until another execution has published a newer state.
async fn pause(
    world: &World,
    recorder: &Recorder,
    order: &Order,
    call: &'static str,
) -> Result<()> {
    order.serve(world, 1);
    let mut paused = ReleasedEventProcessor::start(world, &[]).await?;
    paused.limit = LIMIT;
    let pid = paused.process_id().context("it ended by itself")?;
    recorder.watch(&paused.proxy);
    let (stopped, mut has_stopped) = mpsc::unbounded_channel();
    let recorder_here = recorder.clone();
    let stop = Behaviour::watch(move |json| {
        recorder_here.keep(&json);
        let _ = stopped.send(signal(pid, Signal::SIGSTOP));
    });
    paused.proxy.next(call, stop);
    let message = Message::new(order.webhook());
    let (fate, other) = tokio::join!(paused.one(&message), async {
        has_stopped
            .recv()
            .await
            .context("it never made the call")??;
        sleep(LEASE + Duration::from_secs(2)).await;
        let other = publish_newer(world, recorder, order).await;
        signal(pid, Signal::SIGCONT)?;
        other
    });
    fate?;
    other
}

/// Lets an execution whose clock is minutes behind publish late: its lease is over as soon as it has one.
async fn be_behind(world: &World, recorder: &Recorder, order: &Order) -> Result<()> {
    order.serve(world, 1);
    // what arrives at the bus is seen behind the proxy that makes it late
    let seen = AwsProxy::start(world.aws.endpoint()).await?;
    recorder.watch(&seen);
    let aws = AwsProxy::start(&seen.url()).await?;
    let (claimed, mut has_claimed) = mpsc::unbounded_channel();
    let watch = Behaviour::watch(move |call: Value| {
        let _ = claimed.send(call["Key"]["id"]["S"].as_str().map(str::to_owned));
    });
    aws.next("UpdateItem", watch);
    aws.next("PutEvents", Behaviour::Late(LATE));
    let mut behind = ReleasedEventProcessor::start_behind(aws, world, &[]).await?;
    behind.limit = LIMIT;
    let message = Message::new(order.webhook());
    let (fate, other) = tokio::join!(behind.one(&message), async {
        let key = has_claimed.recv().await.flatten();
        let key = key.context("it claimed no item")?;
        end_lease(world, AttributeValue::S(key)).await?;
        publish_newer(world, recorder, order).await
    });
    ensure!(fate? == Fate::Done, "its event was not taken");
    other
}

/// Another execution publishes a newer state, and must find no lease.
async fn publish_newer(world: &World, recorder: &Recorder, order: &Order) -> Result<()> {
    order.serve(world, 2);
    let mut other = ReleasedEventProcessor::start(world, &[]).await?;
    recorder.watch(&other.proxy);
    let fate = other.one(&Message::new(order.webhook())).await?;
    ensure!(fate == Fate::Done, "the lease still blocks after its end");
    Ok(())
}

/// Ends every lease.
pub(super) async fn end_leases(world: &World) -> Result<()> {
    for mut item in table(world).await? {
        if let (Some(key), true) = (item.remove("id"), item.contains_key("claimed_until")) {
            end_lease(world, key).await?;
        }
    }
    Ok(())
}

/// Makes a lease end long ago, as a clock that is behind would have written it.
async fn end_lease(world: &World, key: AttributeValue) -> Result<()> {
    world
        .stack
        .dynamodb
        .update_item()
        .table_name(world.stack.output("PublishedTableName"))
        .key("id", key)
        .update_expression("SET claimed_until = :past")
        .expression_attribute_values(":past", AttributeValue::N("0".into()))
        .send()
        .await?;
    Ok(())
}
