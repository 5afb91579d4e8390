//! `whoop-partner`, the tool in the operator's hand, run as a program against the deployed stack.

mod outputs;
mod partner;

use std::process::Stdio;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::checkout;
use local_aws::world::World;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::harness::Harness;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let areas = [outputs::trials(harness), partner::trials(harness)];
    areas.into_iter().flatten().collect()
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

    /// Runs the tool and gives it something to read. The search for leaks reads all that it says, except with `--show-phi`.
    pub async fn run_with_input(self, arguments: &[&str], input: &str) -> Result<Said, Failed> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        // the tool need not read it
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let said = Said {
            status: output.status.code().ok_or("the tool was killed")?,
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        };
        if !arguments.contains(&"--show-phi") {
            let source = format!("whoop-partner {}", arguments.join(" "));
            let recorder = &self.world.stack.recorder;
            recorder.record(source, format!("{}\n{}", said.stdout, said.stderr));
        }
        Ok(said)
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

impl Said {
    /// Everything that was printed, for a search.
    pub fn text(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }
}
