//! The stack in CloudFormation, and its key.

use aws_sdk_kms::Client;
use aws_sdk_kms::error::ProvideErrorMetadata;
use aws_sdk_kms::types::KeyState;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;
use crate::stack::Stack;

/// Judges the status of the stack.
pub(super) fn status(stack: &Stack) -> Finding {
    judge_status(&stack.name, &stack.status)
}

/// Judges a status of CloudFormation.
pub(crate) fn judge_status(name: &str, status: &str) -> Finding {
    if status == "ROLLBACK_COMPLETE" {
        let remedy = format!("aws cloudformation delete-stack --stack-name {name}; make deploy");
        return Finding::bad(format!("{name} is {status}: it was never deployed"), remedy);
    }
    if status.ends_with("_IN_PROGRESS") {
        let remedy = "run the command again when the deployment has ended";
        return Finding::unknown(format!("{name} is {status}"), remedy);
    }
    if status.ends_with("_FAILED") || status.contains("ROLLBACK") || status.starts_with("DELETE") {
        let events = format!(
            "aws cloudformation describe-stack-events --stack-name {name}; remove the cause; make deploy"
        );
        return Finding::bad(format!("{name} is {status}"), events);
    }
    Finding::good(format!("{name} is {status}"))
}

/// Checks that the key can be used.
pub(super) async fn key(session: &Session) -> Result<Finding, ToolError> {
    let arn = session.stack().await?.output("KeyArn")?;
    let answer = Client::new(session.config())
        .describe_key()
        .key_id(arn)
        .send()
        .await;
    let answer = match answer {
        Err(error) if error.code() == Some("NotFoundException") => {
            return Ok(Finding::bad(
                "there is no such key",
                "docs/outages.md#the-key",
            ));
        }
        answer => answer.map_err(ToolError::aws("DescribeKey"))?,
    };
    let state = answer.key_metadata().and_then(|key| key.key_state());
    Ok(judge_key(arn, state))
}

fn judge_key(arn: &str, state: Option<&KeyState>) -> Finding {
    let enable = format!("aws kms enable-key --key-id {arn}");
    match state {
        Some(KeyState::Enabled) => Finding::good("Enabled"),
        Some(KeyState::Disabled) => Finding::bad("Disabled: almost everything fails", enable),
        Some(KeyState::PendingDeletion) => Finding::bad(
            "PendingDeletion: almost everything fails, and soon nobody can read the secrets and messages",
            format!("aws kms cancel-key-deletion --key-id {arn}; {enable}"),
        ),
        Some(state) => Finding::bad(state.as_str(), "docs/outages.md#the-key"),
        None => Finding::unknown("DescribeKey did not say", "docs/outages.md#the-key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn a_deployment_that_failed_is_bad_and_one_that_runs_unknown() {
        for (status, mark) in [
            ("CREATE_COMPLETE", Mark::Good),
            ("UPDATE_COMPLETE", Mark::Good),
            ("IMPORT_COMPLETE", Mark::Good),
            ("CREATE_FAILED", Mark::Bad),
            ("ROLLBACK_COMPLETE", Mark::Bad),
            ("ROLLBACK_FAILED", Mark::Bad),
            ("UPDATE_ROLLBACK_COMPLETE", Mark::Bad),
            ("UPDATE_ROLLBACK_FAILED", Mark::Bad),
            ("DELETE_FAILED", Mark::Bad),
            ("UPDATE_IN_PROGRESS", Mark::Unknown),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Mark::Unknown),
            ("UPDATE_ROLLBACK_IN_PROGRESS", Mark::Unknown),
        ] {
            assert_eq!(judge_status("lab", status).mark, mark, "{status}");
        }
    }

    #[test]
    fn only_an_enabled_key_is_good() {
        let remedy = |state| judge_key("arn:key", Some(&state)).remedy;
        assert_eq!(remedy(KeyState::Enabled), None);
        let disabled = remedy(KeyState::Disabled).unwrap();
        assert_eq!(disabled, "aws kms enable-key --key-id arn:key");
        let pending = remedy(KeyState::PendingDeletion).unwrap();
        assert!(pending.starts_with("aws kms cancel-key-deletion --key-id arn:key; "));
        assert_eq!(
            judge_key("arn:key", Some(&KeyState::Unavailable)).mark,
            Mark::Bad
        );
    }
}
