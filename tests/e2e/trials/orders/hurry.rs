//! Makes time pass faster: a message that should be invisible for long is back after a second.

use std::sync::{Arc, Mutex};

use libtest_mimic::Failed;
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::Value;

use super::processor::Processor;

/// A proxy in front of every AWS service that the processor uses. It shortens each visibility timeout to a second.
pub struct Hurry {
    pub proxy: AwsProxy,
    waits: Arc<Mutex<Vec<i64>>>,
}

impl<'w> Processor<'w> {
    /// The changed environment: a proxy in front of SQS, EventBridge and DynamoDB that shortens every wait to a second.
    pub async fn in_a_hurry(
        world: &'w World,
        changes: &[(&str, Option<&str>)],
    ) -> Result<(Self, Hurry), Failed> {
        let proxy = AwsProxy::start(world.aws.endpoint()).await?;
        let waits = Arc::<Mutex<Vec<i64>>>::default();
        let (kept, sqs) = (waits.clone(), world.stack.sqs.clone());
        let shorten = Behaviour::watch(move |call| {
            let wait = call["VisibilityTimeout"].as_i64().unwrap_or(-1);
            kept.lock().expect("nothing panics here").push(wait);
            let shorter = sqs.change_message_visibility();
            let shorter = shorter
                .set_queue_url(text(&call["QueueUrl"]))
                .set_receipt_handle(text(&call["ReceiptHandle"]))
                .visibility_timeout(1);
            tokio::spawn(shorter.send());
        });
        proxy.set("ChangeMessageVisibility", shorten);
        let url = proxy.url();
        let endpoints = [
            ("AWS_ENDPOINT_URL_SQS", Some(url.as_str())),
            ("AWS_ENDPOINT_URL_EVENTBRIDGE", Some(&url)),
            ("AWS_ENDPOINT_URL_DYNAMODB", Some(&url)),
        ];
        let processor = Self::with(world, &[&endpoints, changes].concat()).await?;
        Ok((processor, Hurry { proxy, waits }))
    }
}

impl Hurry {
    /// For how many seconds each message should have been invisible.
    pub fn waits(&self) -> Vec<i64> {
        self.waits.lock().expect("nothing panics there").clone()
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
