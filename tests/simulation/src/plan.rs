//! What happens in a run, as far as it is settled beforehand. All of it follows from the seed.

use std::time::Duration;

use crate::chance::{between, chance, days, hours, minutes, seconds};
use crate::weather::{Outage, Service, Symptom};

/// The course of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Until then, things go wrong. After that, all are healthy.
    pub(crate) length: Duration,
    pub(crate) auto_confirm_orders: bool,
    /// How many of the calls meet a fault of their own.
    pub(crate) fault_rate: f64,
    pub(crate) outages: Vec<Outage>,
    /// How many of the executions crash.
    pub(crate) crash_rate: f64,
    /// How many of the executions stand still for a while.
    pub(crate) pause_rate: f64,
    /// How far a process's clock may be off.
    pub(crate) max_skew: Duration,
    /// WHOOP's calls in a minute and in a day.
    pub(crate) rate_limits: [u32; 2],
    /// How long WHOOP's tokens live, in seconds.
    pub(crate) token_lifetime: u64,
    /// How old a state may be that WHOOP returns.
    pub(crate) max_lag: Duration,
    pub(crate) orders: Vec<Order>,
    pub(crate) signing_rotations: Vec<Rotation>,
    pub(crate) credential_rotations: Vec<Rotation>,
    /// When WHOOP ends all tokens, and from then on refuses new ones for so long.
    pub(crate) revocations: Vec<(Duration, Duration)>,
    /// When an operator moves the dead letters back to the queue.
    pub(crate) redrives: Vec<Duration>,
    /// When somebody writes nonsense into the token's item.
    pub(crate) vandalism: Vec<Duration>,
}

/// A new secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rotation {
    /// When Secrets Manager has it.
    pub(crate) ours: Duration,
    /// When WHOOP uses it.
    pub(crate) whoops: Duration,
}

/// What WHOOP announces.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) at: Duration,
    pub(crate) kind: Kind,
    /// When it is changed, after its creation, and whether a webhook announces that.
    pub(crate) updates: Vec<(Duration, bool)>,
}

/// What a webhook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A requisition that WHOOP returns.
    Requisition,
    /// A requisition that EventBridge refuses.
    RefusedByBus,
    /// A requisition for which WHOOP answers 422.
    Invalid,
    /// A requisition that WHOOP does not have.
    Missing,
    /// An event that no endpoint serves.
    Plain,
    /// A signed body that is no event.
    Undecodable,
    /// A body with a wrong signature.
    Forged,
}

impl Kind {
    fn draw() -> Self {
        match fastrand::u8(..100) {
            0..78 => Self::Requisition,
            78..81 => Self::RefusedByBus,
            81..84 => Self::Invalid,
            84..88 => Self::Missing,
            88..93 => Self::Plain,
            93..96 => Self::Undecodable,
            _ => Self::Forged,
        }
    }
}

impl Plan {
    /// Draws a plan of `most` at most.
    pub(crate) fn draw(most: Duration) -> Self {
        let longest = match fastrand::u8(..20) {
            0 => 20,
            1..5 => 7,
            _ => 2,
        };
        let longest = days(longest).min(most);
        let length = between(longest / 4, longest);
        let somewhen = |count: u32| -> Vec<Duration> {
            let count = fastrand::u32(0..=count);
            (0..count).map(|_| between(seconds(1), length)).collect()
        };
        let wild = chance(0.2);
        let mut outages = outages(length);
        let mut few_calls = false;
        if longest > days(14) {
            // longer than the queue keeps a message, or than it hands one out
            match fastrand::u8(..3) {
                0 => outages.push(siege()),
                1 => few_calls = true,
                _ => {}
            }
        }
        Self {
            length,
            auto_confirm_orders: fastrand::bool(),
            fault_rate: [0.0, 0.01, 0.05, 0.2][fastrand::usize(..4)],
            outages,
            crash_rate: [0.0, 0.02, 0.1][fastrand::usize(..3)],
            pause_rate: if wild { 0.02 } else { 0.0 },
            max_skew: if wild { seconds(140) } else { seconds(2) },
            rate_limits: match fastrand::u8(..4) {
                _ if few_calls => [100, 3],
                0 => [4, 10_000],
                1 => [10, 300],
                2 => [30, 1_000],
                _ => [100, 10_000],
            },
            token_lifetime: [300, 3_600, 3_600, 86_400, 604_800][fastrand::usize(..5)],
            max_lag: [Duration::ZERO, seconds(5), seconds(50), minutes(10)][fastrand::usize(..4)],
            orders: orders(length, if longest > days(1) { 30 } else { 8 }),
            signing_rotations: rotations(length),
            credential_rotations: rotations(length),
            revocations: somewhen(2)
                .into_iter()
                .map(|at| {
                    (
                        at,
                        if fastrand::bool() {
                            seconds(0)
                        } else {
                            minutes(7)
                        },
                    )
                })
                .collect(),
            redrives: somewhen(3),
            vandalism: somewhen(1),
        }
    }
}

fn outages(length: Duration) -> Vec<Outage> {
    let mut outages = Vec::new();
    for service in Service::ALL {
        for _ in 0..fastrand::u32(0..4) {
            let from = between(Duration::ZERO, length);
            let lasts = match fastrand::u8(..6) {
                0..3 => between(seconds(5), minutes(5)),
                3..5 => between(minutes(5), hours(3)),
                _ => between(hours(3), length / 2 + hours(4)),
            };
            outages.push(Outage {
                service,
                symptom: Symptom::draw(),
                from,
                to: from + lasts,
                share: if fastrand::bool() { 1.0 } else { 0.5 },
            });
        }
    }
    outages
}

/// A service that is down for most of a long run.
fn siege() -> Outage {
    let services = [Service::Whoop, Service::EventBridge, Service::DynamoDb];
    let from = between(Duration::ZERO, days(1));
    Outage {
        service: services[fastrand::usize(..3)],
        symptom: Symptom::Fails,
        from,
        to: from + between(days(6), days(18)),
        share: 1.0,
    }
}

/// At least a day apart.
fn rotations(length: Duration) -> Vec<Rotation> {
    let mut rotations = Vec::new();
    let mut at = between(Duration::ZERO, days(3).min(length * 2));
    while at < length {
        // within the day for which the previous secret is valid
        let whoops = at
            + between(
                Duration::ZERO,
                if fastrand::bool() {
                    minutes(10)
                } else {
                    hours(23)
                },
            );
        rotations.push(Rotation { ours: at, whoops });
        at += days(1) + between(minutes(1), days(3));
    }
    rotations
}

fn orders(length: Duration, most: u32) -> Vec<Order> {
    let mut orders = Vec::new();
    for _ in 0..fastrand::u32(3..most) {
        let at = between(Duration::ZERO, length);
        let together = if chance(0.15) {
            fastrand::u32(3..15)
        } else {
            1
        };
        for _ in 0..together {
            let at = at + between(Duration::ZERO, seconds(20));
            let mut updated = at;
            let updates = (0..fastrand::u32(0..4)).map(|_| {
                updated += match fastrand::u8(..3) {
                    0 => between(Duration::from_millis(50), seconds(5)),
                    1 => between(seconds(5), minutes(3)),
                    _ => between(minutes(3), minutes(10) + hours(6).min(length / 4)),
                };
                (updated, chance(0.8))
            });
            orders.push(Order {
                at,
                kind: Kind::draw(),
                updates: updates.collect(),
            });
        }
    }
    orders
}
