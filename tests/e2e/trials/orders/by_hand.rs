//! Runs the processor's released binary alone and hands it messages as SQS and Lambda would. The trial sets the time
//! between two tries, so that weeks pass in minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use libtest_mimic::Failed;
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::bootstrap::Bootstrap;
use serde_json::{Value, json};

use super::order::ORDERED;
use super::processor::Processor;

/// The function's time for one batch: it keeps 5 s of it in reserve, and a call needs 2 s.
pub const LAMBDA_LIMIT: Duration = Duration::from_millis(7100);

/// The released processor, with a proxy in front of all AWS services.
pub struct ByHand {
    pub proxy: AwsProxy,
    function: Bootstrap,
    waits: Waits,
}

/// The visibility timeout that each message got last, in seconds.
type Waits = Arc<Mutex<HashMap<String, u64>>>;

/// A message as SQS hands it over.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: String,
    pub body: String,
    /// How often it has been received, this time included.
    pub receives: u32,
    /// How long ago it was sent; if `None`, SQS does not say.
    pub age: Option<Duration>,
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
    pub fn new(body: impl Into<String>) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            body: body.into(),
            receives: 1,
            age: Some(Duration::ZERO),
            attributes: json!({"event_type": {"stringValue": ORDERED, "dataType": "String"}}),
        }
    }

    /// The same message when it comes back after `wait`.
    pub fn after(self, wait: Duration) -> Self {
        Self {
            receives: self.receives + 1,
            age: self.age.map(|age| age + wait),
            ..self
        }
    }

    fn record(&self) -> Value {
        let sent_at = self.age.map(|age| {
            let sent_at =
                Timestamp::now() - jiff::SignedDuration::try_from(age).expect("it is years");
            sent_at.as_millisecond().to_string()
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

impl ByHand {
    /// Starts it with a changed environment.
    pub async fn start(
        processor: &Processor<'_>,
        changes: &[(&str, Option<&str>)],
    ) -> Result<Self, Failed> {
        let proxy = AwsProxy::start(processor.world.aws.endpoint()).await?;
        let url = proxy.url();
        let changes = [&[("AWS_ENDPOINT_URL", Some(url.as_str()))], changes].concat();
        let waits = Arc::default();
        // before the function makes its first calls
        keep_out(&proxy, &waits);
        Ok(Self {
            function: Bootstrap::start(processor.world, "EventProcessorFunction", &changes).await?,
            proxy,
            waits,
        })
    }

    /// Hands over one batch.
    pub async fn batch(&mut self, messages: &[Message]) -> Result<Vec<Fate>, Failed> {
        let records: Vec<Value> = messages.iter().map(Message::record).collect();
        let event = json!({"Records": records});
        let answer = self.function.invoke(&event, LAMBDA_LIMIT).await?;
        let failures = answer.payload["batchItemFailures"].as_array();
        let failures = failures.ok_or("no batch response")?;
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        messages
            .iter()
            .map(|message| {
                let stays = |failure: &Value| failure["itemIdentifier"] == *message.id;
                let wait = waits.remove(&message.id).map(Duration::from_secs);
                match (failures.iter().any(stays), wait) {
                    (false, None) => Ok(Fate::Done),
                    (true, Some(wait)) => Ok(Fate::Returns(wait)),
                    (stays, wait) => Err(format!("stays: {stays}, wait: {wait:?}").into()),
                }
            })
            .collect()
    }

    /// Hands over one message.
    pub async fn one(&mut self, message: &Message) -> Result<Fate, Failed> {
        Ok(self.batch(std::slice::from_ref(message)).await?[0])
    }
}

/// Makes the proxy answer changes of a message's visibility itself, because SQS does not know these messages.
fn keep_out(proxy: &AwsProxy, waits: &Waits) {
    let waits = Arc::clone(waits);
    let keep_out = Behaviour::depending(move |call| {
        let message = call["ReceiptHandle"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let wait = call["VisibilityTimeout"].as_u64().unwrap_or(u64::MAX);
        let mut waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.insert(message, wait);
        Behaviour::Answer(json!({}))
    });
    proxy.set("ChangeMessageVisibility", keep_out);
}
