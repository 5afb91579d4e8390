//! How our functions use the AWS SDK.
//!
//! Credentials and region come from the environment that Lambda sets, and the environment variables work as the SDK
//! documents them. The module adds our TLS, time limits, a second try beside a slow first one, and a way to open a
//! connection before it is needed.

mod call_failure;
mod config;
mod connect_only;
mod environment_credentials;
mod hedge;
mod http_clients;

pub use config::{CallTimeouts, sdk_config};
pub use connect_only::ConnectOnly;
pub use hedge::Hedge;
pub use http_clients::AwsHttpClients;

pub use aws_types::SdkConfig;
