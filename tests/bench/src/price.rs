//! What a memory size costs, by AWS's public prices for x86 in us-east-1 (AWS Lambda Pricing, first tier).

use crate::results::FunctionFigures;

/// US dollars for a GB-second.
const GB_SECOND: f64 = 0.000_016_666_7;

/// US dollars for a million requests.
const MILLION_REQUESTS: f64 = 0.20;

/// US dollars for a million deliveries, duration and requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// When every one meets a function that runs.
    pub warm: f64,
    /// When every one meets a cold start, whose init phase is billed too.
    pub cold: f64,
}

impl Price {
    /// Of a function with `memory_mb`.
    pub fn of(figures: &FunctionFigures, memory_mb: u32) -> Self {
        let million = |ms| MILLION_REQUESTS + 1e6 * duration(ms, memory_mb);
        Self {
            warm: million(figures.start.warm_p50_ms),
            cold: million(figures.start.cold_ms),
        }
    }
}

/// US dollars for one invocation's duration, which is billed by the whole millisecond.
fn duration(ms: f64, memory_mb: u32) -> f64 {
    ms.ceil() / 1000.0 * f64::from(memory_mb) / 1024.0 * GB_SECOND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_billed_whole() {
        // a GB for a second
        assert_eq!(duration(999.1, 1024), GB_SECOND);
        assert_eq!(duration(1000.0, 512), GB_SECOND / 2.0);
    }
}
