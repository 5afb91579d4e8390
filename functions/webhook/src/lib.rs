//! The webhook function: verifies WHOOP's signature over the raw body, queues the body byte for byte, and answers in time.
//!
//! API Gateway invokes it with payload format 2.0. `docs/configuration.md`, `docs/answers.md` and `docs/messages.md` list its
//! variables, its answers and the queue message.

mod accept;
mod config;
mod handler;
mod queue;
mod request;
mod request_log;

pub use accept::{Accepted, Refusal, accept};
pub use config::Config;
pub use handler::Webhook;
pub use request::{MalformedBase64, WebhookRequest};
pub use request_log::RequestLog;
