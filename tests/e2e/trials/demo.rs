//! The demo passes on a new stack, and fails if something that it shows is not true. It gets a stack of its own,
//! because it expects an unused one.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::demo;
use local_aws::steps::Steps;
use local_aws::world::World;

use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.beside_without_stack;
        the_demo_passes_on_a_new_stack_and_fails_where_something_is_not_so,
    ]
}

async fn the_demo_passes_on_a_new_stack_and_fails_where_something_is_not_so() -> Outcome {
    let world = World::set_up("INFO", &Steps::silent()).await?;
    demo::play(&world, &Steps::silent()).await?;

    let lost = world.stack.output("EventBusDeadLetterQueueUrl");
    let message = world.stack.sqs.send_message().queue_url(lost);
    message.message_body("{}").send().await?;
    let status = demo::status_by_the_tool(&world).await;
    let error = status.expect_err("a lost event is bad").to_string();
    assert!(error.contains("1 thing needs attention"), "{error}");
    world.stack.purge(lost).await?;

    world.simulator.set_credentials("of", "somebody else");
    assert_fails(&world, "InvalidCredentials").await?;
    world
        .simulator
        .set_credentials(&world.client_id, &world.client_secret);

    let function = world.stack.output("TokenRefreshFunctionName");
    let table = world.stack.output("WebhookFunctionName");
    let elsewhere = [("TOKEN_TABLE_NAME", Some(table))];
    world.stack.configure(function, &elsewhere).await?;
    assert_fails(&world, "StoreUnavailable").await?;
    world.stack.restart(function).await?;

    let function = world.stack.output("EventProcessorFunctionName");
    let nowhere = format!("{}/nowhere", world.simulator.url());
    let elsewhere = [("PARTNER_API_BASE_URL", Some(nowhere.as_str()))];
    world.stack.configure(function, &elsewhere).await?;
    assert_fails(&world, "the order is not on the bus").await?;
    world.stack.restart(function).await?;
    world
        .stack
        .purge(world.stack.output("WebhookQueueUrl"))
        .await?;

    let function = world.stack.output("WebhookFunctionName");
    let queue = world.stack.output("WebhookDeadLetterQueueUrl");
    let elsewhere = [("WEBHOOK_QUEUE_URL", Some(queue))];
    world.stack.configure(function, &elsewhere).await?;
    assert_fails(&world, "did not get its 204").await
}

/// Plays the demo from the start and checks that it fails for this reason.
async fn assert_fails(world: &World, why: &str) -> Outcome {
    world.stack.delete_token_item().await?;
    match demo::play(world, &Steps::silent()).await {
        Ok(()) => Err(format!("the demo passed; it should have failed with {why}").into()),
        Err(error) if error.to_string().contains(why) => Ok(()),
        Err(error) => {
            Err(format!("the demo failed with {error}; it should have failed with {why}").into())
        }
    }
}
