//! The event processor's released binary behind a proxy, and messages as SQS and Lambda hand them over. The test sets the
//! time between two tries, so that weeks pass in minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::aws_proxy::{AwsProxy, Behaviour};
use crate::bootstrap::Bootstrap;
use crate::stack::StackError;
use crate::world::World;

/// The function's time for one batch, unless the test sets another: it keeps 5 s of it in reserve, and a call needs 2 s.
pub const LAMBDA_LIMIT: Duration = Duration::from_millis(7100);

/// The released processor, with a proxy in front of all AWS services.
pub struct ReleasedEventProcessor {
    /// In front of all AWS services.
    pub proxy: AwsProxy,
    /// The function's time for one batch.
    pub limit: Duration,
    function: Bootstrap,
    waits: Arc<Mutex<HashMap<String, u64>>>,
}

/// A message as SQS hands it over.
#[derive(Debug, Clone)]
pub struct Message {
    /// The message's id, and its receipt handle.
    pub id: String,
    /// The body of the webhook.
    pub body: String,
    /// How often it has been received, this time included.
    pub receives: u32,
    /// How long ago it was sent; if `None`, SQS does not say.
    pub age: Option<Duration>,
    /// The message's attributes, as Lambda writes them.
    pub attributes: Value,
}

/// What happens to a message after its try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// SQS deletes it.
    Done,
    /// It stays in the queue and becomes visible after this time.
    Returns(Duration),
}

impl Message {
    /// A message that has just been sent and is received for the first time.
    #[must_use]
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            body: body.into(),
            receives: 1,
            age: Some(Duration::ZERO),
            attributes: json!({"event_type": {"stringValue": "lab_requisition.created", "dataType": "String"}}),
        }
    }

    /// The same message when it comes back after `wait`.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self {
            receives: self.receives + 1,
            age: self.age.map(|age| age + wait),
            ..self
        }
    }

    fn record(&self) -> Value {
        let sent_at = self.age.map(|age| {
            let sent_at = SystemTime::now() - age;
            let sent_at = sent_at.duration_since(SystemTime::UNIX_EPOCH);
            sent_at.unwrap_or_default().as_millis().to_string()
        });
        json!({
            "messageId": self.id,
            "receiptHandle": self.id,
            "body": self.body,
            "attributes": {
                "ApproximateReceiveCount": self.receives.to_string(),
                "SentTimestamp": sent_at,
                "ApproximateFirstReceiveTimestamp": sent_at,
            },
            "messageAttributes": self.attributes,
        })
    }
}

impl ReleasedEventProcessor {
    /// Starts it with a changed environment.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::start`], and if no port is free for the proxy.
    pub async fn start(
        world: &World,
        changes: &[(&str, Option<&str>)],
    ) -> Result<Self, StackError> {
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        Self::start_behind(proxy, world, changes).await
    }

    /// The same behind a proxy that is already prepared, so that it plays a part even before the first event.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::start`].
    pub async fn start_behind(
        proxy: AwsProxy,
        world: &World,
        changes: &[(&str, Option<&str>)],
    ) -> Result<Self, StackError> {
        let waits = Arc::default();
        proxy.set("ChangeMessageVisibility", keep_out(&waits));
        let url = proxy.url();
        let changes = [&[("AWS_ENDPOINT_URL", Some(url.as_str()))], changes].concat();
        Ok(Self {
            function: Bootstrap::start(world, "EventProcessorFunction", &changes).await?,
            proxy,
            limit: LAMBDA_LIMIT,
            waits,
        })
    }

    /// The id of the process; `None` once it has ended.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.function.process_id()
    }

    /// Hands over one batch.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::invoke`], and if the answer is no batch response or does not fit the visibility of its messages.
    pub async fn batch(&mut self, messages: &[Message]) -> Result<Vec<Fate>, StackError> {
        let records: Vec<Value> = messages.iter().map(Message::record).collect();
        let event = json!({"Records": records});
        let answer = self.function.invoke(event.to_string(), self.limit).await?;
        let failures = answer.payload["batchItemFailures"].as_array();
        let failures =
            failures.ok_or_else(|| StackError::Unexpected("no batch response".into()))?;
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        messages
            .iter()
            .map(|message| {
                let stays = |failure: &Value| failure["itemIdentifier"] == *message.id;
                let wait = waits.remove(&message.id).map(Duration::from_secs);
                match (failures.iter().any(stays), wait) {
                    (false, None) => Ok(Fate::Done),
                    (true, Some(wait)) => Ok(Fate::Returns(wait)),
                    (stays, wait) => Err(StackError::Unexpected(format!(
                        "stays: {stays}, wait: {wait:?}"
                    ))),
                }
            })
            .collect()
    }

    /// Hands over one message.
    ///
    /// # Errors
    ///
    /// As for [`Self::batch`].
    pub async fn one(&mut self, message: &Message) -> Result<Fate, StackError> {
        Ok(self.batch(std::slice::from_ref(message)).await?[0])
    }
}

/// Answers a change of a message's visibility and keeps how long it should last.
fn keep_out(waits: &Arc<Mutex<HashMap<String, u64>>>) -> Behaviour {
    let waits = Arc::clone(waits);
    Behaviour::depending(move |call| {
        let message = call["ReceiptHandle"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let wait = call["VisibilityTimeout"].as_u64().unwrap_or(u64::MAX);
        let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.insert(message, wait);
        Behaviour::Answer(json!({}))
    })
}
