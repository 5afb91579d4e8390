//! How much each trial does.

use std::time::Duration;

/// How much each trial does.
#[derive(Debug, Clone)]
pub struct Size {
    /// How often each function is killed.
    pub kills: usize,
    /// Whether the kills wait until leases have expired. If not, they end them by hand.
    pub waits_for_leases: bool,
    /// For how long the webhook is frozen, and how often. Each line runs beside the others.
    pub freezes: Vec<(Duration, usize)>,
    /// The floods, one after the other.
    pub floods: Vec<Flood>,
    /// The rotation.
    pub rotation: Rotation,
    /// The load.
    pub load: Load,
    /// The backlog.
    pub backlog: Backlog,
    /// How many seeds are simulated.
    pub seeds: u64,
}

/// Forged deliveries beside good ones.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// What is forged.
    pub kind: FloodKind,
    /// Forged deliveries a second.
    pub forged_per_second: f64,
    /// Good deliveries a second.
    pub good_per_second: f64,
    /// How long it lasts.
    pub length: Duration,
    /// By how much the peak of memory may grow after the first quarter, in percent.
    pub most_growth: f64,
}

/// What a forged delivery looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FloodKind {
    /// Like a good one, with a wrong signature.
    WrongSignatures,
    /// With a body that fills the 6 MB of Lambda's largest event.
    LargeBodies,
    /// With a thousand header fields.
    ManyHeaders,
}

/// A rotation under traffic.
#[derive(Debug, Clone, Copy)]
pub struct Rotation {
    /// How often the secret moves.
    pub moves: usize,
    /// The time between two moves.
    pub apart: Duration,
    /// Deliveries a second, spread over the environments.
    pub per_second: f64,
    /// How many execution environments there are.
    pub environments: usize,
}

/// Deliveries through the whole stack.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// How many.
    pub deliveries: usize,
    /// How many of them at once.
    pub at_once: usize,
    /// The part of WHOOP's calls that fail.
    pub failing: f64,
}

/// Orders that wait in the queue while WHOOP limits the rate.
#[derive(Debug, Clone, Copy)]
pub struct Backlog {
    /// How many.
    pub orders: usize,
    /// Calls in a window.
    pub limit: u32,
    /// Seconds of a window.
    pub window_seconds: u64,
    /// The part of WHOOP's calls that would have to be used with windows of a minute, in percent.
    pub least_of_a_minute: f64,
}

impl Size {
    /// What `make soak` does, with this many deliveries in the load.
    #[must_use]
    pub fn full(deliveries: usize) -> Self {
        // each line lasts about three minutes
        let freezes = [1, 2, 4, 6, 10, 30, 60, 90, 180];
        let flood = |kind, forged_per_second, seconds| Flood {
            kind,
            forged_per_second,
            good_per_second: 20.0,
            length: Duration::from_secs(seconds),
            most_growth: 10.0,
        };
        Self {
            kills: 300,
            waits_for_leases: true,
            freezes: freezes
                .map(|seconds| (Duration::from_secs(seconds), 180 / seconds as usize))
                .to_vec(),
            floods: vec![
                flood(FloodKind::WrongSignatures, 2000.0, 120),
                flood(FloodKind::LargeBodies, 8.0, 60),
                flood(FloodKind::ManyHeaders, 200.0, 60),
            ],
            rotation: Rotation {
                moves: 3,
                apart: Duration::from_secs(31),
                per_second: 50.0,
                environments: 3,
            },
            load: Load {
                deliveries,
                at_once: 24,
                failing: 0.05,
            },
            backlog: Backlog {
                orders: 3000,
                limit: 100,
                window_seconds: 10,
                least_of_a_minute: 95.0,
            },
            seeds: 1000,
        }
    }

    /// What `make test` does: the same in a few seconds each.
    #[must_use]
    pub fn quick() -> Self {
        let full = Self::full(100);
        let mut floods = full.floods;
        for flood in &mut floods {
            // the tests are not optimised, and do not run alone
            if flood.forged_per_second > 100.0 {
                flood.forged_per_second /= 10.0;
            }
            flood.length = Duration::from_secs(3);
            // after six large bodies the memory has not settled yet
            flood.most_growth = 30.0;
        }
        Self {
            kills: 24,
            waits_for_leases: false,
            freezes: vec![(Duration::from_secs(1), 3), (Duration::from_secs(6), 1)],
            floods,
            rotation: Rotation {
                moves: 2,
                apart: Duration::from_secs(4),
                per_second: 20.0,
                ..full.rotation
            },
            load: Load {
                at_once: 8,
                ..full.load
            },
            backlog: Backlog {
                orders: 300,
                window_seconds: 3,
                // the tests do not run alone
                least_of_a_minute: 90.0,
                ..full.backlog
            },
            seeds: 10,
        }
    }
}
