//! How much happened in one run, or in many.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// How much happened.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Totals {
    /// Simulated time, in days.
    pub(crate) days: f64,
    /// Webhooks that were answered with 204.
    pub(crate) accepted: usize,
    /// Executions of the event processor.
    pub(crate) executions: usize,
    /// Messages that were set aside.
    pub(crate) set_aside: usize,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, more: Self) {
        self.days += more.days;
        self.accepted += more.accepted;
        self.executions += more.executions;
        self.set_aside += more.set_aside;
    }
}
