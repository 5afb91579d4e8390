//! The heartbeat function proves that webhooks still arrive: it signs a webhook of its own with the signing secret, and posts it
//! to the stack's own public URL.
//!
//! The webhook function verifies and queues it like any other, and the event processor recognises it by its event type
//! ([`whoop_partner::heartbeat`]). EventBridge Scheduler invokes the function every few minutes. Any event will do. The variables
//! `WEBHOOK_URL` and `WEBHOOK_SIGNING_SECRET_ID` are required.

mod config;
mod error;
mod handler;

pub use config::Config;
pub use error::HeartbeatError;
pub use handler::{Heartbeat, HeartbeatOutcome};
