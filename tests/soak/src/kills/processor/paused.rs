//! An execution stands still for longer than its lease, while another one publishes a newer state. EventBridge can't refuse the
//! older state afterwards; the table can, and must.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use local_aws::aws_proxy::Behaviour;
use local_aws::released_event_processor::{Fate, Message, ReleasedEventProcessor};
use local_aws::world::World;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::LEASE;
use super::recorder::{Recorder, table};
use crate::figure::Figure;
use crate::order::Order;
use crate::process::{Signal, signal};

/// The calls at which executions stand still in turn: the claim has been made, the state is published.
const CALLS: [&str; 2] = ["UpdateItem", "PutEvents"];

/// Enough time for the pause and for what follows.
const LIMIT: Duration = Duration::from_secs(180);

/// Pauses this many executions at the same time.
pub(super) async fn run(
    world: &World,
    recorder: &Recorder,
    executions: usize,
) -> Result<Vec<Figure>> {
    let orders: Vec<Order> = (0..executions).map(|_| Order::new(world)).collect();
    let pauses = orders.iter().zip(CALLS.into_iter().cycle());
    try_join_all(pauses.map(|(order, call)| pause(world, recorder, order, call))).await?;
    let ids = orders.iter().map(|order| &*order.id);
    let older = recorder.older_after_newer(ids);
    let items = table(world).await?;
    let states: Vec<&str> = items
        .iter()
        .filter_map(|item| item.get("updated_at")?.as_n().ok())
        .map(String::as_str)
        .collect();
    let is_remembered = |order: &Order, state| {
        let nanoseconds = order.updated_at(state).as_nanosecond().to_string();
        states.contains(&&*nanoseconds)
    };
    let gone_back = orders
        .iter()
        .filter(|order| is_remembered(order, 1) || !is_remembered(order, 2));
    Ok(vec![
        Figure::new("executions paused for longer than their lease", executions),
        Figure::new("older states that they published afterwards", older),
        Figure::none_of(
            "of these, states that the table remembers instead",
            gone_back.count(),
        ),
    ])
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
        order.serve(world, 2);
        let mut other = ReleasedEventProcessor::start(world, &[]).await?;
        recorder.watch(&other.proxy);
        let fate = other.one(&Message::new(order.webhook())).await?;
        signal(pid, Signal::SIGCONT)?;
        anyhow::Ok(fate)
    });
    fate?;
    ensure!(other? == Fate::Done, "the lease still blocks after its end");
    Ok(())
}
