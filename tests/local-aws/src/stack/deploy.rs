//! `sam deploy` to the local AWS.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::cloudformation::{CloudFormation, Description};
use super::{Stack, StackError};
use crate::ministack::{LocalAws, checkout, loopback_client};

/// How long `sam deploy` may take: 4 to 8 s on an idle machine with two cores.
const DEPLOY_LIMIT: Duration = Duration::from_secs(180);

/// How long the deletion of a stack may take: usually one or two seconds.
const DELETE_LIMIT: Duration = Duration::from_secs(60);

/// What the template calls this machine's processor, for which `make build` builds.
const ARCHITECTURE: &str = match cfg!(target_arch = "aarch64") {
    true => "arm64",
    false => "x86_64",
};

impl Stack {
    /// Deploys what `make build` has built, with these parameters of the template, and reads the outputs.
    ///
    /// Deploying again under the same name updates the stack.
    ///
    /// # Errors
    ///
    /// If SAM is not installed, nothing is built, or the deployment fails. The error then shows SAM's output.
    pub async fn deploy(
        aws: &LocalAws,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Self, StackError> {
        let template = checkout().join(".aws-sam/build/template.yaml");
        let sam = checkout().join(".venv/sam/bin/sam");
        for (path, remedy) in [
            (sam.as_path(), "make setup"),
            (template.as_path(), "make build"),
        ] {
            if !path.exists() {
                let path = path.to_owned();
                return Err(StackError::Missing { path, remedy });
            }
        }
        sam_deploy(aws, &sam, &template, name, parameters).await?;

        let config = aws.sdk_config();
        let mut stack = Self {
            name: name.into(),
            api: aws.api(),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            secrets_manager: aws_sdk_secretsmanager::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            http: loopback_client(),
            recorder: Arc::clone(&aws.recorder),
            outputs: Default::default(),
            function_output: aws.function_output_file(),
            deployed_environments: Default::default(),
        };
        stack.outputs = stack.describe(name).await?.outputs;
        stack.apply_what_the_local_aws_ignores().await?;
        Ok(stack)
    }

    /// Deletes the stack and waits until it is gone. Its outputs can still be read afterwards.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses, or the stack still exists after 60 s.
    pub async fn delete(&self) -> Result<(), StackError> {
        // a deleted stack can be found by its id only
        let stack_id = self.describe(&self.name).await?.id;
        let deleted = self.cloudformation().delete(&self.name).await;
        deleted.map_err(StackError::aws("DeleteStack"))?;
        let started = Instant::now();
        loop {
            let status = self.describe(&stack_id).await?.status;
            if status == "DELETE_COMPLETE" {
                return Ok(());
            }
            if status == "DELETE_FAILED" || started.elapsed() > DELETE_LIMIT {
                return Err(StackError::Unexpected(format!("{stack_id} is {status}")));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// CloudFormation as the root user.
    #[must_use]
    pub fn cloudformation(&self) -> CloudFormation<'_> {
        CloudFormation(&self.api)
    }

    async fn describe(&self, name_or_id: &str) -> Result<Description, StackError> {
        let description = self.cloudformation().describe(name_or_id).await;
        description.map_err(StackError::aws("DescribeStacks"))
    }
}

async fn sam_deploy(
    aws: &LocalAws,
    sam: &Path,
    template: &Path,
    name: &str,
    parameters: &[(&str, &str)],
) -> Result<(), StackError> {
    let log: PathBuf = aws.directory().join(format!("sam-deploy-{name}.log"));
    let output = std::fs::File::create(&log)?;
    let mut command = Command::new(sam);
    command
        .args(["deploy", "--stack-name", name, "--template-file"])
        .arg(template)
        .args([
            "--resolve-s3",
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            "--no-fail-on-empty-changeset",
        ])
        // uses no AWS profile of the user and writes nothing to the user's home
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("HOME", aws.directory())
        .env("SAM_CLI_TELEMETRY", "0")
        .env("SAM_CLI_POLL_DELAY", "0.2")
        .envs(aws.environment())
        .current_dir(aws.directory())
        .stdin(std::process::Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        // ends together with the local AWS if we can't end it ourselves
        .process_group(aws.process_group())
        .kill_on_drop(true);
    let parameters = parameters.iter().chain([&("Architecture", ARCHITECTURE)]);
    command.arg("--parameter-overrides");
    command.args(parameters.map(|(key, value)| format!("{key}={value}")));
    let status = match tokio::time::timeout(DEPLOY_LIMIT, command.status()).await {
        Ok(status) => status?,
        Err(_) => {
            let output = std::fs::read_to_string(log)?;
            let status = format!("took more than {} s", DEPLOY_LIMIT.as_secs());
            return Err(StackError::Deploy { status, output });
        }
    };
    if !status.success() {
        return Err(StackError::Deploy {
            status: format!("failed with {status}"),
            output: std::fs::read_to_string(log)?,
        });
    }
    Ok(())
}
