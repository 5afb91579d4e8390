//! Runs the binary that `make build` has made of one function, without the local AWS's Lambda: with the deployed
//! function's environment and a Runtime API of its own. So a trial measures the function alone, and can freeze or kill
//! it.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use leak_recorder::Recorder;
use runtime_api::{Ready, RuntimeApi};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::ministack::checkout;
use crate::stack::StackError;
use crate::world::World;

/// A running function. Its process ends when this is dropped.
pub struct Bootstrap {
    api: RuntimeApi,
    child: Child,
    started: Instant,
    name: String,
    output: PathBuf,
    recorder: Arc<Recorder>,
    _directory: tempfile::TempDir,
}

/// The result of an event.
#[derive(Debug)]
pub struct Answer {
    /// What the function answered.
    pub payload: Value,
    /// From the event to the answer.
    pub elapsed: Duration,
}

impl Bootstrap {
    /// Starts the function with the logical id `function` in the template. It has the root user's rights. `changes` are
    /// made to the deployed environment: a value sets a variable, `None` removes it.
    ///
    /// # Errors
    ///
    /// If it is not built, or its environment can't be read.
    pub async fn start(
        world: &World,
        function: &str,
        changes: &[(&str, Option<&str>)],
    ) -> Result<Self, StackError> {
        let path = checkout().join(format!(".aws-sam/build/{function}/bootstrap"));
        let name = world.stack.output(&format!("{function}Name")).to_owned();
        let mut variables = world.stack.deployed_environment(&name).await?;
        for (name, value) in changes {
            match value {
                Some(value) => variables.insert((*name).into(), (*value).into()),
                None => variables.remove(*name),
            };
        }
        let directory = tempfile::tempdir()?;
        let output = directory.path().join("output");
        let file = File::create(&output)?;
        let api = RuntimeApi::listen().await.map_err(unexpected)?;
        let started = Instant::now();
        let child = Command::new(&path)
            .env_clear()
            .envs(world.aws.environment())
            .env("AWS_LAMBDA_FUNCTION_NAME", &name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => StackError::Missing {
                    path,
                    remedy: "make build",
                },
                _ => error.into(),
            })?;
        Ok(Self {
            api,
            child,
            started,
            name,
            output,
            recorder: Arc::clone(&world.stack.recorder),
            _directory: directory,
        })
    }

    /// Waits until the function asks for its next event. What follows is no cold start.
    ///
    /// # Errors
    ///
    /// If it ends or hangs instead.
    pub async fn ready(&mut self) -> Result<Ready, StackError> {
        self.api.ready().await.map_err(unexpected)
    }

    /// Hands the function an event as soon as it asks for one, with `limit` as its time.
    ///
    /// # Errors
    ///
    /// If it ends, hangs, or answers with an error or without JSON.
    pub async fn invoke(
        &mut self,
        event: impl Into<Bytes>,
        limit: Duration,
    ) -> Result<Answer, StackError> {
        let ready = self.ready().await?;
        self.invoke_ready(ready, event, limit).await
    }

    /// Hands an event to a function that waits for it.
    ///
    /// # Errors
    ///
    /// As for [`Self::invoke`].
    pub async fn invoke_ready(
        &mut self,
        ready: Ready,
        event: impl Into<Bytes>,
        limit: Duration,
    ) -> Result<Answer, StackError> {
        let answer = self.api.invoke(ready, event.into(), limit).await;
        let answer = answer.map_err(unexpected)?;
        let payload = serde_json::from_slice(&answer.body).map_err(|error| {
            StackError::Unexpected(format!("an answer that is no JSON: {error}"))
        })?;
        Ok(Answer {
            payload,
            elapsed: answer.elapsed,
        })
    }

    /// How long ago the process was started.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// The id of the process; `None` once it has ended.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Every line that it has printed so far.
    ///
    /// # Errors
    ///
    /// If they can't be read.
    pub fn lines(&self) -> io::Result<Vec<String>> {
        let output = std::fs::read_to_string(&self.output)?;
        Ok(output.lines().map(str::to_owned).collect())
    }
}

impl Drop for Bootstrap {
    fn drop(&mut self) {
        // the search for leaks reads these lines too
        for line in self.lines().unwrap_or_default() {
            self.recorder
                .record(format!("output of {}", self.name), line);
        }
    }
}

fn unexpected(error: anyhow::Error) -> StackError {
    StackError::Unexpected(format!("{error:#}"))
}
