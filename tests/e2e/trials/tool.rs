//! `whoop-partner`, the tool in the operator's hand, run as a program against the deployed stack.

mod dead_letters;
mod dlq;
mod doctor;
mod events;
mod logs;
mod outputs;
mod partner;
mod secret;
mod status;
mod token;
mod usage;
mod webhook;

use std::ffi::OsStr;
use std::panic::AssertUnwindSafe;
use std::process::Stdio;
use std::sync::Arc;

use futures_util::FutureExt;
use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::AwsProxy;
use local_aws::checkout;
use local_aws::world::World;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::{Harness, Outcome};
use crate::in_turn;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let first = [
        doctor::trials(harness),
        status::trials(harness),
        webhook::trials(harness),
        secret::trials(harness),
        token::trials(harness),
        logs::trials(harness),
        outputs::trials(harness),
        usage::trials(harness),
    ];
    let second = [
        dlq::trials(harness),
        events::trials(harness),
        partner::trials(harness),
    ];
    in_turn([
        first.into_iter().flatten().collect(),
        second.into_iter().flatten().collect(),
    ])
}

/// The tool, as an operator of this stack calls it.
#[derive(Clone, Copy)]
pub struct Tool<'w> {
    world: &'w World,
}

/// What a run of the tool said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its exit status.
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl<'w> Tool<'w> {
    /// The tool on the stack of `world`.
    pub fn on(world: &'w World) -> Self {
        Self { world }
    }

    /// Runs the tool with these arguments, and with nothing to read on standard input.
    pub async fn run(self, arguments: &[&str]) -> Result<Said, Failed> {
        self.run_with_input(arguments, "").await
    }

    /// Runs the tool with `--json`, which must succeed, and returns what it prints.
    pub async fn json(self, arguments: &[&str]) -> Result<Value, Failed> {
        let said = self.run(&[&["--json"], arguments].concat()).await?;
        assert_eq!(said.status, 0, "{arguments:?}: {said:?}");
        Ok(serde_json::from_str(&said.stdout)?)
    }

    /// Runs the tool and gives it something to read.
    pub async fn run_with_input(self, arguments: &[&str], input: &str) -> Result<Said, Failed> {
        self.finish(self.command(arguments), input).await
    }

    /// Runs what [`Self::command`] has made. The search for leaks reads all that it says, except with `--show-phi`.
    pub async fn finish(self, command: Command, input: &str) -> Result<Said, Failed> {
        let arguments: Vec<_> = command.as_std().get_args().map(OsStr::to_owned).collect();
        let said = say(command, input).await?;
        if !arguments.iter().any(|argument| argument == "--show-phi") {
            let arguments = arguments.join(OsStr::new(" "));
            let source = format!("whoop-partner {}", arguments.display());
            self.world.stack.recorder.record(source, said.text());
        }
        Ok(said)
    }

    /// Runs the tool, and the SDK in it calls SQS through a proxy.
    pub async fn run_through(self, proxy: &AwsProxy, arguments: &[&str]) -> Result<Said, Failed> {
        self.run_with("AWS_ENDPOINT_URL_SQS", proxy, arguments)
            .await
    }

    /// Runs the tool, and the SDK in it calls the service of this variable through a proxy.
    pub async fn run_with(
        self,
        variable: &str,
        proxy: &AwsProxy,
        arguments: &[&str],
    ) -> Result<Said, Failed> {
        let mut command = self.command(arguments);
        command.env(variable, proxy.url());
        self.finish(command, "").await
    }

    /// The tool with these arguments, not started yet. It sees no variables but those of the local AWS, and the stack's name.
    pub fn command(self, arguments: &[&str]) -> Command {
        let mut command = Command::new(checkout().join("target/debug/whoop-partner"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.world.aws.directory())
            .envs(self.world.aws.environment())
            .env("WHOOP_PARTNER_STACK", &self.world.stack.name)
            .kill_on_drop(true);
        command
    }
}

/// Runs a command, gives it something to read, and waits for its end. The search for leaks does not read what it says.
pub async fn say(mut command: Command, input: &str) -> Result<Said, Failed> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    // the tool need not read it
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = child.wait_with_output().await?;
    Ok(Said {
        status: output.status.code().ok_or("the tool was killed")?,
        stdout: String::from_utf8(output.stdout)?,
        stderr: String::from_utf8(output.stderr)?,
    })
}

/// Runs a trial, and then repairs what it has broken, even if it panics.
async fn restored(
    trial: impl Future<Output = Outcome>,
    repair: impl AsyncFnOnce() -> Outcome,
) -> Outcome {
    let outcome = AssertUnwindSafe(trial).catch_unwind().await;
    let repaired = repair().await;
    match outcome {
        Ok(outcome) => outcome.and(repaired),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

impl Said {
    /// Checks the exit status, and that these words were printed, to standard output or standard error.
    #[track_caller]
    pub fn assert(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{self:?}");
        for words in words {
            assert!(self.text().contains(words), "{words} is not in {self:?}");
        }
    }

    /// Everything that was printed, for a search.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}
