//! What is measured: our functions and the baselines beside them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Result;
use serde::Serialize;
use tokio::process::Command;

use crate::aws_stub::{AwsStub, TOKEN_TABLE};

/// A Lambda function that answers WHOOP's webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// Ours, as `sam build` makes it.
    Webhook,
    /// `lambda_http` with a handler that answers at once, without any AWS call.
    Floor,
    /// Rust as in tutorials: default features, default profile.
    Tutorial,
    /// WHOOP's example for Node, with the AWS SDK v3, bundled with esbuild.
    Node,
}

impl Function {
    /// All of them, ours first.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Floor, Self::Tutorial, Self::Node];

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Floor => "floor",
            Self::Tutorial => "tutorial Rust",
            Self::Node => "Node",
        }
    }

    /// Whether it knows a right signature from a wrong one.
    pub fn verifies(self) -> bool {
        self != Self::Floor
    }
}

/// Where the candidates lie.
#[derive(Debug, Clone)]
pub struct Candidates {
    /// The webhook's `bootstrap`.
    pub webhook: PathBuf,
    /// The event processor's `bootstrap`.
    pub event_processor: PathBuf,
    /// Cargo's target folder of the baselines.
    pub rust_baselines: PathBuf,
    /// The Node baseline's bundle.
    pub node_bundle: PathBuf,
}

impl Candidates {
    /// The file that would be deployed.
    pub fn artefact(&self, function: Function) -> PathBuf {
        match function {
            Function::Webhook => self.webhook.clone(),
            Function::Floor => self.rust_baselines.join("lean/floor"),
            Function::Tutorial => self.rust_baselines.join("release/tutorial"),
            Function::Node => self.node_bundle.clone(),
        }
    }

    /// Prepares a function that takes its events from the Runtime API at `runtime_api`.
    pub fn function(
        &self,
        function: Function,
        environment: &Environment,
        runtime_api: &str,
    ) -> Result<Command> {
        let artefact = self.artefact(function);
        let mut command = match function {
            Function::Node => {
                let mut node = Command::new("node");
                node.arg(&artefact);
                node
            }
            _ => Command::new(&artefact),
        };
        environment
            .set(&mut command)?
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api);
        Ok(command)
    }

    /// Prepares the event processor in the same way.
    pub fn event_processor(&self, environment: &Environment, runtime_api: &str) -> Result<Command> {
        let mut command = Command::new(&self.event_processor);
        environment
            .set(&mut command)?
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api);
        Ok(command)
    }

    /// Prepares the client that makes a function's calls and nothing else.
    pub fn bare_client(&self, environment: &Environment, calls: &BareCallsOf) -> Result<Command> {
        let mut command = Command::new(self.rust_baselines.join("lean/bare-client"));
        environment
            .set(&mut command)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        match calls {
            BareCallsOf::Delivery { warm } => command.args(["delivery", &warm.to_string()]),
            BareCallsOf::Order { warm, first } => {
                command.args(["order", &warm.to_string(), &first.to_string()])
            }
        };
        Ok(command)
    }
}

/// Whose calls the bare client makes.
#[derive(Debug, Clone, Copy)]
pub enum BareCallsOf {
    /// The webhook's for a delivery, and then for `warm` more.
    Delivery {
        /// How many more.
        warm: usize,
    },
    /// The event processor's for an order, and then for `warm` more.
    Order {
        /// How many more.
        warm: usize,
        /// The number of the first order.
        first: u64,
    },
}

/// What every candidate finds around it, like on Lambda.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: Vec<(&'static str, String)>,
    log: PathBuf,
}

impl Environment {
    /// With the stub as AWS; logs are added to the file `log`.
    pub fn new(stub: &AwsStub, log: &Path) -> Self {
        let authority = stub.authority.display().to_string();
        let url = |address| format!("https://{address}");
        let sqs = url(stub.endpoints.sqs);
        let variables = vec![
            ("AWS_REGION", "us-east-1".into()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".into()),
            (
                "AWS_SECRET_ACCESS_KEY",
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            ),
            ("AWS_SESSION_TOKEN", "token".into()),
            ("AWS_LAMBDA_FUNCTION_NAME", "function".into()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".into()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256".into()),
            (
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                url(stub.endpoints.secrets_manager),
            ),
            ("AWS_ENDPOINT_URL_DYNAMODB", url(stub.endpoints.dynamodb)),
            (
                "AWS_ENDPOINT_URL_EVENTBRIDGE",
                url(stub.endpoints.event_bridge),
            ),
            (
                "PARTNER_API_BASE_URL",
                format!("{}/developer", url(stub.endpoints.whoop)),
            ),
            ("PARTNER_CREDENTIALS_SECRET_ID", "credentials".into()),
            ("TOKEN_TABLE_NAME", TOKEN_TABLE.into()),
            ("PUBLISHED_TABLE_NAME", "published".into()),
            ("EVENT_BUS_NAME", "events".into()),
            (
                "WEBHOOK_DEAD_LETTER_QUEUE_URL",
                format!("{sqs}/123456789012/dead-letters"),
            ),
            ("WEBHOOK_QUEUE_RETENTION_SECONDS", "1209600".into()),
            ("WEBHOOK_QUEUE_MAX_RECEIVE_COUNT", "100".into()),
            ("WEBHOOK_QUEUE_URL", format!("{sqs}/123456789012/webhooks")),
            ("AWS_ENDPOINT_URL_SQS", sqs),
            ("WEBHOOK_SIGNING_SECRET_ID", "signing".into()),
            ("SSL_CERT_FILE", authority.clone()),
            ("NODE_EXTRA_CA_CERTS", authority),
        ];
        Self {
            variables,
            log: log.to_owned(),
        }
    }

    fn set<'c>(&self, command: &'c mut Command) -> Result<&'c mut Command> {
        let log = std::fs::File::options()
            .append(true)
            .create(true)
            .open(&self.log)?;
        Ok(command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true))
    }
}
