//! What was called.

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
    /// HTTP status code of the answer; `None` if the connection was broken instead.
    pub status: Option<u16>,
    /// What the answer said remains of the rate limit (`X-RateLimit-Remaining`).
    pub remaining: Option<u32>,
    /// What the answer said of the end of the window, in seconds from the answer (`X-RateLimit-Reset`).
    pub reset: Option<u32>,
    /// Whether it carried a good token.
    pub authorized: bool,
    /// `User-Agent`, if it said.
    pub user_agent: Option<String>,
    /// The request's body, if it was JSON, without the client secret.
    pub body: Option<Value>,
}

/// The request's body for the record.
pub(super) fn recorded(body: &[u8]) -> Option<Value> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    if let Some(secret) = body.get_mut("client_secret") {
        *secret = "REDACTED".into();
    }
    Some(body)
}
