//! Secrets Manager and SQS over TLS, each on a port of its own as each has a host of its own on AWS, with a set latency.
//!
//! It runs in a process of its own, so that its CPU time is not the harness's: this binary with the command `aws-stub`. On
//! standard output it says where it listens, and for each line on standard input how often it was called. It ends with
//! its standard input.

mod process;
mod server;

pub use process::AwsStub;
pub use server::serve;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Where the stub listens.
#[derive(Debug, Serialize, Deserialize)]
pub struct Endpoints {
    /// Secrets Manager.
    pub secrets_manager: SocketAddr,
    /// SQS.
    pub sqs: SocketAddr,
}

/// How often the stub was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// `GetSecretValue`.
    pub get_secret_value: u64,
    /// `SendMessage`.
    pub send_message: u64,
    /// Anything else, such as what only opens a connection.
    pub other: u64,
}

impl Calls {
    /// All of them.
    pub fn total(self) -> u64 {
        self.get_secret_value + self.send_message + self.other
    }
}
