//! The functions' sizes and the webhook's instruction count must not creep up: they are repeatable, which times are not.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// By how much a figure may grow before somebody has to agree, in percent.
const TOLERANCE_PERCENT: u64 = 5;

/// The figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// Size of the webhook's `bootstrap` as `sam build` makes it, in bytes.
    pub webhook_size_bytes: u64,
    /// Instructions of verifying and decoding one delivery, under callgrind.
    pub verify_and_decode_instructions: u64,
    /// Size of the event processor's `bootstrap` as `sam build` makes it, in bytes.
    pub event_processor_size_bytes: u64,
}

/// A figure that has grown too much.
#[derive(Debug, PartialEq, Eq)]
pub struct Growth {
    figure: &'static str,
    from: u64,
    to: u64,
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { figure, from, to } = self;
        let percent = *to as f64 / *from as f64 * 100.0 - 100.0;
        write!(
            f,
            "{figure}: {from} -> {to} (+{percent:.1} %, {TOLERANCE_PERCENT} % are allowed)"
        )
    }
}

impl Baseline {
    /// The one that is committed.
    pub fn read(file: &Path) -> Result<Self> {
        let json = std::fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        serde_json::from_slice(&json).with_context(|| format!("reading {}", file.display()))
    }

    /// Makes this the committed one.
    pub fn write(&self, file: &Path) -> Result<()> {
        let json = serde_json::to_string_pretty(self)? + "\n";
        std::fs::write(file, json).with_context(|| format!("writing {}", file.display()))
    }

    /// What has grown too much since.
    pub fn growth(&self, now: &Self) -> Vec<Growth> {
        let figures = [
            (
                "size of the webhook in bytes",
                self.webhook_size_bytes,
                now.webhook_size_bytes,
            ),
            (
                "instructions to verify and decode a delivery",
                self.verify_and_decode_instructions,
                now.verify_and_decode_instructions,
            ),
            (
                "size of the event processor in bytes",
                self.event_processor_size_bytes,
                now.event_processor_size_bytes,
            ),
        ];
        figures
            .into_iter()
            .filter(|(_, from, to)| to * 100 > from * (100 + TOLERANCE_PERCENT))
            .map(|(figure, from, to)| Growth { figure, from, to })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASELINE: Baseline = Baseline {
        webhook_size_bytes: 5_000_000,
        verify_and_decode_instructions: 20_000,
        event_processor_size_bytes: 6_000_000,
    };

    #[test]
    fn five_percent_more_pass_and_a_byte_more_does_not() {
        let mut now = BASELINE;
        now.webhook_size_bytes = 5_250_000;
        assert_eq!(BASELINE.growth(&now), []);
        now.webhook_size_bytes += 1;
        let growth = BASELINE.growth(&now);
        assert_eq!(growth.len(), 1);
        assert_eq!(
            growth[0].to_string(),
            "size of the webhook in bytes: 5000000 -> 5250001 (+5.0 %, 5 % are allowed)"
        );
    }

    #[test]
    fn instructions_are_watched_too() {
        let now = Baseline {
            verify_and_decode_instructions: 21_001,
            ..BASELINE
        };
        assert_eq!(BASELINE.growth(&now).len(), 1);
    }

    #[test]
    fn the_event_processor_is_watched_too() {
        let mut now = BASELINE;
        now.event_processor_size_bytes = 6_300_001;
        let growth = BASELINE.growth(&now);
        assert_eq!(growth.len(), 1);
        assert_eq!(
            growth[0].to_string(),
            "size of the event processor in bytes: 6000000 -> 6300001 (+5.0 %, 5 % are allowed)"
        );
    }

    #[test]
    fn what_shrinks_passes() {
        let now = Baseline {
            webhook_size_bytes: 1,
            verify_and_decode_instructions: 1,
            event_processor_size_bytes: 1,
        };
        assert_eq!(BASELINE.growth(&now), []);
    }
}
