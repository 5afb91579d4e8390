//! The webhook is killed at moments all over a request. If it answered 204 before, the message must be in the queue.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use local_aws::aws_proxy::Behaviour;
use local_aws::bootstrap::Bootstrap;
use local_aws::released_webhook::{LAMBDA_LIMIT, ReleasedWebhook};
use local_aws::world::World;
use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::GRACE;
use crate::figure::Figure;
use crate::process::{Signal, signal};

/// How slow the queue is in some of the requests, so that a second try is under way too.
const SLOW_QUEUE: Duration = Duration::from_millis(400);

/// When a process is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// When the queue has got the call, and before the message is stored.
    BeforeStoring,
    /// When the message is stored, and before the queue answers.
    AfterStoring,
    /// A time after the event.
    After(Duration),
    /// The same while the queue is slow.
    AfterWhileSlow(Duration),
}

/// Kills this many processes.
pub async fn run(world: &World, kills: usize) -> Result<Vec<Figure>> {
    let queue = world.stack.output("WebhookQueueUrl");
    world.stack.purge(queue).await?;
    let longest = longest_request(world).await?;
    let mut accepted = HashSet::new();
    let mut delivered = HashSet::new();
    for turn in 0..kills {
        // spread evenly, and a bit beyond the end
        let part = (turn / 6) as f64 / (kills / 6).max(1) as f64;
        let moment = match turn % 6 {
            0 => Moment::BeforeStoring,
            1 => Moment::AfterStoring,
            2..=4 => Moment::After(longest.mul_f64(1.2 * part)),
            _ => Moment::AfterWhileSlow((SLOW_QUEUE + longest).mul_f64(1.2 * part)),
        };
        let webhook = ReleasedWebhook::new(world).await?;
        // every other one gets its first delivery
        let function = match turn % 2 {
            0 => webhook.start().await?,
            _ => webhook.start_warm().await?,
        };
        let delivery = webhook.delivery(&world.signing_secret);
        let event = delivery.event.to_string();
        if kill(&webhook, function, event, moment).await? == Some(204) {
            accepted.insert(delivery.resource_id.clone());
        }
        delivered.insert(delivery.resource_id);
    }
    let stored = stored(world).await?;
    let stored_of_these = |id: &&String| stored.contains_key(*id);
    let lost = accepted.iter().filter(|id| !stored.contains_key(*id));
    let copies = stored.values().max().copied().unwrap_or_default();
    Ok(vec![
        Figure::new("processes killed", kills),
        Figure::new("answered 204 before", accepted.len()),
        Figure::new(
            "stored in the queue",
            delivered.iter().filter(stored_of_these).count(),
        ),
        Figure::none_of("answered 204 and not stored", lost.count()),
        Figure::new("most copies of one delivery", copies).at_most(2.0),
    ])
}

/// How long a healthy request takes at most, the first one of a process included.
async fn longest_request(world: &World) -> Result<Duration> {
    let webhook = ReleasedWebhook::new(world).await?;
    let mut longest = Duration::ZERO;
    for _ in 0..3 {
        let mut function = webhook.start().await?;
        for _ in 0..3 {
            let (_, elapsed) = webhook.deliver(&mut function).await?;
            longest = longest.max(elapsed);
        }
    }
    Ok(longest)
}

/// Hands over an event and kills the process meanwhile. Returns the status that it answered before.
async fn kill(
    webhook: &ReleasedWebhook<'_>,
    mut function: Bootstrap,
    event: String,
    moment: Moment,
) -> Result<Option<u64>> {
    let ready = function.ready().await?;
    let pid = function.process_id().context("it ended by itself")?;
    let killed = Arc::new(Notify::new());
    let kill = {
        let killed = Arc::clone(&killed);
        move || {
            // after the first call, a second one may meet a dead process
            let _ = signal(pid, Signal::SIGKILL);
            killed.notify_one();
        }
    };
    let time = match moment {
        Moment::BeforeStoring => {
            let before = Behaviour::depending(move |_| {
                kill();
                Behaviour::Hang
            });
            webhook.sqs.set("SendMessage", before);
            None
        }
        Moment::AfterStoring => {
            webhook
                .sqs
                .set("SendMessage", Behaviour::watch(move |_| kill()));
            None
        }
        Moment::After(time) => Some(time),
        Moment::AfterWhileSlow(time) => {
            webhook.sqs.set("SendMessage", Behaviour::Delay(SLOW_QUEUE));
            Some(time)
        }
    };
    let killed = async {
        match time {
            Some(time) => {
                sleep(time).await;
                signal(pid, Signal::SIGKILL)?;
            }
            None => killed.notified().await,
        }
        sleep(GRACE).await;
        anyhow::Ok(())
    };
    tokio::select! {
        biased;
        answer = function.invoke_ready(ready, event, LAMBDA_LIMIT) => Ok(answer?.payload["statusCode"].as_u64()),
        killed = killed => killed.map(|()| None),
    }
}

/// Takes everything out of the queue. Returns how often it holds each resource.
async fn stored(world: &World) -> Result<HashMap<String, usize>> {
    let queue = world.stack.output("WebhookQueueUrl");
    let mut stored = HashMap::new();
    while world.stack.queue_depth(queue).await? > 0 {
        for message in world.stack.receive_batch(queue, Duration::ZERO).await? {
            let body: Value = serde_json::from_str(message.body().unwrap_or_default())?;
            let id = body["resource_id"].as_str().context("not our message")?;
            *stored.entry(id.to_owned()).or_default() += 1;
        }
    }
    Ok(stored)
}
