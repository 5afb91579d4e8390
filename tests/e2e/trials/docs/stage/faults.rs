//! Faults of the key and of the bus, and alarms.

use libtest_mimic::Failed;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Stage;
use crate::harness::Outcome;

impl Stage<'_> {
    async fn kms(&self, operation: &str, more: Value) -> Result<Value, Failed> {
        let mut request = json!({"KeyId": self.world.stack.output("KeyArn")});
        if let (Some(request), Value::Object(more)) = (request.as_object_mut(), more) {
            request.extend(more);
        }
        let operation = format!("TrentService.{operation}");
        Ok(self
            .world
            .stack
            .api
            .json("kms", &operation, request)
            .await?)
    }

    pub async fn schedule_key_deletion(&self) -> Outcome {
        let days = json!({"PendingWindowInDays": 7});
        self.kms("ScheduleKeyDeletion", days).await.map(drop)
    }

    pub async fn key_is_enabled(&self) -> Outcome {
        let key = self.kms("DescribeKey", json!({})).await?;
        match key["KeyMetadata"]["KeyState"].as_str() {
            Some("Enabled") => Ok(()),
            state => Err(format!("the key is {state:?}").into()),
        }
    }

    /// Disables the key, and puts an event into the bus's dead-letter queue as EventBridge does then.
    pub async fn lose_event(&mut self) -> Outcome {
        self.kms("DisableKey", json!({})).await?;
        self.order = Uuid::new_v4().to_string();
        let event = json!({
            "version": "0", "id": Uuid::new_v4(), "source": "whoop.partner", "detail-type": "lab_requisition.created",
            "detail": {"schema_version": 1, "event_type": "lab_requisition.created", "resource_id": self.order,
                "received_at": "2026-11-18T11:06:40.123Z", "resource": null},
        });
        let stack = &self.world.stack;
        let send = stack.sqs.send_message();
        let send = send.queue_url(stack.output("EventBusDeadLetterQueueUrl"));
        send.message_body(event.to_string()).send().await?;
        Ok(())
    }

    pub async fn alarm_is_on_and_off_again(&self) -> Outcome {
        let alarms = self.alarms("ALARM").await?;
        if alarms.is_empty() {
            return Err("no alarm is on".into());
        }
        for alarm in alarms {
            let body = json!({"AlarmName": alarm, "StateValue": "OK", "StateReason": "test"});
            let target = "GraniteServiceVersion20100801.SetAlarmState";
            self.world
                .stack
                .api
                .json("monitoring", target, body)
                .await?;
        }
        Ok(())
    }

    async fn alarms(&self, state: &str) -> Result<Vec<String>, Failed> {
        let target = "GraniteServiceVersion20100801.DescribeAlarms";
        let body = json!({"StateValue": state});
        let answer = self
            .world
            .stack
            .api
            .json("monitoring", target, body)
            .await?;
        let alarms = answer["MetricAlarms"].as_array().into_iter().flatten();
        let names = alarms.filter_map(|alarm| Some(alarm["AlarmName"].as_str()?.to_owned()));
        Ok(names.collect())
    }
}
