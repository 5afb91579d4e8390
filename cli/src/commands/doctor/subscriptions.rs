//! Who learns of an alarm.

use aws_sdk_sns::Client;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;

/// What SNS says instead of the ARN of a subscription that nobody has confirmed.
const PENDING: &str = "PendingConfirmation";

/// Checks that the topic of the alarms has a confirmed subscription.
pub(super) async fn confirmed(session: &Session) -> Result<Finding, ToolError> {
    let topic = session.stack().await?.output("AlarmTopicArn")?;
    let client = Client::new(session.config());
    let mut pages = client
        .list_subscriptions_by_topic()
        .topic_arn(topic)
        .into_paginator()
        .send();
    let (mut confirmed, mut pending) = (0, 0);
    while let Some(page) = pages.next().await {
        let page = page.map_err(ToolError::aws("ListSubscriptionsByTopic"))?;
        for subscription in page.subscriptions() {
            match subscription.subscription_arn() {
                Some(PENDING) | None => pending += 1,
                Some(_) => confirmed += 1,
            }
        }
    }
    Ok(judge(confirmed, pending))
}

fn judge(confirmed: usize, pending: usize) -> Finding {
    match (confirmed, pending) {
        (0, 0) => Finding::bad(
            "there is none, so nobody learns of an alarm",
            "make deploy PARAMETERS=\"AlarmEmail=…\": docs/runbook.md#how-alarms-reach-you",
        ),
        (0, _) => Finding::bad(
            format!("{pending} not confirmed, so nobody learns of an alarm"),
            "the owner of the address has to open the link in AWS's mail: docs/runbook.md#how-alarms-reach-you",
        ),
        (confirmed, 0) => Finding::good(format!("{confirmed} confirmed")),
        _ => Finding::good(format!("{confirmed} confirmed, {pending} not confirmed")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[test]
    fn one_confirmed_subscription_is_enough() {
        assert_eq!(judge(1, 0).mark, Mark::Good);
        assert_eq!(judge(1, 3).mark, Mark::Good);
        assert!(judge(0, 0).remedy.unwrap().contains("AlarmEmail"));
        assert!(judge(0, 2).remedy.unwrap().contains("link"));
    }
}
