//! The trace of a run: what happened when, for the reader, and its hash, which is the same for the same seed.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

/// Collects the lines of a run.
pub(crate) struct Trace {
    shown: bool,
    hash: Mutex<Sha256>,
}

impl Trace {
    /// Shows the lines on standard error if `shown`.
    pub(crate) fn new(shown: bool) -> Self {
        Self {
            shown,
            hash: Mutex::default(),
        }
    }

    /// Adds a line about `who`.
    pub(crate) fn line(&self, at: Duration, who: &str, what: fmt::Arguments<'_>) {
        let line = format!("{} {who:<14} {what}", Time(at));
        let mut hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        hash.update(&line);
        hash.update("\n");
        if self.shown {
            eprintln!("{line}");
        }
    }

    /// Returns the hash of all lines so far.
    pub(crate) fn hash(&self) -> String {
        let hash = self.hash.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = hash.clone().finalize();
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A time since the beginning of the run: day, time of day.
pub(crate) struct Time(pub(crate) Duration);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        write!(
            f,
            "{:>2}d {:02}:{:02}:{:02}.{:03}",
            seconds / 86_400,
            seconds / 3_600 % 24,
            seconds / 60 % 60,
            seconds % 60,
            self.0.subsec_millis()
        )
    }
}
