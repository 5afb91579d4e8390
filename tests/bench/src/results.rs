//! What a run found out, as it is written to `results.json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::candidate::Function;
use crate::cpu_quota::Cpu;
use crate::machine::Machine;
use crate::measurement::{BareCalls, FunctionStart};
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

/// A function's figures: medians over all starts, percentiles over all deliveries. Times in ms.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct FunctionFigures {
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
    /// Median of the deliveries after the first.
    pub warm_p50_ms: f64,
    /// Of a hundred such, the slowest but one.
    pub warm_p99_ms: f64,
    /// Median of the deliveries with a wrong signature; the floor has none.
    pub refused_p50_ms: Option<f64>,
    /// Of a hundred such, the slowest but one.
    pub refused_p99_ms: Option<f64>,
    /// The most AWS calls that the refused deliveries of one start caused, however many they were.
    pub calls_when_refused: u64,
    /// The most that any start had resident.
    pub peak_memory_bytes: u64,
}

/// The bare client's figures, in ms.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BareFigures {
    /// TCP, TLS and one call to each of the two services, in series.
    pub two_calls_ms: f64,
    /// Median of one more call.
    pub call_p50_ms: f64,
    /// Of a hundred such, the slowest but one.
    pub call_p99_ms: f64,
}

impl FunctionFigures {
    /// Of all starts of one function.
    pub fn of(starts: &[FunctionStart]) -> Self {
        let median_of = |time: fn(&FunctionStart) -> Duration| ms(median(starts.iter().map(time)));
        let all = |times: fn(&FunctionStart) -> &[Duration]| {
            let mut all: Vec<_> = starts.iter().flat_map(times).copied().collect();
            all.sort_unstable();
            all
        };
        let warm = all(|start| &start.warm);
        let refused = all(|start| &start.refused);
        let refused = |percent| (!refused.is_empty()).then(|| ms(percentile(&refused, percent)));
        Self {
            cold_ms: median_of(|start| start.init + start.first_call),
            init_ms: median_of(|start| start.init),
            first_call_ms: median_of(|start| start.first_call),
            init_cpu_ms: median_of(|start| start.init_cpu),
            first_call_cpu_ms: median_of(|start| start.first_call_cpu),
            warm_p50_ms: ms(percentile(&warm, 50)),
            warm_p99_ms: ms(percentile(&warm, 99)),
            refused_p50_ms: refused(50),
            refused_p99_ms: refused(99),
            calls_when_refused: max(starts.iter().map(|start| start.calls_when_refused)),
            peak_memory_bytes: max(starts.iter().map(|start| start.peak_memory)),
        }
    }
}

impl BareFigures {
    /// Of all starts of the bare client.
    pub fn of(starts: &[BareCalls]) -> Self {
        let mut warm: Vec<_> = starts
            .iter()
            .flat_map(|start| &start.warm)
            .copied()
            .collect();
        warm.sort_unstable();
        Self {
            two_calls_ms: ms(median(starts.iter().map(|start| start.two_calls))),
            call_p50_ms: ms(percentile(&warm, 50)),
            call_p99_ms: ms(percentile(&warm, 99)),
        }
    }
}

fn max(figures: impl Iterator<Item = u64>) -> u64 {
    figures.max().unwrap_or_default()
}

/// Rounded to the microsecond: the rest is noise.
fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
