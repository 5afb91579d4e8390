//! The stub's process, as the harness sees it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::{Calls, Endpoints};

/// A running stub; ends when dropped.
pub struct AwsStub {
    /// Where it listens.
    pub endpoints: Endpoints,
    /// PEM file with the certificate of its authority.
    pub authority: PathBuf,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl AwsStub {
    /// Starts it; `folder` takes the certificate.
    pub async fn start(latency: Duration, folder: &Path) -> Result<Self> {
        let authority = folder.join("authority.pem");
        let mut process = Command::new(std::env::current_exe()?)
            .arg("aws-stub")
            .arg("--latency-us")
            .arg(latency.as_micros().to_string())
            .arg("--authority")
            .arg(&authority)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let questions = process.stdin.take().context("its standard input")?;
        let answers = process.stdout.take().context("its standard output")?;
        let mut answers = BufReader::new(answers).lines();
        Ok(Self {
            endpoints: answer(&mut answers).await?,
            authority,
            questions,
            answers,
            _process: process,
        })
    }

    /// How often it was called up to now.
    pub async fn calls(&mut self) -> Result<Calls> {
        self.questions.write_all(b"\n").await?;
        answer(&mut self.answers).await
    }
}

async fn answer<T: DeserializeOwned>(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<T> {
    let line = lines.next_line().await?.context("the stub of AWS ended")?;
    Ok(serde_json::from_str(&line)?)
}
