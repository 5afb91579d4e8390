//! Functions that cannot run, or may not do what they have to.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;

use super::stage::{Examined, make_well};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_operated_stack;
        a_webhook_that_may_not_send_to_the_queue_is_found,
        a_token_refresh_that_may_not_read_the_table_is_found,
        a_webhook_that_may_never_run_is_found,
        a_url_that_does_not_lead_to_the_webhook_is_found,
        a_heartbeat_that_does_not_arrive_is_found,
    ]
}

async fn a_webhook_that_may_not_send_to_the_queue_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    world
        .stack
        .deny("WebhookRole", &["sqs:SendMessage"])
        .await?;
    let examined = Examined::on(world).await;
    world.stack.allow_again("WebhookRole").await?;
    let examined = examined?;
    examined.assert_bad("heartbeat", "answered 503", "docs/runbook.md#unavailable");
    examined.assert_bad(
        "permissions",
        "webhook: a call (queue did not take the webhook) was refused",
        "detect-stack-drift",
    );
    Ok(())
}

async fn a_token_refresh_that_may_not_read_the_table_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    world
        .stack
        .deny("TokenRefreshRole", &["dynamodb:GetItem"])
        .await?;
    let first = Examined::on(world).await;
    // the local AWS may show a line only with the next invocation
    let examined = Examined::on(world).await;
    world.stack.allow_again("TokenRefreshRole").await?;
    first?.assert_bad("token_refresh", "StoreUnavailable", "permission");
    let examined = examined?;
    examined.assert_bad("token_refresh", "StoreUnavailable", "permission");
    examined.assert_bad(
        "permissions",
        "token-refresh: dynamodb:GetItem was refused",
        "detect-stack-drift",
    );
    // the token itself is still good
    for id in ["token", "partner_api"] {
        assert!(examined.with_mark("good").contains(&id), "{examined:?}");
    }
    Ok(())
}

async fn a_webhook_that_may_never_run_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let function = world.stack.output("WebhookFunctionName");
    world.stack.reserve_concurrency(function, Some(0)).await?;
    let examined = Examined::on(world).await;
    world.stack.reserve_concurrency(function, None).await?;
    let examined = examined?;
    let delete = format!("aws lambda delete-function-concurrency --function-name {function}");
    examined.assert_bad("function_webhook", "reserved concurrency is 0", &delete);
    examined.assert_bad("webhook_url", "answers 429", "docs/runbook.md#throttle");
    examined.assert_bad("heartbeat", "answered 429", "docs/runbook.md#throttle");
    Ok(())
}

async fn a_url_that_does_not_lead_to_the_webhook_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let function = world.stack.output("WebhookFunctionName");
    let no_queue = [("WEBHOOK_QUEUE_URL", None)];
    world.stack.configure(function, &no_queue).await?;
    let examined = Examined::on(world).await;
    world.stack.restart(function).await?;
    let examined = examined?;
    // the function does not start
    examined.assert_bad("webhook_url", "answers 50", "docs/runbook.md#");
    examined.assert_bad("heartbeat", "answered 50", "docs/runbook.md#");
    Ok(())
}

async fn a_heartbeat_that_does_not_arrive_is_found(world: &World) -> Outcome {
    make_well(world).await?;
    let function = world.stack.output("EventProcessorFunctionName");
    let no_bus = [("EVENT_BUS_NAME", None)];
    world.stack.configure(function, &no_bus).await?;
    let examined = Examined::on(world).await;
    world.stack.restart(function).await?;
    let queue = world.stack.output("WebhookQueueUrl");
    world.stack.purge(queue).await?;
    let examined = examined?;
    assert!(
        examined.with_mark("good").contains(&"heartbeat"),
        "{examined:?}"
    );
    examined.assert_bad(
        "heartbeat_arrival",
        "has not logged it within 20 s",
        "docs/runbook.md#crash",
    );
    Ok(())
}
