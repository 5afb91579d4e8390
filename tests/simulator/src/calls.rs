//! The record of calls.

use hyper::header::HeaderMap;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// One call of the Partner API.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// When it arrived.
    pub time: Timestamp,
    /// HTTP method.
    pub method: String,
    /// Path below the base path, such as `/v2/partner/token`.
    pub path: String,
    /// Query, without the question mark.
    pub query: Option<String>,
    /// HTTP status code of the answer; `None` until there is one, and if the connection broke before it.
    pub status: Option<u16>,
    /// How many calls the answer said are left (`X-RateLimit-Remaining`).
    pub remaining: Option<u32>,
    /// In how many seconds the answer said the window ends (`X-RateLimit-Reset`).
    pub reset: Option<u32>,
    /// Whether it carried a valid token.
    pub authorized: bool,
    /// The header `User-Agent`, if the call had it.
    pub user_agent: Option<String>,
    /// The request's body, if it was JSON, without the client secret.
    pub body: Option<Value>,
}

/// Every call since the last reset, in the order of arrival.
#[derive(Default)]
pub(super) struct Calls {
    /// How many calls were forgotten by resets.
    forgotten: usize,
    calls: Vec<Call>,
}

impl Calls {
    /// Records a call that has just arrived, and returns its number.
    ///
    /// It is recorded before it is answered, because a client that stops waiting has still made the call.
    pub(super) fn arrived(&mut self, call: Call) -> usize {
        self.calls.push(call);
        self.forgotten + self.calls.len() - 1
    }

    /// Records how a call was answered.
    pub(super) fn answered(&mut self, number: usize, status: u16, headers: &HeaderMap) {
        let call = number
            .checked_sub(self.forgotten)
            .and_then(|index| self.calls.get_mut(index));
        if let Some(call) = call {
            let said = |name| headers.get(name)?.to_str().ok()?.parse().ok();
            call.status = Some(status);
            call.remaining = said("x-ratelimit-remaining");
            call.reset = said("x-ratelimit-reset");
        }
    }

    pub(super) fn all(&self) -> &[Call] {
        &self.calls
    }

    pub(super) fn forget(&mut self) {
        self.forgotten += self.calls.len();
        self.calls.clear();
    }
}

/// The request's body for the record.
pub(super) fn recorded(body: &[u8]) -> Option<Value> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    if let Some(secret) = body.get_mut("client_secret") {
        *secret = "REDACTED".into();
    }
    Some(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(path: &str) -> Call {
        Call {
            time: Timestamp::now(),
            method: "GET".into(),
            path: path.into(),
            query: None,
            status: None,
            remaining: None,
            reset: None,
            authorized: true,
            user_agent: None,
            body: None,
        }
    }

    #[test]
    fn an_answer_never_goes_to_another_call_than_its_own() {
        let mut calls = Calls::default();
        let before = calls.arrived(call("/before"));
        calls.forget();
        let first = calls.arrived(call("/first"));
        let second = calls.arrived(call("/second"));
        calls.answered(second, 204, &HeaderMap::new());
        calls.answered(before, 500, &HeaderMap::new());
        let statuses: Vec<_> = calls.all().iter().map(|call| call.status).collect();
        assert_eq!(statuses, [None, Some(204)]);
        calls.answered(first, 200, &HeaderMap::new());
        assert_eq!(calls.all()[0].status, Some(200));
    }
}
