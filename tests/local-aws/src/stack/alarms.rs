//! The alarms and their topic. The local AWS evaluates an alarm whenever data of any metric arrives, and takes no notice of
//! dimensions.

use aws_sdk_sqs::types::QueueAttributeName;
use roxmltree::Document;
use serde_json::{Value, json};

use super::{Stack, StackError};
use crate::aws_api::QueryService;

/// A queue that gets everything that the stack's alarms send to their topic.
pub struct AlarmSubscription {
    queue_url: String,
}

impl Stack {
    /// Makes a queue and subscribes it to the topic of the alarms. If an earlier call made it, the queue is emptied.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn subscribe_to_alarms(&self) -> Result<AlarmSubscription, StackError> {
        let queue_url = self.empty_queue(&format!("{}-alarms", self.name)).await?;
        let arn = self.queue_arn(&queue_url).await?;
        let topic = self.output("AlarmTopicArn");
        let policy = json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }]});
        let attributes = self.sqs.set_queue_attributes().queue_url(&queue_url);
        attributes
            .attributes(QueueAttributeName::Policy, policy.to_string())
            .send()
            .await
            .map_err(StackError::aws("SetQueueAttributes"))?;
        let parameters = [("TopicArn", topic), ("Protocol", "sqs"), ("Endpoint", &arn)];
        let subscribe = self
            .api
            .query(QueryService::Sns, "Subscribe", &parameters, |_| ());
        subscribe.await.map_err(StackError::aws("Subscribe"))?;
        Ok(AlarmSubscription { queue_url })
    }

    /// Ends all subscriptions to the topic of the alarms.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn unsubscribe_all_from_alarms(&self) -> Result<(), StackError> {
        let parameters = [("TopicArn", self.output("AlarmTopicArn"))];
        let arns = |document: &Document<'_>| -> Vec<String> {
            let nodes = document.descendants();
            let arns = nodes.filter(|node| node.tag_name().name() == "SubscriptionArn");
            arns.filter_map(|node| node.text().map(str::to_owned))
                .collect()
        };
        let list = "ListSubscriptionsByTopic";
        let arns = self.api.query(QueryService::Sns, list, &parameters, arns);
        for arn in arns.await.map_err(StackError::aws(list))? {
            let parameters = [("SubscriptionArn", arn.as_str())];
            let end = self
                .api
                .query(QueryService::Sns, "Unsubscribe", &parameters, |_| ());
            end.await.map_err(StackError::aws("Unsubscribe"))?;
        }
        Ok(())
    }

    /// Takes the next message of an alarm, as CloudWatch wrote it. If there is none, waits up to two seconds for one.
    ///
    /// # Errors
    ///
    /// If the queue can't be read, or holds something that is no such message.
    pub async fn next_alarm(
        &self,
        subscription: &AlarmSubscription,
    ) -> Result<Option<Value>, StackError> {
        let Some(message) = self.receive(&subscription.queue_url).await? else {
            return Ok(None);
        };
        let no_json = |_| StackError::Unexpected("what the topic sent is no JSON".into());
        let envelope: Value =
            serde_json::from_str(message.body().unwrap_or_default()).map_err(no_json)?;
        let alarm = envelope["Message"].as_str().unwrap_or_default();
        serde_json::from_str(alarm).map(Some).map_err(no_json)
    }

    /// Puts a value of a metric at a time in Unix seconds.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses it.
    pub async fn put_metric(
        &self,
        namespace: &str,
        metric: &str,
        at: u64,
        value: f64,
    ) -> Result<(), StackError> {
        let (at, value) = (at.to_string(), value.to_string());
        let parameters = [
            ("Namespace", namespace),
            ("MetricData.member.1.MetricName", metric),
            ("MetricData.member.1.Value", &value),
            ("MetricData.member.1.Timestamp", &at),
        ];
        let service = QueryService::CloudWatch;
        let put = self
            .api
            .query(service, "PutMetricData", &parameters, |_| ());
        put.await.map_err(StackError::aws("PutMetricData"))
    }
}
