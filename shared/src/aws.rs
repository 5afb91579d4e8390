//! How our functions use the AWS SDK: credentials and region from the environment that Lambda sets, our TLS, time limits that
//! fit the caller, a second try beside a slow first one, and a way to open a connection before it is needed.
//!
//! The environment variables work as the SDK documents them.

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
