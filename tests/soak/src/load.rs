//! Deliveries through the whole stack: gateway, webhook, queue, event processor and bus. WHOOP fails now and then. Afterwards,
//! exactly what was answered with 204 must be on the bus.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::Subscription;
use local_aws::world::World;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::figure::Figure;
use crate::order::Order;
use crate::process::cpu_time;
use crate::size::Load;

/// How often WHOOP repeats a webhook.
const REPEATS: usize = 5;

/// How long the stack may take for one delivery after the last answer; most of it is the wait after a failure.
const PATIENCE: Duration = Duration::from_millis(150);

/// How long it may take for few deliveries.
const LEAST_PATIENCE: Duration = Duration::from_secs(120);

/// How long a call of WHOOP takes that is slow: longer than the client waits.
const SLOW: Duration = Duration::from_secs(30);

/// Delivers, and gives the event processor its own environment back.
pub async fn run(world: &World, load: Load) -> Result<Vec<Figure>> {
    let stack = &world.stack;
    let function = stack.output("EventProcessorFunctionName");
    world.simulator.reset();
    world.simulator.set_rate_limits(Vec::new());
    stack.put_signing_secret(&world.signing_secret).await?;
    for queue in ["WebhookQueueUrl", "WebhookDeadLetterQueueUrl"] {
        stack.purge(stack.output(queue)).await?;
    }
    let whoop = AwsProxy::start(&world.simulator.url()).await?;
    let failures = fail_at_random(&whoop, load.failing);
    let url = world.simulator.base_url();
    let url = url.replace(&world.simulator.url(), &whoop.url());
    let changes = [("PARTNER_API_BASE_URL", Some(url.as_str()))];
    stack.configure(function, &changes).await?;
    let figures = deliver_and_compare(world, load, &whoop, &failures).await;
    stack.configure(function, &[]).await?;
    figures
}

/// Makes WHOOP fail in every way but 429, and but the answers that say that there is no such order. Returns how often it did.
fn fail_at_random(whoop: &AwsProxy, part: f64) -> Arc<AtomicUsize> {
    let failures = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&failures);
    let code = "InternalFailure";
    let fail = move |status| Behaviour::Fail { status, code };
    whoop.set_all(Behaviour::depending(move |_| {
        if fastrand::f64() >= part {
            return Behaviour::Pass;
        }
        count.fetch_add(1, Ordering::Relaxed);
        match fastrand::u8(..11) {
            0 => fail(500),
            1 => fail(502),
            2 => fail(503),
            3 => fail(504),
            4 => fail(401),
            5 => fail(403),
            6 => Behaviour::CloseConnection,
            7 => Behaviour::LoseAnswer,
            8 => Behaviour::Delay(SLOW),
            9 => Behaviour::Hang,
            _ => Behaviour::Answer(json!("no order")),
        }
    }));
    failures
}

/// What the deliveries came to.
struct Delivered {
    accepted: HashSet<String>,
    late: usize,
    repeated: usize,
    elapsed: Duration,
}

async fn deliver_and_compare(
    world: &World,
    load: Load,
    whoop: &AwsProxy,
    failures: &AtomicUsize,
) -> Result<Vec<Figure>> {
    let stack = &world.stack;
    let subscription = stack.subscribe().await?;
    let aws = world.aws.process_group().unsigned_abs();
    let (began, cpu_before) = (Instant::now(), cpu_time(aws)?);
    let delivered = deliver(world, load).await?;
    let cpu = cpu_time(aws)? - cpu_before;
    let patience = LEAST_PATIENCE.max(PATIENCE * load.deliveries as u32);
    let published = published(world, &subscription, patience).await?;
    let elapsed = began.elapsed();

    let missing = delivered
        .accepted
        .iter()
        .filter(|id| !published.contains_key(*id));
    let unknown = published
        .keys()
        .filter(|id| !delivered.accepted.contains(*id));
    let twice = published.values().filter(|times| **times > 1).count();
    let set_aside = stack.output("WebhookDeadLetterQueueUrl");
    let rate = |time: Duration| load.deliveries as f64 / time.as_secs_f64();
    Ok(vec![
        Figure::new("deliveries", load.deliveries),
        Figure::new("answered 204", delivered.accepted.len()).at_least(load.deliveries as f64),
        Figure::none_of("answered 204 and not on the bus", missing.count()),
        Figure::none_of("on the bus without a 204", unknown.count()),
        Figure::none_of(
            "in the dead-letter queue",
            stack.queue_depth(set_aside).await?,
        ),
        Figure::new("on the bus more than once", twice),
        Figure::new("deliveries that had to be repeated", delivered.repeated),
        Figure::new("answers after more than a second", delivered.late),
        Figure::new("calls of WHOOP", whoop.calls("")),
        Figure::new(
            "of them failed on purpose",
            failures.load(Ordering::Relaxed),
        ),
        Figure::new("deliveries a second", rate(delivered.elapsed)),
        Figure::new(
            "orders a second, from the first delivery to the last event",
            rate(elapsed),
        ),
        Figure::new(
            "CPUs that the local AWS's one process kept busy during the deliveries",
            cpu.as_secs_f64() / delivered.elapsed.as_secs_f64(),
        ),
    ])
}

async fn deliver(world: &World, load: Load) -> Result<Delivered> {
    let began = Instant::now();
    let deliveries = stream::iter(0..load.deliveries).map(|_| deliver_one(world));
    let outcomes: Vec<Outcome> = deliveries
        .buffer_unordered(load.at_once)
        .try_collect()
        .await?;
    let accepted = outcomes.iter().filter(|outcome| outcome.is_accepted);
    Ok(Delivered {
        accepted: accepted.map(|outcome| outcome.id.clone()).collect(),
        late: outcomes.iter().map(|outcome| outcome.late).sum(),
        repeated: outcomes.iter().filter(|outcome| outcome.tries > 1).count(),
        elapsed: began.elapsed(),
    })
}

/// What became of one delivery.
struct Outcome {
    id: String,
    is_accepted: bool,
    tries: usize,
    late: usize,
}

/// Delivers a new order as WHOOP does, until it is answered with 204.
async fn deliver_one(world: &World) -> Result<Outcome> {
    let order = Order::new(world);
    order.serve(world, 1);
    let mut outcome = Outcome {
        id: order.id.clone(),
        is_accepted: false,
        tries: 0,
        late: 0,
    };
    while outcome.tries < REPEATS && !outcome.is_accepted {
        let delivery = world.stack.deliver(order.webhook(), &world.signing_secret);
        let answer = delivery.await?;
        outcome.tries += 1;
        outcome.is_accepted = answer.status == 204;
        outcome.late += usize::from(answer.elapsed > Duration::from_secs(1));
    }
    Ok(outcome)
}

/// Waits until the queue is empty, and takes all events. Returns how often each order was published.
async fn published(
    world: &World,
    subscription: &Subscription,
    patience: Duration,
) -> Result<HashMap<String, usize>> {
    let queue = world.stack.output("WebhookQueueUrl");
    let began = Instant::now();
    while world.stack.queue_depth(queue).await? > 0 {
        ensure!(
            began.elapsed() < patience,
            "the queue is not empty after {} s",
            patience.as_secs()
        );
        sleep(Duration::from_millis(200)).await;
    }
    let mut published = HashMap::new();
    for event in world.stack.arrived_events(subscription).await? {
        *published.entry(event.resource_id().to_owned()).or_default() += 1;
    }
    Ok(published)
}
