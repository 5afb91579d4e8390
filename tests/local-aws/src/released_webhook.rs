//! The webhook's released binary between two proxies, and deliveries as API Gateway hands them over.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::sign;

use crate::aws_proxy::AwsProxy;
use crate::bootstrap::Bootstrap;
use crate::stack::StackError;
use crate::world::World;

/// WHOOP counts a later answer as a failure.
pub const WHOOP_LIMIT: Duration = Duration::from_secs(1);

/// The function's time for one event.
pub const LAMBDA_LIMIT: Duration = Duration::from_secs(5);

/// The function's surroundings: a proxy in front of SQS and one in front of Secrets Manager.
pub struct ReleasedWebhook<'w> {
    /// The stack whose environment, queue and secret the function has.
    pub world: &'w World,
    /// In front of SQS.
    pub sqs: AwsProxy,
    /// In front of Secrets Manager.
    pub secrets: AwsProxy,
}

/// A webhook of WHOOP.
pub struct Delivery {
    /// The resource that it is about; no other delivery has the same.
    pub resource_id: String,
    /// As API Gateway hands it over.
    pub event: Value,
}

/// The status of an answer, and how long it took from the event on.
pub type Answered = (u64, Duration);

impl<'w> ReleasedWebhook<'w> {
    /// Starts the proxies.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn new(world: &'w World) -> Result<Self, StackError> {
        Ok(Self {
            world,
            sqs: AwsProxy::start(world.aws.endpoint()).await?,
            secrets: AwsProxy::start(world.aws.endpoint()).await?,
        })
    }

    /// Starts the function.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::start`].
    pub async fn start(&self) -> Result<Bootstrap, StackError> {
        let (sqs, secrets) = (self.sqs.url(), self.secrets.url());
        let endpoints = [
            ("AWS_ENDPOINT_URL_SQS", Some(sqs.as_str())),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", Some(&secrets)),
        ];
        Bootstrap::start(self.world, "WebhookFunction", &endpoints).await
    }

    /// Starts a function, which then answers its first delivery with 204.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`] and [`Self::deliver`], and if the answer is another one.
    pub async fn start_warm(&self) -> Result<Bootstrap, StackError> {
        let mut function = self.start().await?;
        match self.deliver(&mut function).await? {
            (204, _) => Ok(function),
            (status, _) => Err(StackError::Unexpected(format!(
                "a healthy function answered {status}"
            ))),
        }
    }

    /// Hands over a delivery that is signed with the world's key.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::invoke`].
    pub async fn deliver(&self, function: &mut Bootstrap) -> Result<Answered, StackError> {
        self.deliver_signed(function, &self.world.signing_secret)
            .await
    }

    /// Hands over a delivery that is signed with `key`.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::invoke`].
    pub async fn deliver_signed(
        &self,
        function: &mut Bootstrap,
        key: &str,
    ) -> Result<Answered, StackError> {
        hand_over(function, self.delivery(key).event.to_string()).await
    }

    /// A delivery that is signed with `key`. The search for leaks looks for it afterwards.
    #[must_use]
    pub fn delivery(&self, key: &str) -> Delivery {
        let resource_id = Uuid::new_v4().to_string();
        let body = json!({"event_type": "lab_requisition.created", "resource_id": resource_id});
        let body = body.to_string();
        let signature = sign(body.as_bytes(), key.as_bytes());
        let recorder = &self.world.stack.recorder;
        recorder.forbid("resource id", &resource_id);
        recorder.forbid("webhook body", &body);
        recorder.forbid("signature", &signature);
        let event = json!({
            "version": "2.0",
            "headers": {"content-type": "application/json", "whoop-signed": signature},
            "requestContext": {"requestId": "by-hand"},
            "body": body,
            "isBase64Encoded": false,
        });
        Delivery { resource_id, event }
    }

    /// Makes both services work again.
    pub fn heal(&self) {
        self.sqs.reset();
        self.secrets.reset();
    }
}

/// Hands over an event of API Gateway.
///
/// # Errors
///
/// As for [`Bootstrap::invoke`], and if the answer has no status.
pub async fn hand_over(
    function: &mut Bootstrap,
    event: impl Into<Bytes>,
) -> Result<Answered, StackError> {
    let answer = function.invoke(event, LAMBDA_LIMIT).await?;
    let status = answer.payload["statusCode"].as_u64();
    let status = status.ok_or_else(|| StackError::Unexpected("no status".into()))?;
    Ok((status, answer.elapsed))
}
