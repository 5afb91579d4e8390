//! The webhook when AWS fails: 503 within WHOOP's second, and 204 again without a restart.

use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::{Answer, Stack};
use local_aws::world::World;

use super::{assert_nothing_queued, assert_queued, assert_status, event, fresh, starts};
use crate::harness::{Harness, Outcome, trials};

/// WHOOP counts a later answer as a failure.
const WHOOP_LIMIT: Duration = Duration::from_secs(1);

/// The trials of this area.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_webhook_stack;
        a_queue_that_hangs_is_503_in_time_and_204_once_it_recovers,
        a_queue_that_refuses_connections_is_503_in_time_and_204_once_it_recovers,
        a_queue_that_breaks_connections_is_503_in_time_and_204_once_it_recovers,
        a_queue_that_fails_is_503_in_time_and_204_once_it_recovers,
        a_queue_that_throttles_is_503_in_time_and_204_once_it_recovers,
        a_queue_that_denies_access_is_503_in_time_and_204_once_it_recovers,
        one_fast_retry_hides_a_single_fault_of_the_queue,
        a_queue_that_hangs_once_is_retried_within_the_deadline,
        a_start_without_secrets_manager_is_503_in_time_and_204_once_it_recovers,
        a_missing_or_malformed_secret_is_503_and_named,
        the_deadline_is_as_configured,
        a_flood_of_forged_signatures_causes_two_looks,
        a_flood_while_there_are_no_keys_causes_few_calls,
        a_wrong_signature_is_503_while_it_is_open_whether_there_is_another_key,
    ]
}

/// The webhook function with a proxy in front of the queue or Secrets Manager.
async fn behind_proxy<'w>(
    world: &'w World,
    variable: &str,
) -> Result<(&'w Stack, AwsProxy), Failed> {
    let stack = fresh(world).await?;
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    let function = stack.output("WebhookFunctionName");
    stack
        .configure(function, &[(variable, Some(&proxy.url()))])
        .await?;
    Ok((stack, proxy))
}

#[track_caller]
fn assert_unavailable_in_time(answer: &Answer) {
    assert_status(answer, 503);
    assert!(
        answer.elapsed < WHOOP_LIMIT,
        "answered after {:?}",
        answer.elapsed
    );
}

/// Delivers until it succeeds, as WHOOP does. Without keys the function remembers a failure for a second.
async fn delivered_at_last(world: &World, stack: &Stack) -> Outcome {
    let body = event();
    let started = Instant::now();
    loop {
        let answer = stack.deliver(body.clone(), &world.signing_secret).await?;
        if answer.status == 204 {
            assert_queued(stack, &body).await?;
            return Ok(());
        }
        assert_status(&answer, 503);
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "503 for 3 seconds"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Delivers before a fault, during it, and after it.
async fn fault_and_recovery(
    world: &World,
    stack: &Stack,
    start_fault: impl AsyncFnOnce() -> Outcome,
    end_fault: impl AsyncFnOnce() -> Outcome,
) -> Outcome {
    let body = event();
    assert_status(
        &stack.deliver(body.clone(), &world.signing_secret).await?,
        204,
    );
    assert_queued(stack, &body).await?;
    let before = starts(stack)?;

    start_fault().await?;
    for _ in 0..2 {
        assert_unavailable_in_time(&stack.deliver(event(), &world.signing_secret).await?);
    }
    assert_nothing_queued(stack).await?;

    end_fault().await?;
    let body = event();
    assert_status(
        &stack.deliver(body.clone(), &world.signing_secret).await?,
        204,
    );
    assert_queued(stack, &body).await?;
    assert_eq!(starts(stack)?, before, "the function was started anew");
    Ok(())
}

async fn queue_with(world: &World, behaviour: Behaviour) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SQS").await?;
    let start = async || {
        proxy.set("SendMessage", behaviour);
        Ok(())
    };
    let end = async || {
        proxy.reset();
        Ok(())
    };
    fault_and_recovery(world, stack, start, end).await
}

async fn a_queue_that_hangs_is_503_in_time_and_204_once_it_recovers(world: &World) -> Outcome {
    queue_with(world, Behaviour::Hang).await
}

async fn a_queue_that_refuses_connections_is_503_in_time_and_204_once_it_recovers(
    world: &World,
) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SQS").await?;
    let start = async || Ok(proxy.unavailable().await?);
    let end = async || Ok(proxy.available().await?);
    fault_and_recovery(world, stack, start, end).await
}

async fn a_queue_that_breaks_connections_is_503_in_time_and_204_once_it_recovers(
    world: &World,
) -> Outcome {
    queue_with(world, Behaviour::CloseConnection).await
}

async fn a_queue_that_fails_is_503_in_time_and_204_once_it_recovers(world: &World) -> Outcome {
    let code = "InternalFailure";
    queue_with(world, Behaviour::Fail { status: 500, code }).await
}

async fn a_queue_that_throttles_is_503_in_time_and_204_once_it_recovers(world: &World) -> Outcome {
    for code in ["ThrottlingException", "RequestThrottled"] {
        queue_with(world, Behaviour::Fail { status: 400, code }).await?;
    }
    Ok(())
}

async fn a_queue_that_denies_access_is_503_in_time_and_204_once_it_recovers(
    world: &World,
) -> Outcome {
    let code = "AccessDeniedException";
    queue_with(world, Behaviour::Fail { status: 403, code }).await
}

async fn one_fast_retry_hides_a_single_fault_of_the_queue(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SQS").await?;
    for fault in [
        Behaviour::Fail {
            status: 500,
            code: "InternalFailure",
        },
        Behaviour::Fail {
            status: 400,
            code: "ThrottlingException",
        },
        Behaviour::CloseConnection,
    ] {
        let body = event();
        proxy.next("SendMessage", fault);
        assert_status(
            &stack.deliver(body.clone(), &world.signing_secret).await?,
            204,
        );
        assert_queued(stack, &body).await?;
    }
    assert_eq!(proxy.calls("SendMessage"), 6);
    Ok(())
}

async fn a_queue_that_hangs_once_is_retried_within_the_deadline(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SQS").await?;
    let body = event();
    proxy.next("SendMessage", Behaviour::Hang);
    let answer = stack.deliver(body.clone(), &world.signing_secret).await?;
    assert_status(&answer, 204);
    assert!(
        answer.elapsed < WHOOP_LIMIT,
        "answered after {:?}",
        answer.elapsed
    );
    assert_queued(stack, &body).await?;
    Ok(())
}

async fn a_start_without_secrets_manager_is_503_in_time_and_204_once_it_recovers(
    world: &World,
) -> Outcome {
    for fault in [
        Behaviour::Hang,
        Behaviour::CloseConnection,
        Behaviour::Fail {
            status: 500,
            code: "InternalServiceError",
        },
        Behaviour::Fail {
            status: 400,
            code: "ThrottlingException",
        },
    ] {
        let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SECRETS_MANAGER").await?;
        proxy.set("GetSecretValue", fault.clone());
        // not timed, because it includes the start
        assert_status(&stack.deliver(event(), &world.signing_secret).await?, 503);
        let before = starts(stack)?;
        // waits until the function forgets the failure and reads the secret again
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_unavailable_in_time(&stack.deliver(event(), &world.signing_secret).await?);
        assert_nothing_queued(stack).await?;

        proxy.reset();
        delivered_at_last(world, stack).await?;
        assert_eq!(
            starts(stack)?,
            before,
            "the function was started anew after {fault:?}"
        );
    }
    Ok(())
}

async fn a_missing_or_malformed_secret_is_503_and_named(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let function = stack.output("WebhookFunctionName");
    let secret = stack.output("WebhookSigningSecretArn");
    for value in [
        "{}",
        "not json, but 5309-a-value",
        r#"{"signing_secret": ""}"#,
        r#"{"signing_secret": ["5309"]}"#,
    ] {
        stack.put_secret(secret, value).await?;
        stack.restart(function).await?;
        let before = stack.logs(function)?.len();
        for key in ["", &world.signing_secret] {
            assert_status(&stack.deliver(event(), key).await?, 503);
        }
        let lines = stack.logs(function)?.split_off(before);
        assert!(
            lines
                .iter()
                .any(|line| line.contains(secret) && line.contains("malformed")),
            "{value}"
        );
    }
    let missing = [("WEBHOOK_SIGNING_SECRET_ID", Some("no-such-secret"))];
    stack.configure(function, &missing).await?;
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 503);
    let lines = stack.logs(function)?;
    assert!(lines.iter().any(|line| line.contains("no-such-secret")));
    assert_nothing_queued(stack).await?;

    // stored while the function runs: no restart is needed
    stack.put_secret(secret, "{}").await?;
    stack.restart(function).await?;
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 503);
    let before = starts(stack)?;
    stack.put_signing_secret(&world.signing_secret).await?;
    delivered_at_last(world, stack).await?;
    assert_eq!(starts(stack)?, before);
    Ok(())
}

async fn a_flood_of_forged_signatures_causes_two_looks(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SECRETS_MANAGER").await?;
    for _ in 0..40 {
        assert_status(&stack.deliver(event(), "a forger's key").await?, 401);
    }
    // one read at the start, and two refetches of both versions
    assert_eq!(proxy.calls("GetSecretValue"), 5);
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 204);
    assert_eq!(proxy.calls("GetSecretValue"), 5);
    Ok(())
}

async fn a_flood_while_there_are_no_keys_causes_few_calls(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SECRETS_MANAGER").await?;
    proxy.set(
        "GetSecretValue",
        Behaviour::Fail {
            status: 400,
            code: "AccessDeniedException",
        },
    );
    let started = Instant::now();
    for _ in 0..40 {
        assert_status(&stack.deliver(event(), "a forger's key").await?, 503);
    }
    // one read at the start, one for the first webhook, and two a second after it
    let seconds = usize::try_from(started.elapsed().as_secs())?;
    let calls = proxy.calls("GetSecretValue");
    assert!(
        (2..=3 + 2 * seconds).contains(&calls),
        "{calls} calls in {seconds} s"
    );
    Ok(())
}

async fn the_deadline_is_as_configured(world: &World) -> Outcome {
    let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SQS").await?;
    let url = proxy.url();
    let changes = [
        ("AWS_ENDPOINT_URL_SQS", Some(url.as_str())),
        ("WEBHOOK_DEADLINE_MS", Some("200")),
    ];
    stack
        .configure(stack.output("WebhookFunctionName"), &changes)
        .await?;
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 204);
    proxy.set("SendMessage", Behaviour::Hang);
    let answer = stack.deliver(event(), &world.signing_secret).await?;
    assert_status(&answer, 503);
    assert!(
        answer.elapsed < Duration::from_millis(700),
        "answered after {:?}",
        answer.elapsed
    );
    Ok(())
}

async fn a_wrong_signature_is_503_while_it_is_open_whether_there_is_another_key(
    world: &World,
) -> Outcome {
    for fault in [
        Behaviour::Hang,
        Behaviour::Fail {
            status: 500,
            code: "InternalServiceError",
        },
    ] {
        let (stack, proxy) = behind_proxy(world, "AWS_ENDPOINT_URL_SECRETS_MANAGER").await?;
        assert_status(&stack.deliver(event(), &world.signing_secret).await?, 204);
        proxy.set("GetSecretValue", fault);
        assert_unavailable_in_time(&stack.deliver(event(), "a forger's key").await?);
        assert_status(&stack.deliver(event(), &world.signing_secret).await?, 204);
    }
    Ok(())
}
