//! What our Lambda functions share: environment variables, with errors that name them, and logs (feature `lambda`).

pub mod env;
#[cfg(feature = "lambda")]
pub mod telemetry;
