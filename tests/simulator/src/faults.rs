//! Faults that a test orders: WHOOP fails, is slow, or breaks connections.

use std::collections::BTreeMap;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

/// What happens to the next calls instead of, or before, their normal answer.
///
/// With a `status`, the call never reaches WHOOP: it has no effect, counts towards no rate limit, and the answer has
/// only the given headers. Without a `status`, the call has its effect and its normal answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Fault {
    /// The fault meets calls whose path begins with this, such as `/v2/partner/token`, with or without the base path.
    pub path: String,
    /// The fault meets only calls with this method, such as `PATCH`.
    pub method: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// How long to wait before anything else, in milliseconds.
    pub delay_ms: u64,
    /// The body of an answer with a `status`: a text unchanged, anything else as JSON.
    pub body: Option<Value>,
    /// Headers that are added to the answer, or replace its own.
    pub headers: BTreeMap<String, String>,
    /// How many calls the fault meets.
    pub times: u32,
    /// Breaks the connection: the call has no effect and no answer.
    pub disconnect: bool,
    /// Breaks the connection after the call has had its effect: no answer.
    pub disconnect_after_effect: bool,
    /// Breaks the connection within the answer: the call has its effect, then status, headers and seven bytes of a body
    /// of unannounced length arrive. A 204 has no body to break.
    pub disconnect_midway: bool,
}

/// Why a fault is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidFault {
    #[error("status {0} is not between 200 and 599")]
    Status(u16),
    #[error("header {0} can't be sent")]
    Header(String),
    #[error("path does not begin with a slash")]
    Path,
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            path: "/".into(),
            method: None,
            status: None,
            delay_ms: 0,
            body: None,
            headers: BTreeMap::new(),
            times: 1,
            disconnect: false,
            disconnect_after_effect: false,
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

    /// The next call below `path` is answered as usual, but later.
    #[must_use]
    pub fn delay(path: &str, delay: Duration) -> Self {
        Self {
            path: path.into(),
            delay_ms: delay.as_millis().try_into().unwrap_or(u64::MAX),
            ..Self::default()
        }
    }

    /// The same for the next `times` calls.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The same for calls with this method only.
    #[must_use]
    pub fn method(self, method: &str) -> Self {
        Self {
            method: Some(method.into()),
            ..self
        }
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

    /// The status, checked when the fault was added.
    pub(super) fn status_code(&self) -> Option<StatusCode> {
        self.status
            .map(|status| StatusCode::from_u16(status).expect("the status was checked"))
    }

    /// The headers, or the name of one that can't be sent.
    pub(super) fn header_map(&self) -> Result<HeaderMap, InvalidFault> {
        let headers = self.headers.iter().map(|(name, value)| {
            match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) => Ok((name, value)),
                _ => Err(InvalidFault::Header(name.clone())),
            }
        });
        headers.collect()
    }

    fn check(&self) -> Result<(), InvalidFault> {
        if let Some(status) = self.status.filter(|status| !(200..=599).contains(status)) {
            return Err(InvalidFault::Status(status));
        }
        if !self.path.starts_with('/') {
            return Err(InvalidFault::Path);
        }
        self.header_map().map(drop)
    }

    fn meets(&self, method: &str, path: &str) -> bool {
        path.starts_with(&self.path)
            && self
                .method
                .as_ref()
                .is_none_or(|only| only.eq_ignore_ascii_case(method))
    }
}

/// The faults still to come, oldest first.
#[derive(Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, mut fault: Fault) -> Result<(), InvalidFault> {
        fault.check()?;
        if let Some(path) = fault.path.strip_prefix(super::BASE_PATH) {
            fault.path = path.into();
        }
        if fault.times > 0 {
            self.0.push(fault);
        }
        Ok(())
    }

    /// Takes the fault that a call meets and counts it.
    pub(super) fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let index = self.0.iter().position(|fault| fault.meets(method, path))?;
        self.0[index].times -= 1;
        let fault = self.0[index].clone();
        if fault.times == 0 {
            self.0.remove(index);
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(faults: &mut Faults, method: &str, path: &str) -> Option<u16> {
        faults.take(method, path).and_then(|fault| fault.status)
    }

    #[test]
    fn faults_are_met_in_order_by_path_and_method() {
        let mut faults = Faults::default();
        for fault in [
            Fault::status("/v2/partner/service-request", 503).method("patch"),
            Fault::status("/developer/v2/partner", 500).times(2),
            Fault::status("/v2/partner", 429).times(0),
        ] {
            faults.add(fault).unwrap();
        }
        let path = "/v2/partner/service-request/1";
        assert_eq!(taken(&mut faults, "GET", "/v2/other"), None);
        assert_eq!(taken(&mut faults, "GET", path), Some(500));
        assert_eq!(taken(&mut faults, "PATCH", path), Some(503));
        assert_eq!(taken(&mut faults, "PATCH", path), Some(500));
        assert_eq!(taken(&mut faults, "PATCH", path), None);
    }

    #[test]
    fn what_can_not_be_sent_is_refused() {
        let mut faults = Faults::default();
        for status in [0, 100, 199, 600, 1000] {
            let refused = faults.add(Fault::status("/", status));
            assert_eq!(refused, Err(InvalidFault::Status(status)));
        }
        for (name, value) in [("no name", "a"), ("a", "line\nbreak")] {
            let refused = faults.add(Fault::default().header(name, value));
            assert_eq!(refused, Err(InvalidFault::Header(name.into())));
        }
        let refused = faults.add(Fault::status("v2", 500));
        assert_eq!(refused, Err(InvalidFault::Path));
        assert!(faults.take("GET", "/").is_none());
    }
}
