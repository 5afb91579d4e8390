//! The section that takes a stack down, and brings it up again.

use local_aws::stack::Stack;
use uuid::Uuid;

use super::Stage;
use crate::harness::{Outcome, soon};

impl Stage<'_> {
    /// A webhook waits in the queue, and one in the dead-letter queue.
    pub async fn leave_something_in_both_queues(&mut self) -> Outcome {
        let world = self.world;
        world.stack.enable_event_processor(false).await?;
        let id = Uuid::new_v4().to_string();
        self.know_order(&id).await?;
        let body = format!(r#"{{"event_type": "lab_requisition.created", "resource_id": "{id}"}}"#);
        let answer = world.stack.deliver(body, &world.signing_secret).await?;
        assert_eq!(answer.status, 204);
        self.set_order_aside().await
    }

    /// `make deploy`, and storing the secrets as at first.
    pub async fn bring_up_again(&mut self) -> Outcome {
        let world = self.world;
        let base_url = world.simulator.base_url();
        let parameters = [("Local", "true"), ("PartnerApiBaseUrl", &base_url)];
        let stack = Stack::deploy(&world.aws, &world.stack.name, &parameters).await?;
        stack.put_signing_secret(&world.signing_secret).await?;
        stack
            .put_partner_credentials(&world.client_id, &world.client_secret)
            .await?;
        self.next_stack = Some(stack);
        Ok(())
    }

    /// Both orders have been fetched for the new stack, and nothing is left in its queues and in the old ones.
    pub async fn old_webhooks_are_processed(&self) -> Outcome {
        let new = self.next_stack.as_ref().ok_or("there is no new stack")?;
        for stack in [&self.world.stack, new] {
            for queue in ["WebhookQueueUrl", "WebhookDeadLetterQueueUrl"] {
                soon("the queue is empty", async || {
                    Ok(stack.queue_depth(stack.output(queue)).await? == 0)
                })
                .await?;
            }
        }
        let path = format!("/v2/partner/requisition/{}", self.order);
        soon("the order is fetched", async || {
            Ok(!self.world.simulator.calls_to(&path).is_empty())
        })
        .await
    }
}
