//! An execution environment of a function: its clock, and what it has been told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use whoop_partner::clock::Clock;

use crate::aws::sqs::Received;
use crate::chance::between;
use crate::world::World;

/// An execution environment.
pub(crate) struct Process {
    pub(crate) name: String,
    /// How far its clock is ahead (or behind, if negative), in milliseconds.
    pub(crate) skew_ms: i64,
    state: Mutex<State>,
    /// How many of the calls of the present execution have reached their service.
    calls: watch::Sender<u32>,
}

/// What has happened to it.
#[derive(Default)]
pub(crate) struct State {
    /// WHOOP has said 429: no call until then.
    pub(crate) limited_until: Option<Duration>,
    /// Whether it stands still.
    pub(crate) stands_still: bool,
    /// How many calls of WHOOP the present execution has made.
    pub(crate) whoop_calls: u32,
    /// The present execution.
    pub(crate) present: Execution,
    /// The one before.
    pub(crate) former: Execution,
    /// The messages that the present execution has put into the dead-letter queue.
    pub(crate) set_aside: BTreeSet<String>,
    /// The last claim that it made for each requisition, in whichever execution.
    pub(crate) claims: BTreeMap<usize, Claim>,
}

/// An execution.
#[derive(Default)]
pub(crate) struct Execution {
    /// Its messages.
    pub(crate) batch: Vec<Received>,
    /// What WHOOP last answered for each requisition.
    pub(crate) fetched: BTreeMap<String, Fetched>,
}

/// The claim of a lease.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    /// By the clock of the process, in Unix seconds.
    pub(crate) at: u64,
    /// Whether the process has stood still since.
    pub(crate) stood_still: bool,
}

/// WHOOP's last answer about a requisition.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fetched {
    pub(crate) status: u16,
    /// The version that it showed, if any.
    pub(crate) version: Option<usize>,
}

impl Process {
    /// Starts a process whose clock is off by as much as the plan allows.
    pub(crate) fn start(world: &World, function: &str) -> Arc<Self> {
        let skew = between(Duration::ZERO, world.plan.max_skew).as_millis() as i64;
        let process = Self {
            name: format!("{function}-{}", world.next_number()),
            skew_ms: if fastrand::bool() { skew } else { -skew },
            state: Mutex::default(),
            calls: watch::Sender::default(),
        };
        crate::note!(
            world,
            &process.name,
            "starts, its clock is off by {} ms",
            process.skew_ms
        );
        Arc::new(process)
    }

    /// Returns its clock.
    pub(crate) fn clock(self: &Arc<Self>, world: &Arc<World>) -> Clock {
        let (world, skew) = (world.clone(), self.skew_ms);
        Clock::new(move || world.system_time(skew))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of its calls has reached its service, and may have had its effect.
    pub(crate) fn has_called(&self) {
        self.calls.send_modify(|calls| *calls += 1);
    }

    /// Waits until so many calls of the present execution have reached their services.
    pub(crate) async fn calls(&self, count: u32) {
        let reached = self
            .calls
            .subscribe()
            .wait_for(|calls| *calls >= count)
            .await
            .is_ok();
        assert!(reached, "the sender is in this process");
    }

    /// It begins to stand still.
    pub(crate) fn stops(&self) {
        let mut state = self.state();
        state.stands_still = true;
        for claim in state.claims.values_mut() {
            claim.stood_still = true;
        }
    }

    /// It goes on.
    pub(crate) fn goes_on(&self) {
        self.state().stands_still = false;
    }

    /// Begins an execution with these messages.
    pub(crate) fn begin(&self, batch: Vec<Received>) {
        self.calls.send_replace(0);
        let mut state = self.state();
        *state = State {
            limited_until: state.limited_until,
            claims: std::mem::take(&mut state.claims),
            former: std::mem::take(&mut state.present),
            present: Execution {
                batch,
                fetched: BTreeMap::new(),
            },
            ..State::default()
        };
    }
}
