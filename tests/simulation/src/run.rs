//! One run: the world of a seed, from its beginning until everything has come to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::chance::minutes;
use crate::lambda::event_processor::EventProcessorFunction;
use crate::lambda::token_refresh;
use crate::lambda::webhook::WebhookFunction;
use crate::ledger::{Counts, RECOVERY};
use crate::operators;
use crate::plan::Plan;
use crate::trace::Trace;
use crate::whoop::deliveries;
use crate::world::World;

/// How a run ended.
pub(crate) struct Report {
    /// The hash of its trace.
    pub(crate) hash: String,
    pub(crate) counts: Counts,
    /// How long it was, in simulated time.
    pub(crate) length: Duration,
    /// What must never happen, and happened first.
    pub(crate) violation: Option<String>,
}

/// Runs the world of a seed.
pub(crate) fn run(seed: u64, longest: Duration, shows_trace: bool) -> Report {
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime without I/O starts");
    LocalSet::new().block_on(&runtime, async {
        let plan = Plan::draw(longest);
        let trace = Trace::new(shows_trace);
        if shows_trace {
            eprintln!("{plan:#?}");
        }
        let world = World::new(plan, trace);
        tokio::select! {
            biased;
            () = world.violated() => {}
            () = live(&world) => world.ledger.close(&world),
        }
        Report {
            hash: world.trace.hash(),
            counts: world.ledger.counts(),
            length: world.now(),
            violation: world.first_violation(),
        }
    })
}

/// Lets everything happen, and then everything come to its end.
async fn live(world: &Arc<World>) {
    operators::work(world);
    let (webhook, processor) = (
        WebhookFunction::new(world),
        EventProcessorFunction::new(world),
    );
    spawn_local(processor.clone().poll());
    spawn_local(token_refresh::run(world.clone()));
    for order in 0..world.plan.orders.len() {
        spawn_local(deliveries::place(world.clone(), webhook.clone(), order));
    }
    world.until(world.plan.length).await;
    crate::note!(world, "all", "are healthy from now on");
    // longer than any update and any delivery may take
    let settled = world
        .plan
        .orders
        .iter()
        .flat_map(|order| &order.updates)
        .map(|(at, _)| *at);
    world.until(settled.max().unwrap_or_default()).await;
    let end = world.now() + RECOVERY;
    loop {
        sleep(minutes(10)).await;
        let counts = world.ledger.counts();
        let is_quiet = counts.deliveries_under_way == 0 && processor.running.get() == 0;
        if is_quiet && world.sqs.len() == 0 {
            return;
        }
        if world.now() > end {
            let bodies = world.sqs.bodies();
            return world.violation(format!("messages do not come to an end: {bodies:?}"));
        }
    }
}
