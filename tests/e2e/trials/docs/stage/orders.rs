//! Orders that were set aside, or have to reach the bus.

use aws_sdk_sqs::types::MessageAttributeValue;
use libtest_mimic::Failed;
use serde_json::json;
use uuid::Uuid;
use whoop_simulator::AppointmentType;

use super::Stage;
use crate::harness::{Outcome, PATIENCE, soon};

/// The first UUID in a text.
pub fn id_in(text: &str) -> Result<String, Failed> {
    let mut words = text.split(|char: char| !char.is_ascii_hexdigit() && char != '-');
    let id = words.find(|word| word.len() == 36 && Uuid::try_parse(word).is_ok());
    Ok(id.ok_or("the page names no order")?.into())
}

impl Stage<'_> {
    /// Lets WHOOP know an order with this id, without a webhook.
    pub async fn know_order(&self, id: &str) -> Outcome {
        let simulator = &self.world.simulator;
        let seed = simulator.add_test_data(AppointmentType::InPerson);
        simulator.settled().await;
        let order = simulator.requisition(&seed).ok_or("no order was made")?;
        simulator.put_requisition(order.to_string().replace(&seed, id));
        Ok(())
    }

    /// Puts a message about a new order into the dead-letter queue, as the event processor does.
    pub async fn set_order_aside(&mut self) -> Outcome {
        self.order = Uuid::new_v4().to_string();
        let id = self.order.clone();
        self.know_order(&id).await?;
        let body = json!({"event_type": "lab_requisition.created", "resource_id": id});
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value("not_found")
            .build()?;
        self.world
            .stack
            .sqs
            .send_message()
            .queue_url(self.world.stack.output("WebhookDeadLetterQueueUrl"))
            .message_body(body.to_string())
            .message_attributes("failure_reason", reason)
            .send()
            .await?;
        Ok(())
    }

    pub async fn order_is_published(&self) -> Outcome {
        let events = self.events.as_ref().ok_or("nobody watches the bus")?;
        let stack = &self.world.stack;
        match stack.events_until(events, &self.order, PATIENCE).await? {
            Some(_) => Ok(()),
            None => Err("the order is not on the bus".into()),
        }
    }

    pub async fn no_letter_is_left(&self) -> Outcome {
        let queue = self.world.stack.output("WebhookDeadLetterQueueUrl");
        soon("the dead-letter queue is empty", async || {
            Ok(self.world.stack.queue_depth(queue).await? == 0)
        })
        .await
    }

    pub async fn order_is_published_and_no_letter_left(&self) -> Outcome {
        self.order_is_published().await?;
        self.no_letter_is_left().await
    }
}
