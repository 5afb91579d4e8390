//! The stack before and after a trial that breaks something.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::try_join_all;
use libtest_mimic::Failed;
use local_aws::world::World;

use crate::harness::Outcome;

/// Does something on the repaired stack, and repairs it afterwards even if that panics.
pub async fn repaired<T>(
    world: &World,
    act: impl AsyncFnOnce() -> Result<T, Failed>,
) -> Result<T, Failed> {
    repair(world).await?;
    let acted = AssertUnwindSafe(act()).catch_unwind().await;
    repair(world).await?;
    acted.unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<String>().map(String::as_str);
        let message = message.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(message.unwrap_or("a panic").into())
    })
}

/// Makes every function and the mapping as they were deployed, with the world's signing secret and nothing queued.
async fn repair(world: &World) -> Outcome {
    let stack = &world.stack;
    stack.put_signing_secret(&world.signing_secret).await?;
    let functions = [
        "WebhookFunctionName",
        "EventProcessorFunctionName",
        "HeartbeatFunctionName",
    ];
    let restarts = functions.map(|function| stack.restart(stack.output(function)));
    try_join_all(restarts).await?;
    stack.delete_token_item().await?;
    for queue in ["WebhookQueueUrl", "WebhookDeadLetterQueueUrl"] {
        stack.purge(stack.output(queue)).await?;
    }
    world.simulator.reset();
    stack.enable_event_processor(true).await?;
    Ok(())
}
