//! The event source mapping, which gives the queue's messages to the event processor.

use aws_sdk_lambda::Client;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;

/// Checks that the mapping is on, and that its last result is no problem.
pub(super) async fn state(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    if !stack.has_event_processor() {
        return Ok(Finding::skipped("the stack has no event processor"));
    }
    let queue = stack.output("WebhookQueueArn")?;
    let mut pages = Client::new(session.config())
        .list_event_source_mappings()
        .function_name(stack.output("EventProcessorFunctionName")?)
        .into_paginator()
        .send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(ToolError::aws("ListEventSourceMappings"))?;
        let mut mappings = page.event_source_mappings().iter();
        if let Some(mapping) = mappings.find(|mapping| mapping.event_source_arn() == Some(queue)) {
            return Ok(judge(
                mapping.uuid().unwrap_or_default(),
                mapping.state().unwrap_or_default(),
                mapping.last_processing_result().unwrap_or_default(),
            ));
        }
    }
    let found = "nothing gives the queue's messages to the event processor";
    Ok(Finding::bad(found, "make deploy"))
}

fn judge(uuid: &str, state: &str, result: &str) -> Finding {
    match state {
        "Enabled" if result.starts_with("PROBLEM") || result == "FAILED" => Finding::bad(
            format!("Enabled, but its last result is: {result}"),
            "docs/runbook.md#notconsumed",
        ),
        "Enabled" => Finding::good("Enabled"),
        "Disabled" | "Disabling" => Finding::bad(
            format!("{state}: no webhook is processed"),
            format!("aws lambda update-event-source-mapping --uuid {uuid} --enabled"),
        ),
        state => Finding::unknown(format!("it is {state:?}"), "run the command again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn only_an_enabled_mapping_without_a_problem_is_good() {
        for (state, result, mark) in [
            ("Enabled", "OK", Mark::Good),
            ("Enabled", "No records processed", Mark::Good),
            ("Enabled", "PROBLEM: Lambda internal error", Mark::Bad),
            ("Disabled", "OK", Mark::Bad),
            ("Updating", "OK", Mark::Unknown),
            ("", "", Mark::Unknown),
        ] {
            assert_eq!(judge("u", state, result).mark, mark, "{state} {result}");
        }
        let remedy = judge("u-1", "Disabled", "").remedy.unwrap();
        assert!(remedy.contains("--uuid u-1 --enabled"), "{remedy}");
    }
}
