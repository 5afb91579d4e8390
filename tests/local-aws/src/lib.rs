//! The local AWS, the stack deployed on it, and the WHOOP simulator beside it: `make demo`, `make up` and the
//! end-to-end tests run on this.

pub mod aws_api;
pub mod aws_command;
pub mod aws_proxy;
pub mod bootstrap;
pub mod dashboard;
pub mod demo;
pub mod environment_file;
mod ministack;
pub mod released_event_processor;
pub mod released_webhook;
pub mod stack;
pub mod steps;
pub mod world;

pub use ministack::{FunctionLine, LocalAws, LocalAwsError, REGION, checkout};
