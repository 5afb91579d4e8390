//! Whether the functions can run at all.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::types::{LastUpdateStatus, State};
use futures_util::future::{join, join_all};

use super::check::{Check, judged};
use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;

/// The id of each check, and the output with the function's name.
const FUNCTIONS: [(&str, &str); 4] = [
    ("function_webhook", "WebhookFunctionName"),
    ("function_event_processor", "EventProcessorFunctionName"),
    ("function_token_refresh", "TokenRefreshFunctionName"),
    ("function_heartbeat", "HeartbeatFunctionName"),
];

/// Checks each function.
pub(super) async fn checks(session: &Session) -> Vec<Check> {
    let checks = FUNCTIONS
        .map(|(id, output)| async move { Check::new(id, judged(function(session, output)).await) });
    join_all(checks).await
}

async fn function(session: &Session, output: &str) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    let optional = matches!(
        output,
        "EventProcessorFunctionName" | "HeartbeatFunctionName"
    );
    if optional && !stack.outputs.contains_key(output) {
        return Ok(Finding::skipped("the stack has no such function"));
    }
    let name = stack.output(output)?;
    let client = Client::new(session.config());
    let configuration = client
        .get_function_configuration()
        .function_name(name)
        .send();
    let concurrency = client.get_function_concurrency().function_name(name).send();
    let (configuration, concurrency) = join(configuration, concurrency).await;
    let configuration = match configuration {
        Err(error) if error.code() == Some("ResourceNotFoundException") => {
            return Ok(Finding::bad(
                format!("there is no function {name}"),
                "make deploy",
            ));
        }
        answer => answer.map_err(ToolError::aws("GetFunctionConfiguration"))?,
    };
    let reserved = concurrency
        .map_err(ToolError::aws("GetFunctionConcurrency"))?
        .reserved_concurrent_executions();
    if reserved == Some(0) {
        return Ok(Finding::bad(
            "its reserved concurrency is 0, so it never runs",
            format!("aws lambda delete-function-concurrency --function-name {name}"),
        ));
    }
    Ok(judge(
        configuration.state(),
        configuration.last_update_status(),
        name,
    ))
}

fn judge(state: Option<&State>, update: Option<&LastUpdateStatus>, name: &str) -> Finding {
    match (state, update) {
        (Some(State::Active), Some(LastUpdateStatus::Failed)) => {
            Finding::bad("its last update failed", "make deploy")
        }
        (Some(State::Active), _) => Finding::good("Active"),
        (Some(State::Inactive), _) => Finding::bad(
            "Inactive: it has not run for weeks, and its next run fails",
            format!(
                "aws lambda invoke --function-name {name} /dev/null; run the command again in a minute"
            ),
        ),
        (Some(State::Failed), _) => Finding::bad("Failed: it can't run", "make deploy"),
        (Some(state), _) => Finding::unknown(state.as_str(), "run the command again"),
        (None, _) => Finding::unknown("Lambda does not say its state", "run the command again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn only_an_active_function_is_good() {
        for (state, update, mark) in [
            (State::Active, LastUpdateStatus::Successful, Mark::Good),
            (State::Active, LastUpdateStatus::InProgress, Mark::Good),
            (State::Active, LastUpdateStatus::Failed, Mark::Bad),
            (State::Inactive, LastUpdateStatus::Successful, Mark::Bad),
            (State::Failed, LastUpdateStatus::Successful, Mark::Bad),
            (State::Pending, LastUpdateStatus::Successful, Mark::Unknown),
        ] {
            assert_eq!(
                judge(Some(&state), Some(&update), "f").mark,
                mark,
                "{state:?}"
            );
        }
        assert_eq!(judge(None, None, "f").mark, Mark::Unknown);
    }
}
