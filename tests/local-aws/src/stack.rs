//! The stack on the local AWS: deploys what `make build` has built, and does everything that the tests and the demo
//! need of a stack.

mod alarms;
mod bus;
mod cloudformation;
mod deploy;
mod event_source;
mod functions;
mod gaps;
mod permissions;
mod schedules;
mod storage;
mod webhook;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use aws_sdk_sqs::error::DisplayErrorContext;

pub use cloudformation::{CloudFormation, Resource};

pub use alarms::AlarmSubscription;
pub use bus::{PublishedEvent, Subscription};
pub use functions::Invocation;
pub use permissions::AccessKey;
pub use storage::TokenItem;
pub use webhook::{Answer, signed};

use leak_recorder::Recorder;

use crate::aws_api::AwsApi;

/// Why an operation on the stack failed.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A file that `sam deploy` needs is missing.
    #[error("{} is missing: run `{remedy}`", path.display())]
    Missing {
        /// What is missing.
        path: PathBuf,
        /// The command that makes it.
        remedy: &'static str,
    },
    /// `sam deploy` failed.
    #[error("sam deploy {status}; its output:\n{output}")]
    Deploy {
        /// How it ended.
        status: String,
        /// Everything it printed.
        output: String,
    },
    /// A call to the local AWS failed.
    #[error("{operation}: {}", DisplayErrorContext(&**source))]
    Aws {
        /// Name of the operation.
        operation: &'static str,
        /// The SDK's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A request to the webhook's URL got no answer.
    #[error("no answer from {url}: {}", DisplayErrorContext(source))]
    NoAnswer {
        /// The URL of the request.
        url: String,
        /// What happened instead.
        source: reqwest::Error,
    },
    /// A file could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The stack is not as it should be.
    #[error("{0}")]
    Unexpected(String),
}

impl StackError {
    /// Wraps an error of the SDK; for `map_err`.
    pub(crate) fn aws<E>(operation: &'static str) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        move |source| Self::Aws {
            operation,
            source: source.into(),
        }
    }
}

/// A deployed stack. The clients are public for calls that have no method here.
pub struct Stack {
    /// Name of the stack.
    pub name: String,
    /// Services without a client of the SDK, as the root user.
    pub api: AwsApi,
    /// DynamoDB as the root user.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Secrets Manager as the root user.
    pub secrets_manager: aws_sdk_secretsmanager::Client,
    /// SQS as the root user.
    pub sqs: aws_sdk_sqs::Client,
    /// An HTTP client for the webhook's URL.
    pub http: reqwest::Client,
    /// The values that must not leak from the local AWS, and the answers received.
    pub recorder: Arc<Recorder>,
    outputs: BTreeMap<String, String>,
    function_output: PathBuf,
    deployed_environments: functions::DeployedEnvironments,
}

impl Stack {
    /// The value of an output of the template, such as `WebhookUrl`.
    ///
    /// # Panics
    ///
    /// If the template has no such output.
    #[must_use]
    pub fn output(&self, name: &str) -> &str {
        self.outputs
            .get(name)
            .unwrap_or_else(|| panic!("stack {} has no output {name}", self.name))
    }

    /// Every output of the template.
    #[must_use]
    pub fn outputs(&self) -> &BTreeMap<String, String> {
        &self.outputs
    }
}
