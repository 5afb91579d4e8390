//! The event processor takes webhooks from the queue, fetches the resource that each of them points at, and publishes it on an
//! EventBridge bus.
//!
//! SQS invokes it with batches and gets partial batch responses. `docs/` describes its environment variables
//! (`configuration.md`), the message in the queue (`messages.md`) and the event on the bus (`events.md`).

mod batch;
mod bus;
mod config;
mod dead_letter;
mod detail;
mod failure;
mod handler;
mod heartbeat;
mod message;
mod message_log;
mod message_processor;
mod pace;
mod published_states;
mod queue;
mod relay;
mod resource;
mod start;

pub use batch::{BatchItemFailure, BatchResponse, SqsBatch, UnidentifiedMessage};
pub use config::{Config, QueueLimits};
pub use handler::EventProcessor;
