//! A rule and a queue for a while.

use std::time::{Duration, Instant};

use aws_sdk_eventbridge::types::Target;
use aws_sdk_sqs::Client as Sqs;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, QueueAttributeName};
use jiff::Timestamp;
use uuid::Uuid;
use whoop_partner::call_failure::CallFailure;

use super::super::TAIL;
use super::super::bus::Bus;
use super::rule::{arn_of_queue, pattern, policy};
use crate::error::ToolError;

/// The tag with the name of the stack.
pub const STACK: &str = "whoop-partner:stack";

/// The tag with the time, in Unix seconds, after which the queue belongs to nobody. The program moves it on while it runs.
pub const ALIVE_UNTIL: &str = "whoop-partner:alive-until";

/// The id of the rule's target.
pub const TARGET: &str = "tail";

/// For how long a queue belongs to a program that does not move the time on.
const ALIVE: Duration = Duration::from_secs(15 * 60);

/// How often the program moves the time on.
const ALIVE_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// The longest wait of SQS.
const WAIT_SECONDS: i32 = 20;

/// For how long SQS may say that there is no such queue after it has been made.
const NEW: Duration = Duration::from_secs(10);

/// The wait before the next try in this case.
const NEXT_TRY: Duration = Duration::from_millis(500);

/// A rule on the bus whose target is a queue.
pub struct Subscription<'b> {
    bus: &'b Bus,
    sqs: Sqs,
    name: String,
    has_rule: bool,
    queue_url: Option<String>,
    made_at: Instant,
    kept_alive_at: Instant,
}

impl<'b> Subscription<'b> {
    /// Makes nothing yet.
    pub fn new(bus: &'b Bus, sqs: Sqs) -> Self {
        let random = Uuid::new_v4().simple().to_string();
        let seconds = Timestamp::now().as_second();
        Self {
            bus,
            sqs,
            name: format!("{TAIL}{seconds}-{}", &random[..12]),
            has_rule: false,
            queue_url: None,
            made_at: Instant::now(),
            kept_alive_at: Instant::now(),
        }
    }

    /// Makes rule and queue. Events of other types than these do not arrive, if there are any.
    ///
    /// # Errors
    ///
    /// If AWS refuses. [`Self::remove`] then removes what is there.
    pub async fn make(&mut self, event_types: &[String]) -> Result<(), ToolError> {
        // it is removed even if the answer is lost
        self.has_rule = true;
        let rule = self
            .bus
            .client
            .put_rule()
            .event_bus_name(&self.bus.name)
            .name(&self.name)
            .description("Made by `whoop-partner events tail`, which removes it")
            .event_pattern(pattern(event_types))
            .send()
            .await
            .map_err(ToolError::aws("PutRule"))?;
        let rule = rule.rule_arn().unwrap_or_default();

        let queue = self
            .sqs
            .create_queue()
            .queue_name(&self.name)
            .attributes(QueueAttributeName::SqsManagedSseEnabled, "true")
            .attributes(QueueAttributeName::MessageRetentionPeriod, "600")
            .attributes(QueueAttributeName::MaximumMessageSize, "1048576")
            .attributes(QueueAttributeName::Policy, policy(rule))
            .tags(STACK, &self.bus.stack)
            .tags(ALIVE_UNTIL, alive_until())
            .send()
            .await
            .map_err(ToolError::aws("CreateQueue"))?;
        let queue_url = queue.queue_url().unwrap_or_default().to_owned();
        self.queue_url = Some(queue_url.clone());
        self.made_at = Instant::now();

        let target = Target::builder()
            .id(TARGET)
            .arn(arn_of_queue(rule, &self.name));
        let target = target
            .build()
            .map_err(|error| ToolError::Failed(error.to_string()))?;
        let answer = self
            .bus
            .client
            .put_targets()
            .event_bus_name(&self.bus.name)
            .rule(&self.name)
            .targets(target)
            .send()
            .await
            .map_err(ToolError::aws("PutTargets"))?;
        match answer.failed_entries() {
            [] => Ok(()),
            [failed, ..] => Err(ToolError::Aws {
                operation: "PutTargets",
                failure: CallFailure::lasting(failed.error_code().unwrap_or("no error code")),
            }),
        }
    }

    /// Waits for events, and returns up to ten.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn receive(&self) -> Result<Vec<Message>, ToolError> {
        loop {
            let answer = self
                .sqs
                .receive_message()
                .set_queue_url(self.queue_url.clone())
                .max_number_of_messages(10)
                .wait_time_seconds(WAIT_SECONDS)
                .send()
                .await;
            match answer {
                Ok(answer) => return Ok(answer.messages.unwrap_or_default()),
                Err(error)
                    if self.made_at.elapsed() < NEW
                        && error
                            .as_service_error()
                            .is_some_and(|error| error.is_queue_does_not_exist()) =>
                {
                    tokio::time::sleep(NEXT_TRY).await;
                }
                Err(error) => return Err(ToolError::aws("ReceiveMessage")(error)),
            }
        }
    }

    /// Deletes messages. One that is not deleted is printed twice.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn delete(&self, messages: &[Message]) -> Result<(), ToolError> {
        let entries = messages.iter().enumerate().filter_map(|(index, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(index.to_string())
                .set_receipt_handle(message.receipt_handle.clone())
                .build()
                .ok()
        });
        let entries: Vec<_> = entries.collect();
        if entries.is_empty() {
            return Ok(());
        }
        self.sqs
            .delete_message_batch()
            .set_queue_url(self.queue_url.clone())
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(ToolError::aws("DeleteMessageBatch"))?;
        Ok(())
    }

    /// Says to other runs, from time to time, that the queue is in use.
    ///
    /// # Errors
    ///
    /// If SQS refuses.
    pub async fn keep_alive(&mut self) -> Result<(), ToolError> {
        if self.kept_alive_at.elapsed() < ALIVE_INTERVAL {
            return Ok(());
        }
        self.kept_alive_at = Instant::now();
        self.sqs
            .tag_queue()
            .set_queue_url(self.queue_url.clone())
            .tags(ALIVE_UNTIL, alive_until())
            .send()
            .await
            .map_err(ToolError::aws("TagQueue"))?;
        Ok(())
    }

    /// Removes rule and queue.
    ///
    /// # Errors
    ///
    /// If AWS refuses. What can be removed is removed nevertheless.
    pub async fn remove(self) -> Result<(), ToolError> {
        let rule = match self.has_rule {
            true => remove_rule(self.bus, &self.name).await,
            false => Ok(()),
        };
        let queue = match &self.queue_url {
            Some(queue_url) => remove_queue(&self.sqs, queue_url).await,
            None => Ok(()),
        };
        rule.and(queue).map_err(|error| ToolError::Remediable {
            message: format!(
                "the rule or the queue {} is still there: {error}",
                self.name
            ),
            remedy: "run `whoop-partner events tail` again in 15 minutes; it removes them".into(),
        })
    }
}

/// Removes a rule that this command has made, with its target.
pub async fn remove_rule(bus: &Bus, name: &str) -> Result<(), ToolError> {
    let targets = bus
        .client
        .remove_targets()
        .event_bus_name(&bus.name)
        .rule(name)
        .ids(TARGET)
        .send()
        .await;
    if let Err(error) = targets {
        // the rule may not be there, if AWS refused to make it
        let is_gone = error
            .as_service_error()
            .is_some_and(|error| error.is_resource_not_found_exception());
        return match is_gone {
            true => Ok(()),
            false => Err(ToolError::aws("RemoveTargets")(error)),
        };
    }
    bus.client
        .delete_rule()
        .event_bus_name(&bus.name)
        .name(name)
        .send()
        .await
        .map_err(ToolError::aws("DeleteRule"))?;
    Ok(())
}

/// Removes a queue that this command has made.
pub async fn remove_queue(sqs: &Sqs, queue_url: &str) -> Result<(), ToolError> {
    sqs.delete_queue()
        .queue_url(queue_url)
        .send()
        .await
        .map_err(ToolError::aws("DeleteQueue"))?;
    Ok(())
}

fn alive_until() -> String {
    let alive_until = Timestamp::now().as_second() + ALIVE.as_secs().cast_signed();
    alive_until.to_string()
}
