//! The deployed functions: invokes them, changes their environment, reads what they print.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{Environment, LastUpdateStatus};
use leak_recorder::Text;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{Stack, StackError};
use crate::ministack::function_output;

/// How long a change of a function's configuration may take. MiniStack takes half a second.
const UPDATE_LIMIT: Duration = Duration::from_secs(30);

/// The environment that the template gives each function, by the function's name.
pub(super) type DeployedEnvironments = Mutex<HashMap<String, HashMap<String, String>>>;

/// The result of a function that was invoked directly.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The function's result, or its error with `errorType` and `errorMessage`.
    pub payload: Value,
    /// Set when the result is an error.
    pub function_error: Option<String>,
}

impl Stack {
    /// Invokes a function by its physical name and waits for the result, which may be an error of the function.
    ///
    /// # Errors
    ///
    /// If the function can't be invoked at all.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Invocation, StackError> {
        let answer = self
            .lambda
            .invoke()
            .function_name(function)
            .payload(Blob::new(payload.to_string()))
            .send()
            .await
            .map_err(StackError::aws("Invoke"))?;
        let text = answer
            .payload()
            .map(|blob| blob.as_ref())
            .unwrap_or_default();
        let text = String::from_utf8_lossy(text);
        self.recorder
            .record(format!("invocation of {function}"), text.clone());
        Ok(Invocation {
            payload: serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.into_owned())),
            function_error: answer.function_error().map(str::to_owned),
        })
    }

    /// Gives a function its deployed environment with `changes` made to it: a value sets a variable, `None` removes it.
    /// `&[]` restores the deployed environment.
    ///
    /// The next invocation is a cold start, even if nothing changes.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses the change, or it has not taken effect after 30 s.
    pub async fn configure(
        &self,
        function: &str,
        changes: &[(&str, Option<&str>)],
    ) -> Result<(), StackError> {
        let mut variables = self.deployed_environment(function).await?;
        for (name, value) in changes {
            match value {
                Some(value) => variables.insert((*name).into(), (*value).into()),
                None => variables.remove(*name),
            };
        }
        self.lambda
            .update_function_configuration()
            .function_name(function)
            .environment(
                Environment::builder()
                    .set_variables(Some(variables))
                    .build(),
            )
            .send()
            .await
            .map_err(StackError::aws("UpdateFunctionConfiguration"))?;
        self.wait_for_update(function).await
    }

    /// Sets the time limit of a function's invocations, in seconds.
    ///
    /// # Errors
    ///
    /// As for [`Self::configure`].
    pub async fn set_timeout(&self, function: &str, seconds: i32) -> Result<(), StackError> {
        self.lambda
            .update_function_configuration()
            .function_name(function)
            .timeout(seconds)
            .send()
            .await
            .map_err(StackError::aws("UpdateFunctionConfiguration"))?;
        self.wait_for_update(function).await
    }

    /// Ends the running environments of a function, so that the next invocation is a cold start.
    ///
    /// # Errors
    ///
    /// As for [`Self::configure`].
    pub async fn restart(&self, function: &str) -> Result<(), StackError> {
        self.configure(function, &[]).await
    }

    /// The environment that the template gives a function.
    ///
    /// # Errors
    ///
    /// If the function's configuration can't be read.
    pub async fn deployed_environment(
        &self,
        function: &str,
    ) -> Result<HashMap<String, String>, StackError> {
        let mut known = self.deployed_environments.lock().await;
        if let Some(variables) = known.get(function) {
            return Ok(variables.clone());
        }
        let answer = self
            .lambda
            .get_function_configuration()
            .function_name(function)
            .send()
            .await
            .map_err(StackError::aws("GetFunctionConfiguration"))?;
        let variables = answer
            .environment()
            .and_then(|environment| environment.variables())
            .cloned()
            .unwrap_or_default();
        known.insert(function.to_owned(), variables.clone());
        Ok(variables)
    }

    async fn wait_for_update(&self, function: &str) -> Result<(), StackError> {
        let started = Instant::now();
        loop {
            let answer = self
                .lambda
                .get_function_configuration()
                .function_name(function)
                .send()
                .await
                .map_err(StackError::aws("GetFunctionConfiguration"))?;
            if answer.last_update_status() == Some(&LastUpdateStatus::Successful) {
                return Ok(());
            }
            if started.elapsed() > UPDATE_LIMIT {
                let status = answer.last_update_status();
                return Err(StackError::Unexpected(format!(
                    "update of {function} is {status:?} after {} s",
                    UPDATE_LIMIT.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every line that a function has printed so far, directly from its process.
    ///
    /// # Errors
    ///
    /// If the file that holds those lines can't be read.
    pub fn logs(&self, function: &str) -> Result<Vec<String>, StackError> {
        let lines = function_output(&self.function_output)?;
        Ok(lines
            .into_iter()
            .filter(|line| line.function == function)
            .map(|line| line.line)
            .collect())
    }

    /// Everything that can be read about the functions afterwards: what their processes printed, and every event of
    /// every log group.
    ///
    /// # Errors
    ///
    /// If the lines or the log groups can't be read.
    pub async fn all_logs(&self) -> Result<Vec<Text>, StackError> {
        let printed = function_output(&self.function_output)?;
        let mut texts: Vec<Text> = printed
            .into_iter()
            .map(|line| Text {
                source: format!("output of {}", line.function),
                text: line.line,
            })
            .collect();
        let mut groups = self
            .cloudwatch_logs
            .describe_log_groups()
            .into_paginator()
            .items()
            .send();
        while let Some(group) = groups.next().await {
            let group = group.map_err(StackError::aws("DescribeLogGroups"))?;
            let Some(name) = group.log_group_name() else {
                continue;
            };
            texts.extend(self.log_events(name).await?);
        }
        Ok(texts)
    }

    /// Every event of a log group, as an operator sees it in CloudWatch Logs.
    ///
    /// # Errors
    ///
    /// If the log group can't be read.
    pub async fn log_events(&self, log_group: &str) -> Result<Vec<Text>, StackError> {
        let mut pages = self
            .cloudwatch_logs
            .filter_log_events()
            .log_group_name(log_group)
            .into_paginator()
            .send();
        let mut texts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(StackError::aws("FilterLogEvents"))?;
            texts.extend(page.events().iter().map(|event| Text {
                source: format!("log group {log_group}"),
                text: event.message().unwrap_or_default().into(),
            }));
        }
        Ok(texts)
    }
}
