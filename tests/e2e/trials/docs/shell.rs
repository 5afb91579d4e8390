//! A shell in which blocks of a page are run one after the other, as a reader would paste them.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use docs::Block;
use libtest_mimic::Failed;
use local_aws::{LocalAws, aws_command};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long one block may take.
const BLOCK_LIMIT: Duration = Duration::from_secs(60);

/// What the shell prints when a block is done.
const DONE: &str = "the block is done";

/// A running `bash`, in a folder of its own. It ends when a command fails.
pub struct Shell {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    folder: TempDir,
    blocks: usize,
}

impl Shell {
    /// Starts a shell that sees the AWS CLI, the tool and the local AWS, and nothing of ours.
    pub fn start(aws: &LocalAws) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let bin = folder.path().join(".bin");
        aws_command::write(&bin)?;
        let path = std::env::join_paths([
            bin,
            docs::tool(),
            docs::aws_cli(),
            "/usr/bin".into(),
            "/bin".into(),
        ])?;
        let mut child = Command::new("/bin/bash")
            .args(["--noprofile", "--norc"])
            .current_dir(folder.path())
            .env_clear()
            .env("LANG", "C.UTF-8")
            .env("HOME", folder.path())
            .env("PATH", path)
            .envs(aws.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = child.stdin.take().expect("standard input is a pipe");
        let stdout = child.stdout.take().expect("standard output is a pipe");
        Ok(Self {
            child,
            stdin,
            stdout: BufReader::new(stdout).lines(),
            folder,
            blocks: 0,
        })
    }

    /// The folder that the commands are run in.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a block, with `input` to read on standard input, and returns what it printed. `page` is for the error.
    pub async fn run(&mut self, page: &str, block: &Block, input: &str) -> Result<String, Failed> {
        let place = format!("{page}:{}", block.line);
        self.run_text(&place, &block.text, input).await
    }

    /// Does the same with commands that are in no block. `place` is for the error.
    pub async fn run_text(
        &mut self,
        place: &str,
        commands: &str,
        input: &str,
    ) -> Result<String, Failed> {
        self.blocks += 1;
        let file = |kind: &str| self.folder.path().join(format!(".{kind}-{}", self.blocks));
        let (script, read, printed) = (file("block"), file("input"), file("output"));
        fs::write(&script, commands)?;
        fs::write(&read, input)?;
        let line = format!(
            "set -euo pipefail; source '{}' <'{}' >'{}' 2>&1; set +e; echo '{DONE}'\n",
            script.display(),
            read.display(),
            printed.display()
        );
        self.stdin.write_all(line.as_bytes()).await?;
        let done = async {
            match self.stdout.next_line().await? {
                Some(line) if line == DONE => Ok(()),
                Some(line) => Err(Failed::from(format!("the shell printed {line}"))),
                None => Err(format!("a command failed: {}", self.child.wait().await?).into()),
            }
        };
        let outcome = tokio::time::timeout(BLOCK_LIMIT, done).await;
        let printed = fs::read_to_string(printed).unwrap_or_default();
        match outcome {
            Ok(Ok(())) => Ok(printed),
            Ok(Err(error)) => Err(failure(place, error.message(), commands, &printed)),
            Err(_) => Err(failure(
                place,
                Some("it takes too long"),
                commands,
                &printed,
            )),
        }
    }
}

fn failure(place: &str, error: Option<&str>, commands: &str, printed: &str) -> Failed {
    let error = error.unwrap_or_default();
    format!("{place}: {error}\n{commands}--- it printed\n{printed}").into()
}
