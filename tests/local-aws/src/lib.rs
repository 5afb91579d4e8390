//! The local AWS, the stack deployed on it with the WHOOP simulator beside it, and the demo: what `make demo` and `make up` run
//! and the end-to-end tests start from.

pub mod aws_proxy;
pub mod bootstrap;
pub mod demo;
mod ministack;
pub mod stack;
pub mod steps;
pub mod world;

pub use ministack::{FunctionLine, LocalAws, LocalAwsError, REGION, checkout};
