//! What our Lambda functions share: environment variables, with errors that name them, and logs.

pub mod env;
#[cfg(feature = "lambda")]
pub mod telemetry;
