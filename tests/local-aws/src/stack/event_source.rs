//! The event source mapping between the webhook's queue and the event processor.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Stack, StackError};

/// Where Lambda lists the mappings.
const MAPPINGS: &str = "/2015-03-31/event-source-mappings";

/// How long a change may take. It is usually there at once.
const CHANGE_LIMIT: Duration = Duration::from_secs(60);

impl Stack {
    /// Pauses the event processor, so that messages stay in the queue, or lets it go on.
    ///
    /// # Errors
    ///
    /// If the event processor does not have exactly one mapping, or the change has not taken effect after a minute.
    pub async fn enable_event_processor(&self, enabled: bool) -> Result<(), StackError> {
        let function = self.output("EventProcessorFunctionName");
        let list = format!("{MAPPINGS}/?FunctionName={function}");
        let list = self.mapping(Method::GET, &list, None).await?;
        let mappings = list["EventSourceMappings"].as_array();
        let [mapping] = mappings.map_or(&[][..], Vec::as_slice) else {
            let message = "the event processor is not invoked from one queue";
            return Err(StackError::Unexpected(message.into()));
        };
        let id = mapping["UUID"].as_str().unwrap_or_default();
        let mapping = format!("{MAPPINGS}/{id}");
        let change = json!({"Enabled": enabled});
        self.mapping(Method::PUT, &mapping, Some(&change)).await?;
        let wanted = if enabled { "Enabled" } else { "Disabled" };
        let started = Instant::now();
        loop {
            let state = self.mapping(Method::GET, &mapping, None).await?["State"].take();
            if state == wanted {
                return Ok(());
            }
            if started.elapsed() > CHANGE_LIMIT {
                let message = format!("the event source mapping is {state}");
                return Err(StackError::Unexpected(message));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn mapping(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, StackError> {
        let answer = self.api.rest("lambda", method, path, body).await;
        answer.map_err(StackError::aws("event source mapping"))
    }
}
