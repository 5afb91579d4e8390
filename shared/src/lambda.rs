//! What our Lambda functions share: environment variables, with errors that name them, logs and metrics (feature `lambda`).

pub mod env;
#[cfg(feature = "lambda")]
pub mod metrics;
#[cfg(feature = "lambda")]
pub mod telemetry;
