//! A trace that X-Ray records goes on in the queue; other invocations leave no sign there.

use std::sync::Arc;

use aws_sdk_sqs::types::MessageSystemAttributeName;
use libtest_mimic::{Failed, Trial};
use local_aws::stack::Stack;
use local_aws::world::World;

use super::{assert_status, event, fresh};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_webhook_stack;
        a_message_has_a_trace_header_only_while_the_function_is_traced,
    ]
}

async fn a_message_has_a_trace_header_only_while_the_function_is_traced(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let key = &world.signing_secret;
    assert_eq!(trace_header(stack, key).await?, None);
    let function = stack.output("WebhookFunctionName");
    stack.trace(function, true).await?;
    let traced = trace_header(stack, key).await;
    stack.trace(function, false).await?;
    let header = traced?.ok_or("there is no trace header")?;
    assert!(header.contains("Root=1-"), "{header}");
    assert!(header.contains("Sampled=1"), "{header}");
    assert_eq!(trace_header(stack, key).await?, None);
    Ok(())
}

/// The trace header of the message that a webhook becomes.
async fn trace_header(stack: &Stack, key: &str) -> Result<Option<String>, Failed> {
    assert_status(&stack.deliver(event(), key).await?, 204);
    let message = stack.receive(stack.output("WebhookQueueUrl")).await?;
    let message = message.ok_or("nothing is in the queue")?;
    let attributes = message.attributes();
    let header = attributes.and_then(|all| all.get(&MessageSystemAttributeName::AwsTraceHeader));
    Ok(header.cloned())
}
