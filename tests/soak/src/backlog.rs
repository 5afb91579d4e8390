//! Many orders wait in the queue, and WHOOP allows a hundred calls in each window. Nothing may be lost, no call may be in vain,
//! and few of the allowed ones may be left unused.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use jiff::{SignedDuration, Timestamp};
use local_aws::world::World;
use tokio::time::{Instant, sleep};
use whoop_simulator::{Call, RateLimit};

use crate::figure::Figure;
use crate::order::Order;
use crate::size::Backlog;

/// WHOOP's own window.
const MINUTE: f64 = 60.0;

/// Queues the orders and waits until they are published.
pub async fn run(world: &World, backlog: Backlog) -> Result<Vec<Figure>> {
    let stack = &world.stack;
    let queue = stack.output("WebhookQueueUrl");
    world.simulator.reset();
    for queue in [queue, stack.output("WebhookDeadLetterQueueUrl")] {
        stack.purge(queue).await?;
    }
    // a new process, which knows of no limit yet
    let function = stack.output("EventProcessorFunctionName");
    stack.configure(function, &[]).await?;
    let subscription = stack.subscribe().await?;
    let orders: Vec<Order> = (0..backlog.orders).map(|_| Order::new(world)).collect();
    for order in &orders {
        order.serve(world, 1);
    }
    let limit = RateLimit::new(backlog.limit, backlog.window_seconds);
    world.simulator.set_rate_limits(vec![limit]);
    let began = Instant::now();
    fill(world, &orders).await?;
    let windows = backlog.orders.div_ceil(backlog.limit as usize) as u32;
    // twice as long as the windows and the pauses between them
    let patience = 2 * windows * (limit.window + Duration::from_secs(2)) + Duration::from_secs(30);
    while stack.queue_depth(queue).await? > 0 {
        ensure!(began.elapsed() < patience, "the queue is not empty in time");
        sleep(Duration::from_millis(200)).await;
    }
    world.simulator.set_rate_limits(Vec::new());
    let events = stack.arrived_events(&subscription).await?;
    let published: HashSet<&str> = events.iter().map(|event| event.resource_id()).collect();
    let missing = orders
        .iter()
        .filter(|order| !published.contains(&*order.id));
    let mut calls = world.simulator.calls_to("/v2/partner/requisition/");
    calls.sort_by_key(|call| call.time);
    let refused = calls.iter().filter(|call| call.status == Some(429)).count();
    let usage = Usage::of(&calls, backlog).context("it was all over in one window")?;
    let of_a_minute = usage.share * MINUTE / (MINUTE + usage.pause.as_secs_f64());
    Ok(vec![
        Figure::new("orders in the queue", backlog.orders),
        Figure::new("windows of a hundred calls", usage.windows),
        Figure::none_of("orders not on the bus", missing.count()),
        Figure::new("answers 429", refused).at_most(1.0),
        Figure::new(
            "calls used of those that the windows allow, %",
            100.0 * usage.share,
        )
        .at_least(95.0),
        Figure::new(
            "longest pause between the end of a window and the next call, ms",
            usage.pause,
        ),
        Figure::new(
            "with that pause and windows of a minute, calls used of those that WHOOP allows, %",
            100.0 * of_a_minute,
        )
        .at_least(backlog.least_of_a_minute),
    ])
}

async fn fill(world: &World, orders: &[Order]) -> Result<()> {
    for orders in orders.chunks(10) {
        let entries = orders.iter().map(|order| {
            SendMessageBatchRequestEntry::builder()
                .id(&order.id)
                .message_body(order.webhook())
                .build()
        });
        let batch = world.stack.sqs.send_message_batch();
        let batch = batch.queue_url(world.stack.output("WebhookQueueUrl"));
        let batch = batch.set_entries(Some(entries.collect::<Result<_, _>>()?));
        let answer = batch.send().await?;
        ensure!(answer.failed().is_empty(), "{:?}", answer.failed());
    }
    Ok(())
}

/// How much of the limit was used, in the windows that came to an end.
struct Usage {
    windows: usize,
    share: f64,
    /// The longest time between the end of a window and the next call, which begins another.
    pause: Duration,
}

impl Usage {
    /// A window begins with its first call. `calls` are in the order of time.
    fn of(calls: &[Call], backlog: Backlog) -> Option<Self> {
        let length = SignedDuration::from_secs(backlog.window_seconds.try_into().ok()?);
        let mut windows: Vec<(Timestamp, usize)> = Vec::new();
        let mut pause = Duration::ZERO;
        for call in calls.iter().filter(|call| call.status == Some(200)) {
            match windows.last_mut() {
                Some((began, used)) if call.time < *began + length => *used += 1,
                last => {
                    if let Some((began, _)) = last {
                        let idle = call.time.duration_since(*began + length);
                        pause = pause.max(idle.unsigned_abs());
                    }
                    windows.push((call.time, 1));
                }
            }
        }
        // the last one ended because nothing was left to do
        windows.pop()?;
        let used: usize = windows.iter().map(|(_, used)| used).sum();
        let allowed = windows.len() * backlog.limit as usize;
        (allowed > 0).then(|| Self {
            windows: windows.len(),
            share: used as f64 / allowed as f64,
            pause,
        })
    }
}
