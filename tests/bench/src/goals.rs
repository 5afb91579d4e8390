//! What the functions are to reach, each as a figure of one run.

use std::fmt;

use crate::candidate::Function;
use crate::cpu_quota::Cpu;
use crate::results::{OrderResults, OrderShare, Results, Share};

/// One goal and how far it is reached.
#[derive(Debug, Clone)]
pub struct Goal {
    /// What is compared.
    pub text: String,
    /// What came out.
    pub figure: f64,
    /// What it should be.
    pub limit: Limit,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(limit) => write!(f, "≥ {limit}"),
            Self::AtMost(limit) => write!(f, "≤ {limit}"),
        }
    }
}

impl Goal {
    /// Whether it is reached.
    pub fn is_met(&self) -> bool {
        match self.limit {
            Limit::AtLeast(limit) => self.figure >= limit,
            Limit::AtMost(limit) => self.figure <= limit,
        }
    }

    /// All that these results can tell.
    pub fn of(results: &Results) -> Vec<Self> {
        let mut goals = Vec::new();
        for share in &results.shares {
            match share.memory {
                Cpu::Full => {
                    goals.push(cold_beside_tutorial(share, 3.0));
                    goals.extend(beside_the_limit(share));
                }
                Cpu::OfMemory(256) => goals.push(cold_beside_tutorial(share, 14.0)),
                Cpu::OfMemory(_) => {}
            }
            goals.extend(frugality(share));
        }
        goals.extend(
            results
                .size_bytes
                .get(&Function::Webhook)
                .map(|bytes| Self {
                    text: "size in MB".into(),
                    figure: *bytes as f64 / 1e6,
                    limit: Limit::AtMost(5.5),
                }),
        );
        goals.extend(Self::of_orders(&results.order));
        goals
    }

    /// What the order's way can tell.
    pub fn of_orders(results: &OrderResults) -> Vec<Self> {
        results.shares.iter().flat_map(order).collect()
    }
}

/// The event processor beside the same calls without it.
fn order(share: &OrderShare) -> [Goal; 3] {
    let (ours, bare) = (share.event_processor, share.bare_client);
    let goal = |text: &str, figure, limit| Goal {
        text: format!("order, {text}, {}", cpu(share.memory)),
        figure,
        limit: Limit::AtMost(limit),
    };
    [
        goal(
            "cold: event processor / bare client",
            ours.start.cold_ms / bare.cold_ms,
            1.5,
        ),
        goal(
            "warm p50: event processor / bare client",
            ours.start.warm_p50_ms / bare.warm_p50_ms,
            1.25,
        ),
        goal(
            "peak memory in MB with orders of 100 kB",
            ours.peak_memory_large_bytes as f64 / 1e6,
            12.0,
        ),
    ]
}

/// The cold start beside what people write today in the same language.
fn cold_beside_tutorial(share: &Share, times: f64) -> Goal {
    let [ours, tutorial] = [Function::Webhook, Function::Tutorial]
        .map(|function| share.functions[&function].start.cold_ms);
    Goal {
        text: format!("cold, {}: tutorial Rust / webhook", cpu(share.memory)),
        figure: tutorial / ours,
        limit: Limit::AtLeast(times),
    }
}

/// Everything beside the least that is possible.
fn beside_the_limit(share: &Share) -> Vec<Goal> {
    let [ours, floor, tutorial] = [Function::Webhook, Function::Floor, Function::Tutorial]
        .map(|function| share.functions[&function].start);
    let refused_p50_ms = share.functions[&Function::Webhook].refused_p50_ms;
    let bare = share.bare_client;
    let goal = |text: &str, figure, limit| Goal {
        text: text.into(),
        figure,
        limit,
    };
    vec![
        goal(
            "cold: webhook / (floor + both calls of the bare client)",
            ours.cold_ms / (floor.cold_ms + bare.cold_ms),
            Limit::AtMost(1.15),
        ),
        goal(
            "CPU of the first call: tutorial Rust / webhook",
            tutorial.first_call_cpu_ms / ours.first_call_cpu_ms,
            Limit::AtLeast(30.0),
        ),
        goal(
            "warm p50: webhook / a call of the bare client",
            ours.warm_p50_ms / bare.warm_p50_ms,
            Limit::AtMost(1.25),
        ),
        goal(
            "refused p50: webhook / the floor's answer",
            refused_p50_ms.unwrap_or(f64::INFINITY) / floor.warm_p50_ms,
            Limit::AtMost(3.0),
        ),
    ]
}

/// What must not grow with anything.
fn frugality(share: &Share) -> [Goal; 2] {
    let ours = share.functions[&Function::Webhook];
    let goal = |text: &str, figure, limit| Goal {
        text: format!("{text}, {}", cpu(share.memory)),
        figure,
        limit: Limit::AtMost(limit),
    };
    [
        // both versions of the secret, for each of the two looks that are in hand
        goal(
            "AWS calls for all refused deliveries",
            ours.calls_when_refused as f64,
            4.0,
        ),
        goal(
            "peak memory in MB",
            ours.start.peak_memory_bytes as f64 / 1e6,
            8.0,
        ),
    ]
}

fn cpu(memory: Cpu) -> String {
    match memory {
        Cpu::Full => "all of a CPU".into(),
        Cpu::OfMemory(mb) => format!("CPU of {mb} MB"),
    }
}
