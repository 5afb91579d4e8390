//! What a run found out, as it is written to `results.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::candidate::Function;
use crate::cpu_quota::Cpu;
use crate::machine::Machine;
use crate::measurement::{BareCalls, FunctionStart, OrderStart, WebhookStart};
use crate::statistics::{median, percentile};

/// A whole run.
#[derive(Debug, Clone, Serialize)]
pub struct Results {
    /// Where it was.
    pub machine: Machine,
    /// Latency of the stub of AWS, in ms a call.
    pub latency_ms: f64,
    /// How often each function was started at each CPU share.
    pub rounds: usize,
    /// Instructions of verifying and decoding one delivery.
    pub verify_and_decode_instructions: u64,
    /// Size of what is deployed, in bytes.
    pub size_bytes: BTreeMap<Function, u64>,
    /// The figures of each CPU share.
    pub shares: Vec<Share>,
    /// The order's way through the event processor.
    pub order: OrderResults,
}

/// All candidates with the same share of a CPU.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// From the first event on: `full`, or that of a memory size in MB.
    pub memory: Cpu,
    /// The functions.
    pub functions: BTreeMap<Function, FunctionFigures>,
    /// The bare client.
    pub bare_client: BareFigures,
}

/// The order's way through the event processor.
#[derive(Debug, Clone, Serialize)]
pub struct OrderResults {
    /// Size of the event processor, in bytes.
    pub size_bytes: u64,
    /// The figures of each CPU share.
    pub shares: Vec<OrderShare>,
}

/// The event processor and the bare client with the same share of a CPU.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OrderShare {
    /// From the first event on: `full`, or that of a memory size in MB.
    pub memory: Cpu,
    /// The event processor.
    pub event_processor: OrderFigures,
    /// The bare client, which makes the same calls.
    pub bare_client: BareFigures,
}

/// A function's figures: medians over all starts, percentiles over all events. Times in ms.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StartFigures {
    /// Start of the process to the first answer.
    pub cold_ms: f64,
    /// Start of the process until it asks for its first event.
    pub init_ms: f64,
    /// First event to its answer.
    pub first_call_ms: f64,
    /// CPU time of the init phase.
    pub init_cpu_ms: f64,
    /// CPU time of the first invocation.
    pub first_call_cpu_ms: f64,
    /// Median of the events after the first.
    pub warm_p50_ms: f64,
    /// Of a hundred such, the slowest but one.
    pub warm_p99_ms: f64,
    /// The most that any start had resident.
    pub peak_memory_bytes: u64,
}

/// The figures of a function that takes webhooks.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FunctionFigures {
    /// With right signatures.
    #[serde(flatten)]
    pub start: StartFigures,
    /// Median of the deliveries with a wrong signature; the floor has none.
    pub refused_p50_ms: Option<f64>,
    /// Of a hundred such, the slowest but one.
    pub refused_p99_ms: Option<f64>,
    /// The most AWS calls that the refused deliveries of one start caused, however many they were.
    pub calls_when_refused: u64,
}

/// The figures of the event processor.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct OrderFigures {
    /// With ordinary orders.
    #[serde(flatten)]
    pub start: StartFigures,
    /// The most that any start had resident after large orders.
    pub peak_memory_large_bytes: u64,
    /// The most calls of one start that only opened a connection.
    pub other_calls: u64,
}

/// The bare client's figures, in ms.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BareFigures {
    /// TCP, TLS and the calls of a cold function, in series.
    pub cold_ms: f64,
    /// Median of the calls of a warm function, in series.
    pub warm_p50_ms: f64,
    /// Of a hundred such, the slowest but one.
    pub warm_p99_ms: f64,
}

impl StartFigures {
    /// Of all starts of one function.
    fn of<'s>(starts: impl Iterator<Item = &'s FunctionStart> + Clone) -> Self {
        let median_of = |time: fn(&FunctionStart) -> Duration| ms(median(starts.clone().map(time)));
        let warm = sorted(starts.clone().flat_map(|start| &start.warm));
        Self {
            cold_ms: median_of(|start| start.init + start.first_call),
            init_ms: median_of(|start| start.init),
            first_call_ms: median_of(|start| start.first_call),
            init_cpu_ms: median_of(|start| start.init_cpu),
            first_call_cpu_ms: median_of(|start| start.first_call_cpu),
            warm_p50_ms: ms(percentile(&warm, 50)),
            warm_p99_ms: ms(percentile(&warm, 99)),
            peak_memory_bytes: max(starts.map(|start| start.peak_memory)),
        }
    }
}

impl FunctionFigures {
    /// Of all starts of one function.
    pub fn of(starts: &[WebhookStart]) -> Self {
        let refused = sorted(starts.iter().flat_map(|start| &start.refused));
        let refused = |percent| (!refused.is_empty()).then(|| ms(percentile(&refused, percent)));
        Self {
            start: StartFigures::of(starts.iter().map(|start| &start.start)),
            refused_p50_ms: refused(50),
            refused_p99_ms: refused(99),
            calls_when_refused: max(starts.iter().map(|start| start.calls_when_refused)),
        }
    }
}

impl OrderFigures {
    /// Of all starts of the event processor.
    pub fn of(starts: &[OrderStart]) -> Self {
        Self {
            start: StartFigures::of(starts.iter().map(|start| &start.start)),
            peak_memory_large_bytes: max(starts.iter().map(|start| start.peak_memory_large)),
            other_calls: max(starts.iter().map(|start| start.other_calls)),
        }
    }
}

impl BareFigures {
    /// Of all starts of the bare client.
    pub fn of(starts: &[BareCalls]) -> Self {
        let warm = sorted(starts.iter().flat_map(|start| &start.warm));
        Self {
            cold_ms: ms(median(starts.iter().map(|start| start.cold))),
            warm_p50_ms: ms(percentile(&warm, 50)),
            warm_p99_ms: ms(percentile(&warm, 99)),
        }
    }
}

fn sorted<'t>(times: impl Iterator<Item = &'t Duration>) -> Vec<Duration> {
    let mut times: Vec<_> = times.copied().collect();
    times.sort_unstable();
    times
}

fn max(figures: impl Iterator<Item = u64>) -> u64 {
    figures.max().unwrap_or_default()
}

/// Rounded to the microsecond: the rest is noise.
fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
