//! Rules and queues that an earlier run has left, because it was killed.

use std::collections::HashSet;
use std::fmt;

use aws_sdk_sqs::Client as Sqs;
use jiff::Timestamp;

use super::super::TAIL;
use super::super::bus::Bus;
use super::subscription::{ALIVE_UNTIL, STACK, remove_queue, remove_rule};
use crate::error::ToolError;

/// After this time, in seconds, a rule that a run has made has a queue, or never gets one.
const RULE_GRACE: i64 = 10 * 60;

/// What was removed.
#[derive(Default)]
pub struct Removed {
    rules: usize,
    queues: usize,
    /// Why something may still be there.
    failure: Option<ToolError>,
}

/// Whether a queue is in use.
enum Use {
    /// A run of this stack left it.
    Nobodys,
    /// A run uses it, or it is another stack's, or nobody can tell.
    Somebodys,
}

/// Removes what earlier runs on this bus have left.
pub async fn remove(bus: &Bus, sqs: &Sqs) -> Removed {
    let mut removed = Removed::default();
    removed.failure = removed.remove(bus, sqs).await.err();
    removed
}

impl Removed {
    async fn remove(&mut self, bus: &Bus, sqs: &Sqs) -> Result<(), ToolError> {
        let now = Timestamp::now().as_second();
        let rules = bus.rules(Some(TAIL)).await?;
        let mut in_use = HashSet::new();
        let mut left = HashSet::new();
        for queue_url in queues(sqs).await? {
            let name = queue_url.rsplit('/').next().unwrap_or_default().to_owned();
            match state_of(sqs, &queue_url, &bus.stack, now).await {
                Use::Nobodys => {
                    remove_queue(sqs, &queue_url).await?;
                    self.queues += 1;
                    left.insert(name);
                }
                Use::Somebodys => {
                    in_use.insert(name);
                }
            }
        }
        for rule in rules.iter().filter_map(|rule| rule.name()) {
            let is_old = made_at(rule).is_some_and(|made_at| made_at + RULE_GRACE < now);
            if left.contains(rule) || is_old && !in_use.contains(rule) {
                remove_rule(bus, rule).await?;
                self.rules += 1;
            }
        }
        Ok(())
    }
}

async fn queues(sqs: &Sqs) -> Result<Vec<String>, ToolError> {
    let mut queues = Vec::new();
    let mut next_token = None;
    loop {
        let answer = sqs
            .list_queues()
            .queue_name_prefix(TAIL)
            .max_results(1000)
            .set_next_token(next_token)
            .send()
            .await
            .map_err(ToolError::aws("ListQueues"))?;
        queues.extend(answer.queue_urls.unwrap_or_default());
        next_token = answer.next_token;
        if next_token.is_none() {
            return Ok(queues);
        }
    }
}

async fn state_of(sqs: &Sqs, queue_url: &str, stack: &str, now: i64) -> Use {
    let answer = sqs.list_queue_tags().queue_url(queue_url).send().await;
    // a queue whose tags can't be read may be in use, or is just being removed
    let tags = answer
        .ok()
        .and_then(|answer| answer.tags)
        .unwrap_or_default();
    let is_ours = tags.get(STACK).is_some_and(|name| name == stack);
    let alive_until = tags.get(ALIVE_UNTIL).and_then(|time| time.parse().ok());
    let is_over = alive_until.is_none_or(|alive_until: i64| alive_until < now);
    if is_ours && is_over {
        Use::Nobodys
    } else {
        Use::Somebodys
    }
}

/// When a rule was made, in Unix seconds: its name says it.
fn made_at(rule: &str) -> Option<i64> {
    let (seconds, _) = rule.strip_prefix(TAIL)?.split_once('-')?;
    seconds.parse().ok()
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rules + self.queues > 0 {
            let (rules, queues) = (self.rules, self.queues);
            writeln!(
                f,
                "Removed what an earlier run had left: {rules} rules, {queues} queues."
            )?;
        }
        match &self.failure {
            Some(failure) => writeln!(
                f,
                "Whether an earlier run has left something: unknown. {failure}"
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_rule_says_when_it_was_made() {
        assert_eq!(
            made_at("whoop-partner-tail-1795000000-0a1b"),
            Some(1_795_000_000)
        );
        for other in ["whoop-partner-tail-", "whoop-partner-tail-x-y", "mine"] {
            assert_eq!(made_at(other), None);
        }
    }
}
