//! The deployed functions: invokes them, changes their environment, reads what they print.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use leak_recorder::Text;
use reqwest::Method;
use serde_json::{Value, json};
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
        let answer = self.api.invoke(function, "RequestResponse", payload).await;
        let answer = answer.map_err(StackError::aws("Invoke"))?;
        let function_error = answer.headers().get("X-Amz-Function-Error");
        let function_error = function_error.and_then(|value| value.to_str().ok());
        let function_error = function_error.map(str::to_owned);
        let text = answer.text().await.map_err(StackError::aws("Invoke"))?;
        self.recorder
            .record(format!("invocation of {function}"), text.clone());
        Ok(Invocation {
            payload: serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text)),
            function_error,
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
        let change = json!({"Environment": {"Variables": variables}});
        self.update_configuration(function, &change).await
    }

    /// Sets the time limit of a function's invocations, in seconds.
    ///
    /// # Errors
    ///
    /// As for [`Self::configure`].
    pub async fn set_timeout(&self, function: &str, seconds: i32) -> Result<(), StackError> {
        let change = json!({"Timeout": seconds});
        self.update_configuration(function, &change).await
    }

    /// Makes X-Ray trace every invocation of a function, or none of its own accord.
    ///
    /// # Errors
    ///
    /// As for [`Self::configure`].
    pub async fn trace(&self, function: &str, active: bool) -> Result<(), StackError> {
        let mode = if active { "Active" } else { "PassThrough" };
        let change = json!({"TracingConfig": {"Mode": mode}});
        self.update_configuration(function, &change).await
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
        let configuration = self.configuration(function).await?;
        let variables = &configuration["Environment"]["Variables"];
        let variables: HashMap<String, String> = serde_json::from_value(variables.clone())
            .map_err(|error| StackError::Unexpected(format!("environment: {error}")))?;
        known.insert(function.to_owned(), variables.clone());
        Ok(variables)
    }

    /// Changes the configuration of a function, and waits until the change has taken effect.
    async fn update_configuration(&self, function: &str, change: &Value) -> Result<(), StackError> {
        let path = configuration_path(function);
        let answer = self.api.rest("lambda", Method::PUT, &path, Some(change));
        answer
            .await
            .map_err(StackError::aws("UpdateFunctionConfiguration"))?;
        let started = Instant::now();
        loop {
            let status = self.configuration(function).await?["LastUpdateStatus"].take();
            if status == "Successful" {
                return Ok(());
            }
            if started.elapsed() > UPDATE_LIMIT {
                return Err(StackError::Unexpected(format!(
                    "update of {function} is {status} after {} s",
                    UPDATE_LIMIT.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The configuration of a function, as the Lambda API returns it.
    pub(crate) async fn configuration(&self, function: &str) -> Result<Value, StackError> {
        let path = configuration_path(function);
        let answer = self.api.rest("lambda", Method::GET, &path, None);
        answer
            .await
            .map_err(StackError::aws("GetFunctionConfiguration"))
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
        for page in self.pages("DescribeLogGroups", json!({})).await? {
            for group in page["logGroups"].as_array().into_iter().flatten() {
                let name = group["logGroupName"].as_str().unwrap_or_default();
                texts.extend(self.log_events(name).await?);
            }
        }
        Ok(texts)
    }

    /// Every event of a log group, as an operator sees it in CloudWatch Logs.
    ///
    /// # Errors
    ///
    /// If the log group can't be read.
    pub async fn log_events(&self, log_group: &str) -> Result<Vec<Text>, StackError> {
        let pages = self.pages("FilterLogEvents", json!({"logGroupName": log_group}));
        let mut texts = Vec::new();
        for page in pages.await? {
            let events = page["events"].as_array().into_iter().flatten();
            texts.extend(events.map(|event| Text {
                source: format!("log group {log_group}"),
                text: event["message"].as_str().unwrap_or_default().into(),
            }));
        }
        Ok(texts)
    }

    /// Empties a log group. What the functions printed can still be read by [`Self::logs`].
    ///
    /// # Errors
    ///
    /// If the log group can't be read or changed.
    pub async fn forget_log(&self, log_group: &str) -> Result<(), StackError> {
        let list = json!({"logGroupName": log_group});
        for page in self.pages("DescribeLogStreams", list).await? {
            for stream in page["logStreams"].as_array().into_iter().flatten() {
                let stream =
                    json!({"logGroupName": log_group, "logStreamName": stream["logStreamName"]});
                let deleted = self
                    .api
                    .json("logs", "Logs_20140328.DeleteLogStream", stream);
                deleted.await.map_err(StackError::aws("DeleteLogStream"))?;
            }
        }
        Ok(())
    }

    /// Reserves so much concurrency for a function, where 0 means that it never runs; `None` ends the reservation.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn reserve_concurrency(
        &self,
        function: &str,
        executions: Option<u32>,
    ) -> Result<(), StackError> {
        let path = format!("/2017-10-31/functions/{function}/concurrency");
        let (method, body) = match executions {
            Some(executions) => {
                let body = json!({"ReservedConcurrentExecutions": executions});
                (Method::PUT, Some(body))
            }
            None => (Method::DELETE, None),
        };
        let answer = self.api.rest("lambda", method, &path, body.as_ref());
        answer
            .await
            .map_err(StackError::aws("PutFunctionConcurrency"))?;
        Ok(())
    }

    /// Every page of the answer of an operation of CloudWatch Logs.
    pub(crate) async fn pages(
        &self,
        operation: &'static str,
        mut request: Value,
    ) -> Result<Vec<Value>, StackError> {
        let target = format!("Logs_20140328.{operation}");
        let mut pages = Vec::new();
        loop {
            let page = self.api.json("logs", &target, request.clone()).await;
            let page = page.map_err(StackError::aws(operation))?;
            let next = page["nextToken"].clone();
            pages.push(page);
            if next.is_null() {
                return Ok(pages);
            }
            request["nextToken"] = next;
        }
    }
}

fn configuration_path(function: &str) -> String {
    format!("/2015-03-31/functions/{function}/configuration")
}
