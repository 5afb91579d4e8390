//! Lambda: it starts processes, hands them events, ends them at their time limit, and loses some of them.

pub(crate) mod event_processor;
pub(crate) mod token_refresh;
pub(crate) mod webhook;

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::chance::{between, chance, minutes, seconds};
use crate::process::Process;
use crate::world::World;

/// An execution did not come to its end.
#[derive(Debug)]
pub(crate) struct Crashed;

/// Runs an execution until its end, or until it crashes. Sometimes it stands still for longer than any lease.
pub(crate) async fn execute<T>(
    world: &World,
    process: &Process,
    time_limit: Duration,
    execution: impl Future<Output = T>,
) -> Result<T, Crashed> {
    let (crash_rate, pause_rate) = match world.is_calm() {
        true => (0.0, 0.0),
        false => (world.plan.crash_rate, world.plan.pause_rate),
    };
    let mut execution = pin!(execution);
    if chance(pause_rate) {
        tokio::select! {
            biased;
            ended = &mut execution => return Ok(ended),
            () = somewhere(process) => {}
        }
        let lasts = between(seconds(1), minutes(5));
        crate::note!(
            world,
            &process.name,
            "stands still for {} s",
            lasts.as_secs()
        );
        process.stops();
        sleep(lasts).await;
        process.goes_on();
    }
    let crashes = async {
        if chance(crash_rate) {
            somewhere(process).await;
        } else {
            pending().await
        }
    };
    tokio::select! {
        biased;
        () = crashes => {
            crate::note!(world, &process.name, "crashes");
            Err(Crashed)
        }
        ended = timeout(time_limit, execution) => ended.map_err(|_| {
            crate::note!(world, &process.name, "is out of time");
            Crashed
        }),
    }
}

/// Waits until an execution is at some random place: right after the effect of a call, or a little later.
async fn somewhere(process: &Process) {
    let most = 8 * process.state().present.batch.len().max(1) as u32;
    process.calls(fastrand::u32(0..=most)).await;
    if fastrand::bool() {
        sleep(between(Duration::ZERO, Duration::from_millis(40))).await;
    }
}
