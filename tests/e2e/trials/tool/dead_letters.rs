//! Dead letters of a trial, and what becomes of them.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageAttributeValue, MessageSystemAttributeName,
    SendMessageBatchRequestEntry,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use libtest_mimic::Failed;
use local_aws::stack::Stack;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;

use super::restored;
use crate::harness::Outcome;

/// The dead-letter queue and the webhook's queue, both empty, while nobody reads them.
pub struct DeadLetters<'w> {
    pub stack: &'w Stack,
}

/// A dead letter that a trial makes up.
pub struct Letter {
    pub body: String,
    pub attributes: Vec<(&'static str, String)>,
}

impl Letter {
    /// A webhook about some order, set aside for this reason. `None` means that SQS itself moved it.
    pub fn new(reason: Option<&str>) -> Self {
        let id = Uuid::new_v4();
        let body = json!({"event_type": "lab_requisition.created", "resource_id": id});
        let mut attributes = vec![
            ("event_type", "lab_requisition.created".into()),
            ("received_at", "2026-01-02T03:04:05.678Z".into()),
            ("request_id", format!("{}=", &id.simple().to_string()[..15])),
        ];
        if let Some(reason) = reason {
            attributes.push(("failure_reason", reason.into()));
        }
        Self {
            body: body.to_string(),
            attributes,
        }
    }

    /// The resource that the webhook is about.
    pub fn resource_id(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["resource_id"].as_str().unwrap_or_default().into()
    }

    /// The attributes that its copy must have.
    pub fn attributes_without_reason(&self) -> BTreeMap<String, String> {
        let attributes = self.attributes.iter();
        attributes
            .filter(|(name, _)| *name != "failure_reason")
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect()
    }
}

/// Some letters, all set aside for this reason.
pub fn letters(n: usize, reason: &str) -> Vec<Letter> {
    (0..n).map(|_| Letter::new(Some(reason))).collect()
}

impl<'w> DeadLetters<'w> {
    /// Runs a trial while the event processor is paused. The queues are empty before and after.
    pub async fn trial(world: &'w World, trial: impl AsyncFnOnce(&Self) -> Outcome) -> Outcome {
        let dead_letters = Self {
            stack: &world.stack,
        };
        world.stack.enable_event_processor(false).await?;
        dead_letters.empty().await?;
        restored(trial(&dead_letters), async || {
            dead_letters.empty().await?;
            Ok(world.stack.enable_event_processor(true).await?)
        })
        .await
    }

    async fn empty(&self) -> Outcome {
        self.stack.purge(self.url()).await?;
        self.stack.purge(self.webhook_queue()).await?;
        Ok(())
    }

    pub fn url(&self) -> &str {
        self.stack.output("WebhookDeadLetterQueueUrl")
    }

    pub fn webhook_queue(&self) -> &str {
        self.stack.output("WebhookQueueUrl")
    }

    /// Puts letters into the dead-letter queue, and returns their message ids.
    pub async fn put(&self, letters: &[Letter]) -> Result<Vec<String>, Failed> {
        self.put_into(self.url(), letters).await
    }

    pub async fn put_into(&self, queue: &str, letters: &[Letter]) -> Result<Vec<String>, Failed> {
        for letter in letters {
            let recorder = &self.stack.recorder;
            recorder.forbid("resource id", letter.resource_id());
        }
        let mut ids = Vec::new();
        // one at a time if they are large
        let at_once = match letters.iter().map(|letter| letter.body.len()).max() {
            Some(100_000..) => 1,
            _ => 10,
        };
        for batch in letters.chunks(at_once) {
            let entries = batch.iter().enumerate().map(|(index, letter)| {
                let attributes = letter.attributes.iter();
                let attributes: HashMap<_, _> = attributes
                    .map(|(name, text)| ((*name).to_owned(), string(text)))
                    .collect();
                SendMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .message_body(&letter.body)
                    .set_message_attributes(Some(attributes))
                    .build()
                    .expect("id and body are set")
            });
            let answer = self.stack.sqs.send_message_batch().queue_url(queue);
            let answer = answer.set_entries(Some(entries.collect())).send().await?;
            assert_eq!(answer.failed(), []);
            let sent = answer.successful.into_iter();
            ids.extend(sent.map(|entry| entry.message_id));
        }
        Ok(ids)
    }

    /// Takes all messages out of a queue.
    pub async fn take_all(&self, queue: &str) -> Result<Vec<Message>, Failed> {
        let mut taken = Vec::new();
        loop {
            let answer = self
                .stack
                .sqs
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(10)
                .message_attribute_names("All")
                .message_system_attribute_names(MessageSystemAttributeName::All)
                .send()
                .await?;
            let messages = answer.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(taken);
            }
            let entries = messages.iter().enumerate().map(|(index, message)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(index.to_string())
                    .set_receipt_handle(message.receipt_handle.clone())
                    .build()
                    .expect("id and receipt handle are set")
            });
            self.stack
                .sqs
                .delete_message_batch()
                .queue_url(queue)
                .set_entries(Some(entries.collect()))
                .send()
                .await?;
            taken.extend(messages);
        }
    }

    /// Takes all messages out of the webhook's queue, and counts each body.
    pub async fn redriven(&self) -> Result<BTreeMap<String, usize>, Failed> {
        let mut bodies = BTreeMap::new();
        for message in self.take_all(self.webhook_queue()).await? {
            let body = message.body.unwrap_or_default();
            *bodies.entry(body).or_default() += 1;
        }
        Ok(bodies)
    }

    /// Asserts that these and no other bodies are in the dead-letter queue, and that all can be received. Takes them out.
    pub async fn assert_left<'l>(&self, letters: impl IntoIterator<Item = &'l Letter>) -> Outcome {
        let left = self.take_all(self.url()).await?;
        let mut left: Vec<_> = left
            .into_iter()
            .map(|message| message.body.unwrap_or_default())
            .collect();
        let mut expected: Vec<_> = letters
            .into_iter()
            .map(|letter| letter.body.clone())
            .collect();
        left.sort();
        expected.sort();
        assert_eq!(left.len(), expected.len(), "some are missing or hidden");
        assert_eq!(left, expected);
        assert_eq!(self.stack.queue_depth(self.url()).await?, 0);
        Ok(())
    }

    /// How many messages each of these queues holds.
    pub async fn depths(&self) -> Result<[usize; 2], Failed> {
        let queues = [self.url(), self.webhook_queue()];
        let depths = stream::iter(queues).then(|queue| self.stack.queue_depth(queue));
        let depths: Vec<usize> = depths.try_collect().await?;
        Ok([depths[0], depths[1]])
    }
}

fn string(text: &str) -> MessageAttributeValue {
    MessageAttributeValue::builder()
        .data_type("String")
        .string_value(text)
        .build()
        .expect("the data type is set")
}

/// The text attributes of a message.
pub fn attributes(message: &Message) -> BTreeMap<String, String> {
    let attributes = message.message_attributes().into_iter().flatten();
    attributes
        .filter_map(|(name, value)| Some((name.clone(), value.string_value()?.to_owned())))
        .collect()
}
