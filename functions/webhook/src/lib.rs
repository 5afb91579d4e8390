//! The webhook function: verifies WHOOP's signature over the raw body, queues the body byte for byte, answers in time.
//!
//! API Gateway invokes it with payload format 2.0. Variables, answers and the queue message are those of the README.

mod config;
mod delivery;
mod handler;
mod queue;
mod request;

pub use config::Config;
pub use delivery::{Delivery, TooLarge};
pub use handler::Webhook;
pub use request::{MalformedBase64, WebhookRequest};
