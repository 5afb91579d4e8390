//! The deployed event processor between WHOOP and a consumer of its events.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_sqs::types::{Message, SendMessageBatchRequestEntry};
use jsonschema::Validator;
use libtest_mimic::Failed;
use local_aws::checkout;
use local_aws::stack::{PublishedEvent, Stack, Subscription};
use local_aws::world::World;
use reqwest::Method;
use serde_json::{Value, json};
use whoop_simulator::Simulator;

use super::order::patient;
use crate::harness::{Outcome, PATIENCE, until};

/// Where the Partner API serves requisitions.
pub const REQUISITIONS: &str = "/v2/partner/requisition/";

/// Where the Partner API serves service requests.
pub const SERVICE_REQUESTS: &str = "/v2/partner/service-request/";

/// The event processor in use by one trial.
pub struct Processor<'w> {
    pub world: &'w World,
    pub stack: &'w Stack,
    pub whoop: &'w Simulator,
    subscription: Subscription,
    schema: Validator,
    pub(super) patient: Value,
}

impl<'w> Processor<'w> {
    /// The processor as deployed and just started. WHOOP has no rate limit; nothing is queued, published or set aside.
    pub async fn as_deployed(world: &'w World) -> Result<Self, Failed> {
        Self::with(world, &[]).await
    }

    /// The same with a changed environment.
    pub async fn with(world: &'w World, changes: &[(&str, Option<&str>)]) -> Result<Self, Failed> {
        let (stack, whoop) = (&world.stack, &world.simulator);
        let function = stack.output("EventProcessorFunctionName");
        let queue = stack.output("WebhookQueueUrl");
        // messages of an earlier trial must not be processed again
        stack.purge(queue).await?;
        let path = concurrency_path(function);
        stack
            .api
            .rest("lambda", Method::DELETE, &path, None)
            .await?;
        stack.configure(function, changes).await?;
        whoop.reset();
        whoop.set_rate_limits(Vec::new());
        stack.delete_token_item().await?;
        for queue in [queue, stack.output("WebhookDeadLetterQueueUrl")] {
            stack.purge(queue).await?;
        }
        let schema = fs::read_to_string(checkout().join("schemas/event-detail.schema.json"))?;
        let schema = jsonschema::options()
            .should_validate_formats(true)
            .build(&serde_json::from_str(&schema)?)?;
        Ok(Self {
            world,
            stack,
            whoop,
            subscription: stack.subscribe().await?,
            schema,
            patient: patient(stack),
        })
    }

    pub fn function(&self) -> &str {
        self.stack.output("EventProcessorFunctionName")
    }

    /// Allows one execution at a time, so that all calls come from one process.
    pub async fn one_execution_at_a_time(&self) -> Outcome {
        let path = concurrency_path(self.function());
        let one = json!({"ReservedConcurrentExecutions": 1});
        let put = self
            .stack
            .api
            .rest("lambda", Method::PUT, &path, Some(&one));
        put.await?;
        Ok(())
    }

    /// Delivers a webhook as WHOOP does and checks that it is accepted.
    pub async fn deliver(&self, body: impl Into<Vec<u8>>) -> Outcome {
        let body = body.into();
        let answer = self.stack.deliver(body, &self.world.signing_secret).await?;
        assert_eq!(answer.status, 204, "{answer:?}");
        Ok(())
    }

    /// Queues webhooks unchanged, in batches of ten.
    pub async fn queue(&self, bodies: &[String]) -> Outcome {
        for bodies in bodies.chunks(10) {
            let entries = bodies.iter().enumerate().map(|(index, body)| {
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(body)
                    .build()
                    .expect("both fields are set")
            });
            let batch = self.stack.sqs.send_message_batch();
            let batch = batch.queue_url(self.stack.output("WebhookQueueUrl"));
            let answer = batch.set_entries(Some(entries.collect())).send().await?;
            assert!(answer.failed().is_empty(), "{:?}", answer.failed());
        }
        Ok(())
    }

    /// Waits until the queue is empty and returns what has been published. Checks each event against the schema.
    pub async fn published(&self) -> Result<Vec<PublishedEvent>, Failed> {
        self.published_within(PATIENCE).await
    }

    pub async fn published_within(&self, limit: Duration) -> Result<Vec<PublishedEvent>, Failed> {
        let queue = self.stack.output("WebhookQueueUrl");
        let empty = async || Ok(self.stack.queue_depth(queue).await? == 0);
        until("the queue is empty", limit, empty).await?;
        self.arrived().await
    }

    /// Returns what has been published so far. Checks each event against the schema.
    pub async fn arrived(&self) -> Result<Vec<PublishedEvent>, Failed> {
        let events = self.stack.arrived_events(&self.subscription).await?;
        for event in &events {
            if let Err(error) = self.schema.validate(&event.detail) {
                return Err(
                    format!("an event does not follow the schema: {}", error.masked()).into(),
                );
            }
            let event_type = event.detail["event_type"].as_str().unwrap_or_default();
            let cut: String = event_type.chars().take(128).collect();
            assert_eq!(event.detail_type, cut);
        }
        Ok(events)
    }

    /// Takes every message from the dead-letter queue.
    pub async fn dead_letters(&self) -> Result<Vec<Message>, Failed> {
        let queue = self.stack.output("WebhookDeadLetterQueueUrl");
        let mut messages = Vec::new();
        while self.stack.queue_depth(queue).await? > 0 {
            messages.extend(self.stack.receive(queue).await?);
        }
        Ok(messages)
    }

    pub async fn assert_nothing_set_aside(&self) -> Outcome {
        let queue = self.stack.output("WebhookDeadLetterQueueUrl");
        assert_eq!(self.stack.queue_depth(queue).await?, 0);
        Ok(())
    }

    /// The processes that run the function on this local AWS, as directories of `/proc`.
    pub fn processes(&self) -> Vec<PathBuf> {
        let variables = [
            format!("AWS_LAMBDA_FUNCTION_NAME={}", self.function()),
            format!("AWS_ENDPOINT_URL={}", self.world.aws.endpoint()),
        ];
        let runs_it = |process: &PathBuf| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            variables.iter().all(|variable| {
                let mut known = environment.split(|byte| *byte == 0);
                known.any(|known| known == variable.as_bytes())
            })
        };
        fs::read_dir("/proc")
            .expect("the kernel lists its processes")
            .flatten()
            .map(|entry| entry.path())
            .filter(runs_it)
            .collect()
    }
}

fn concurrency_path(function: &str) -> String {
    format!("/2017-10-31/functions/{function}/concurrency")
}
