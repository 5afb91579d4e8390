//! One check of the doctor, and the list of all.

use std::time::Duration;

use serde::Serialize;

use crate::error::ToolError;
use crate::finding::Finding;

/// The ids of all checks, which programs rely on, and what people read.
pub(super) const CHECKS: &[(&str, &str)] = &[
    ("stack", "stack"),
    ("key", "key"),
    ("function_webhook", "function webhook"),
    ("function_event_processor", "function event-processor"),
    ("function_token_refresh", "function token-refresh"),
    ("function_heartbeat", "function heartbeat"),
    ("signing_secret", "signing secret"),
    ("previous_signing_secret", "previous signing secret"),
    ("client_credentials", "client credentials"),
    ("token", "stored token"),
    ("token_refresh", "token-refresh"),
    ("partner_api", "WHOOP's Partner API"),
    ("webhook_url", "WebhookUrl"),
    ("webhook_public_url", "WebhookPublicUrl"),
    ("heartbeat", "heartbeat sent"),
    ("heartbeat_arrival", "heartbeat arrived"),
    ("whoop_signature", "WHOOP's signature"),
    ("event_source_mapping", "event source mapping"),
    ("queue", "queue"),
    ("dead_letters", "dead letters"),
    ("bus_rules", "rules of the bus"),
    ("bus_dead_letters", "dead letters of the bus"),
    ("permissions", "permissions"),
    ("alarms", "alarms"),
    ("alarm_subscriptions", "subscribers of the alarms"),
];

/// How long a check may take. token-refresh may take 30 s.
const LIMIT: Duration = Duration::from_secs(45);

/// What was checked, and what was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    pub id: &'static str,
    pub what: &'static str,
    #[serde(flatten)]
    pub finding: Finding,
}

impl Check {
    /// The result of the check with this id.
    pub fn new(id: &'static str, finding: Finding) -> Self {
        let named = CHECKS.iter().find(|(known, _)| *known == id);
        let (_, what) = named.expect("all ids are in the list");
        Self { id, what, finding }
    }
}

/// Makes a check. If it fails or takes too long, nobody knows.
pub(super) async fn check(
    id: &'static str,
    look: impl Future<Output = Result<Finding, ToolError>>,
) -> Check {
    Check::new(id, judged(look).await)
}

/// The finding of a check that may fail or take too long.
pub(super) async fn judged(look: impl Future<Output = Result<Finding, ToolError>>) -> Finding {
    let found = bounded(look).await;
    found.unwrap_or_else(|error| Finding::not_looked(&error))
}

/// Waits for something as long as a check may take.
///
/// # Errors
///
/// If it fails or takes too long.
pub(crate) async fn bounded<T>(
    look: impl Future<Output = Result<T, ToolError>>,
) -> Result<T, ToolError> {
    let too_long = |_| {
        let seconds = LIMIT.as_secs();
        Err(ToolError::Failed(format!("no answer within {seconds} s")))
    };
    tokio::time::timeout(LIMIT, look)
        .await
        .unwrap_or_else(too_long)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    #[tokio::test(start_paused = true)]
    async fn a_check_that_hangs_is_unknown() {
        let checked = check("key", std::future::pending()).await;
        assert_eq!(checked.finding.mark, Mark::Unknown);
        assert_eq!(checked.finding.found, "no answer within 45 s");
    }

    #[test]
    fn ids_are_unique() {
        let mut ids: Vec<_> = CHECKS.iter().map(|(id, _)| id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CHECKS.len());
    }
}
