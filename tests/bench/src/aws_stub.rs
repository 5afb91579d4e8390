//! Secrets Manager, SQS, DynamoDB, EventBridge and WHOOP over TLS, each on a port of its own as each has a host of its own, with a
//! set latency.
//!
//! It runs in a process of its own, so that its CPU time is not the harness's: this binary with the command `aws-stub`. On
//! standard output it says where it listens, and for each line on standard input how often it was called. It ends with
//! its standard input.

mod calls;
mod certificate;
mod process;
mod server;
mod services;

pub use calls::{Calls, Operation};
pub use process::AwsStub;
pub use server::serve;
pub use services::TOKEN_TABLE;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the stub listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Endpoints {
    /// Secrets Manager.
    pub secrets_manager: SocketAddr,
    /// SQS.
    pub sqs: SocketAddr,
    /// DynamoDB.
    pub dynamodb: SocketAddr,
    /// EventBridge.
    pub event_bridge: SocketAddr,
    /// WHOOP's Partner API.
    pub whoop: SocketAddr,
}
