//! The token-refresh function: keeps a fresh access token of the Partner API in DynamoDB.
//!
//! EventBridge Scheduler invokes it every few minutes, with any event; `{"force": true}` renews a token that is still fresh.
//! It needs `TOKEN_TABLE_NAME` and `PARTNER_CREDENTIALS_SECRET_ID`, and takes `PARTNER_API_BASE_URL`.

mod config;
mod error;
mod handler;

pub use config::Config;
pub use error::RefreshError;
pub use handler::{RefreshOutcome, RefreshRequest, TokenRefresh};
