//! stub
use std::time::SystemTime;
/// type
pub const EVENT_TYPE: &str = "whoop_partner.heartbeat";
/// sent
#[must_use]
pub fn sent_at(body: &str) -> Option<SystemTime> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    body["sent_at"].as_str()?.parse::<jiff::Timestamp>().ok()?.try_into().ok()
}
