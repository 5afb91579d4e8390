//! What it takes to talk with the WHOOP Healthcare Partner API: webhook signatures and events, client credentials and
//! access tokens, and where both are kept.
//!
//! This library knows WHOOP and storage, and has never heard of Lambda.

pub mod aws;
pub mod base_url;
pub mod call_failure;
pub mod env;
pub mod event;
pub mod hedge;
pub mod lenient;
pub mod partner;
pub mod secrets;
pub mod signature;
pub mod telemetry;
pub mod tls;
pub mod token;
pub mod token_store;
