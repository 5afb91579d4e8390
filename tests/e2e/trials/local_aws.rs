//! What the other trials expect of the local AWS: it enforces IAM, does what we add to it, and leaves nothing behind.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::LocalAws;
use local_aws::world::World;

use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let mut trials = trials![harness.without_stack;
        a_dropped_local_aws_leaves_no_process_and_no_file,
    ];
    trials.extend(trials![harness.on_webhook_stack;
        a_function_is_denied_what_its_role_does_not_allow,
        a_reconfigured_function_starts_anew_with_its_environment,
        what_a_failing_start_prints_is_kept,
        tokens_expire_from_the_table,
    ]);
    trials
}

async fn a_dropped_local_aws_leaves_no_process_and_no_file() -> Outcome {
    let aws = LocalAws::start().await?;
    let directory = aws.directory().to_owned();
    assert_eq!(processes_that_mention(&directory).len(), 1);

    drop(aws);

    assert_eq!(processes_that_mention(&directory), [] as [PathBuf; 0]);
    assert!(!directory.exists(), "{} is left", directory.display());
    Ok(())
}

/// The processes that have this directory on their command line or in their environment, as the functions do.
fn processes_that_mention(directory: &Path) -> Vec<PathBuf> {
    let wanted = directory.as_os_str().as_encoded_bytes();
    let mentions = |file: PathBuf| {
        let content = std::fs::read(file).unwrap_or_default();
        content.windows(wanted.len()).any(|window| window == wanted)
    };
    std::fs::read_dir("/proc")
        .expect("the kernel lists its processes")
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| mentions(process.join("cmdline")) || mentions(process.join("environ")))
        .collect()
}

/// The dead-letter queue exists and can be reached, but the webhook's role does not allow sending to it.
async fn a_function_is_denied_what_its_role_does_not_allow(world: &World) -> Outcome {
    let stack = &world.stack;
    let function = stack.output("WebhookFunctionName");
    let other_queue = stack.output("WebhookDeadLetterQueueUrl");
    let change = [("WEBHOOK_QUEUE_URL", Some(other_queue))];
    stack.configure(function, &change).await?;

    let denied = stack.deliver(EVENT, &world.signing_secret).await?;

    stack.restart(function).await?;
    assert_eq!(denied.status, 503);
    assert_eq!(stack.queue_depth(other_queue).await?, 0);
    Ok(())
}

async fn a_reconfigured_function_starts_anew_with_its_environment(world: &World) -> Outcome {
    let stack = &world.stack;
    let function = stack.output("WebhookFunctionName");
    let warm = stack.deliver(EVENT, &world.signing_secret).await?;
    assert_eq!(warm.status, 204);

    stack
        .configure(function, &[("WEBHOOK_QUEUE_URL", None)])
        .await?;
    let broken = stack.deliver(EVENT, &world.signing_secret).await?;
    stack.restart(function).await?;
    let repaired = stack.deliver(EVENT, &world.signing_secret).await?;

    assert!(broken.status >= 500, "answered {}", broken.status);
    assert_eq!(repaired.status, 204);
    stack.purge(stack.output("WebhookQueueUrl")).await?;
    Ok(())
}

async fn what_a_failing_start_prints_is_kept(world: &World) -> Outcome {
    let stack = &world.stack;
    let function = stack.output("WebhookFunctionName");
    stack
        .configure(function, &[("WEBHOOK_DEADLINE_MS", Some("soon"))])
        .await?;
    stack.deliver(EVENT, &world.signing_secret).await?;
    stack.restart(function).await?;

    let logs = stack.logs(function)?;

    assert!(
        logs.iter().any(|line| line.contains("WEBHOOK_DEADLINE_MS")),
        "{logs:#?}"
    );
    Ok(())
}

async fn tokens_expire_from_the_table(world: &World) -> Outcome {
    let table = world.stack.output("TokenTableName");
    let answer = world
        .stack
        .dynamodb
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await?;
    let attribute = answer
        .time_to_live_description()
        .and_then(|time_to_live| time_to_live.attribute_name());
    assert_eq!(attribute, Some("expires_at"));
    Ok(())
}

/// A delivery about an order that does not exist.
const EVENT: &str = r#"{"event_type":"lab_requisition.created","resource_id":"0f9fa33b-50ea-4f0a-9b0e-6f1f4b1f7c55"}"#;
