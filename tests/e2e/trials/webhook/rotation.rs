//! A rotation of the signing secret: both keys are valid meanwhile, the older one for 24 hours.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::world::World;
use serde_json::{Value, json};

use super::{assert_nothing_queued, assert_queued, assert_status, event, fresh};
use crate::harness::{Harness, Outcome, trials};

/// A day in seconds.
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// The trials of this area.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_webhook_stack;
        a_running_function_takes_both_keys_after_a_rotation,
        a_function_started_after_a_rotation_takes_both_keys,
        the_older_key_is_refused_24_hours_after_the_rotation,
        a_malformed_previous_version_does_not_disable_the_current_key,
    ]
}

const NEXT_KEY: &str = "whsec_the-next-one-0123456789";

async fn both_keys_are_good(world: &World) -> Outcome {
    for key in [NEXT_KEY, &world.signing_secret, NEXT_KEY] {
        let body = event();
        assert_status(&world.stack.deliver(body.clone(), key).await?, 204);
        assert_queued(&world.stack, &body).await?;
    }
    Ok(())
}

async fn a_running_function_takes_both_keys_after_a_rotation(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 204);
    stack.purge(stack.output("WebhookQueueUrl")).await?;
    stack.put_signing_secret(NEXT_KEY).await?;
    both_keys_are_good(world).await
}

async fn a_function_started_after_a_rotation_takes_both_keys(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    stack.put_signing_secret(NEXT_KEY).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    both_keys_are_good(world).await
}

async fn the_older_key_is_refused_24_hours_after_the_rotation(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    stack.put_signing_secret(NEXT_KEY).await?;
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    let function = stack.output("WebhookFunctionName");
    for (age, status) in [(DAY - 60.0, 204), (DAY + 60.0, 401)] {
        let older = move |answer: &mut Value| {
            let created = answer["CreatedDate"]
                .as_f64()
                .expect("the version has a date");
            answer["CreatedDate"] = json!(created - age);
        };
        proxy.set("GetSecretValue", Behaviour::rewrite(older));
        let changes = [("AWS_ENDPOINT_URL_SECRETS_MANAGER", Some(proxy.url()))];
        let changes = changes
            .each_ref()
            .map(|(name, url)| (*name, url.as_deref()));
        stack.configure(function, &changes).await?;
        let answer = stack.deliver(event(), &world.signing_secret).await?;
        assert_status(&answer, status);
        assert_status(&stack.deliver(event(), NEXT_KEY).await?, 204);
    }
    Ok(())
}

async fn a_malformed_previous_version_does_not_disable_the_current_key(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    stack
        .put_secret(stack.output("WebhookSigningSecretArn"), "{}")
        .await?;
    stack.put_signing_secret(NEXT_KEY).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 401);
    assert_nothing_queued(stack).await?;
    assert_status(&stack.deliver(event(), NEXT_KEY).await?, 204);
    Ok(())
}
