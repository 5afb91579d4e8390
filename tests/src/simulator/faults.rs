//! WHOOP's bad days, on order.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What the next calls get instead of their answer, or before it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// Calls whose path begins with this, such as `/v2/partner/token`; with or without the base path.
    pub path: String,
    /// The answer's status; without it, the call has its effect and its own answer, after the delay.
    pub status: Option<u16>,
    /// Wait before answering, in milliseconds.
    pub delay_ms: u64,
    /// The answer's body: a text as it is, anything else as JSON.
    pub body: Option<Value>,
    /// Headers of the answer, beside the usual ones.
    pub headers: BTreeMap<String, String>,
    /// How many calls it meets.
    pub times: u32,
    /// Breaks the connection: the call has no effect and no answer.
    pub disconnect: bool,
    /// Breaks the connection in the midst of the answer: the call has its effect.
    pub disconnect_midway: bool,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            path: "/".into(),
            status: None,
            delay_ms: 0,
            body: None,
            headers: BTreeMap::new(),
            times: 1,
            disconnect: false,
            disconnect_midway: false,
        }
    }
}

impl Fault {
    /// The next call below `path` is answered with this status.
    #[must_use]
    pub fn status(path: &str, status: u16) -> Self {
        Self {
            path: path.into(),
            status: Some(status),
            ..Self::default()
        }
    }

    /// The same for the next `times` calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.insert(name.into(), value.to_string());
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn body(self, body: impl Into<Value>) -> Self {
        Self {
            body: Some(body.into()),
            ..self
        }
    }

    pub(super) fn delay(&self) -> Duration {
        Duration::from_millis(self.delay_ms)
    }
}

/// The faults still to come, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, mut fault: Fault) {
        if let Some(path) = fault.path.strip_prefix(super::BASE_PATH) {
            fault.path = path.into();
        }
        if fault.times > 0 {
            self.0.push(fault);
        }
    }

    /// The fault that a call of `path` meets; it is one fewer afterwards.
    pub(super) fn take(&mut self, path: &str) -> Option<Fault> {
        let index = self
            .0
            .iter()
            .position(|fault| path.starts_with(&fault.path))?;
        self.0[index].times -= 1;
        let fault = self.0[index].clone();
        if fault.times == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }
}
