//! The token-refresh function keeps a fresh access token of the Partner API in DynamoDB.
//!
//! EventBridge Scheduler invokes it every few minutes. Any event will do. The event `{"force": true}` renews a token even if it
//! is still fresh. The variables `TOKEN_TABLE_NAME` and `PARTNER_CREDENTIALS_SECRET_ID` are required, and
//! `PARTNER_API_BASE_URL` is optional.

mod config;
mod error;
mod handler;

pub use config::Config;
pub use error::RefreshError;
pub use handler::{RefreshOutcome, RefreshRequest, TokenRefresh};
