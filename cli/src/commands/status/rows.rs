//! Judges what the status is made of.

use std::time::{Duration, SystemTime};

use super::super::doctor::{BACKLOG_SECONDS, Stored, judge_status, judge_stored};
use super::dead_letters::DeadLetters;
use crate::alarms::Alarms;
use crate::error::ToolError;
use crate::finding::Finding;
use crate::moment::{elapsed, rough};
use crate::queues::Depth;
use crate::signals::{Signals, WINDOW};
use crate::stack::Stack;

/// After so many intervals without a heartbeat, the alarm goes off.
const HEARTBEAT_INTERVALS: u32 = 3;

/// What is known of the stack, or why not.
pub(super) struct Known {
    pub now: SystemTime,
    pub signals: Signals,
    pub queue: Result<Depth, ToolError>,
    pub dead_letters: Result<DeadLetters, ToolError>,
    /// `None` if there is no bus.
    pub bus_dead_letters: Result<Option<Depth>, ToolError>,
    pub token: Result<Stored, ToolError>,
    pub alarms: Result<Alarms, ToolError>,
}

/// A row of the screen.
pub(super) struct Row {
    /// Its name in JSON.
    pub id: &'static str,
    /// What people read.
    pub what: &'static str,
    pub finding: Finding,
}

/// The names of all rows.
pub(super) const ROWS: [(&str, &str); 10] = [
    ("stack", "stack"),
    ("last_delivery", "last delivery"),
    ("last_heartbeat", "last heartbeat"),
    ("queue", "queue"),
    ("oldest_message", "oldest message"),
    ("dead_letters", "dead letters"),
    ("bus_dead_letters", "dead letters of the bus"),
    ("token", "token"),
    ("rate_limit", "rate limit of WHOOP"),
    ("alarms", "alarms"),
];

impl Known {
    /// All rows, in the order of [`ROWS`].
    pub fn rows(&self, stack: &Stack) -> Vec<Row> {
        let findings = [
            judge_status(&stack.name, &stack.status),
            self.last_delivery(),
            self.last_heartbeat(stack),
            self.queue_depth(),
            self.oldest_message(),
            self.dead_letters(&stack.command("dlq list")),
            self.bus_dead_letters(),
            self.stored_token(),
            self.rate_limit(stack),
            judged(&self.alarms, Alarms::judge),
        ];
        let rows = ROWS.into_iter().zip(findings);
        rows.map(|((id, what), finding)| Row { id, what, finding })
            .collect()
    }

    fn ago(&self, then: SystemTime) -> String {
        format!("{} ago", rough(elapsed(then, self.now)))
    }

    /// A pause is a fact and nothing bad: WHOOP's webhooks are rare.
    fn last_delivery(&self) -> Finding {
        match self.signals.last_accepted() {
            Ok(Some(at)) => Finding::good(self.ago(at)),
            Ok(None) => Finding::skipped(format!("none in the last {}", rough(WINDOW))),
            Err(why) => not_known(why),
        }
    }

    fn last_heartbeat(&self, stack: &Stack) -> Finding {
        if !stack.outputs.contains_key("HeartbeatFunctionName") {
            return Finding::skipped("the stack sends none");
        }
        let minutes = stack.parameters.get("HeartbeatMinutes");
        let minutes = minutes
            .and_then(|minutes| minutes.parse().ok())
            .unwrap_or(5);
        let limit = Duration::from_secs(60 * minutes) * HEARTBEAT_INTERVALS;
        let remedy = stack.command("doctor");
        let age = stack
            .created_at
            .map(|created_at| elapsed(created_at, self.now));
        match self.signals.last_heartbeat() {
            // CloudWatch gives the beginning of a period of five minutes
            Ok(Some(at)) if elapsed(at, self.now) <= limit + Duration::from_secs(300) => {
                Finding::good(self.ago(at))
            }
            Ok(Some(at)) => Finding::bad(
                self.ago(at),
                format!("{remedy}: docs/runbook.md#noheartbeat"),
            ),
            Ok(None) if age.is_some_and(|age| age <= limit) => {
                Finding::skipped("none yet; the stack is new")
            }
            Ok(None) => Finding::bad(
                format!("none in the last {}", rough(WINDOW)),
                format!("{remedy}: docs/runbook.md#noheartbeat"),
            ),
            Err(why) => not_known(why),
        }
    }

    fn queue_depth(&self) -> Finding {
        judged(&self.queue, |depth| {
            let Depth {
                visible,
                in_flight,
                delayed,
            } = depth;
            Finding::good(format!(
                "{visible} waiting, {in_flight} in work or waiting for another try, {delayed} delayed"
            ))
        })
    }

    fn oldest_message(&self) -> Finding {
        judged(&self.queue, |depth| {
            if depth.total() == 0 {
                return Finding::skipped("the queue is empty");
            }
            match self.signals.oldest_message(self.now) {
                Ok(seconds) => {
                    let age = rough(Duration::from_secs_f64(seconds.max(0.0)));
                    if seconds >= BACKLOG_SECONDS {
                        return Finding::bad(age, "docs/runbook.md#notconsumed");
                    }
                    Finding::good(age)
                }
                Err(why) => not_known(why),
            }
        })
    }

    fn dead_letters(&self, list: &str) -> Finding {
        judged(&self.dead_letters, |letters| {
            let total = letters.depth.total();
            if total == 0 {
                return Finding::good("none");
            }
            let reasons = letters.reasons.iter();
            let mut found: Vec<_> = reasons
                .map(|(reason, count)| format!("{count} {reason}"))
                .collect();
            match letters.not_looked_at() {
                0 => {}
                rest => found.push(format!("{rest} not looked at")),
            }
            Finding::bad(format!("{total}: {}", found.join(", ")), list)
        })
    }

    fn bus_dead_letters(&self) -> Finding {
        judged(&self.bus_dead_letters, |depth| match depth {
            None => Finding::skipped("the stack has no bus"),
            Some(depth) if depth.total() == 0 => Finding::good("none"),
            Some(depth) => Finding::bad(depth.total().to_string(), "docs/runbook.md#buslost"),
        })
    }

    fn stored_token(&self) -> Finding {
        judged(&self.token, |stored| judge_stored(stored, false, self.now))
    }

    /// A limit that is used up is nothing bad: it resets by itself.
    fn rate_limit(&self, stack: &Stack) -> Finding {
        if !stack.has_event_processor() {
            return Finding::skipped("the stack has no event processor");
        }
        match &self.signals.rate_limit_remaining {
            Ok(points) => match points.last() {
                Some(point) => Finding::good(format!(
                    "{} calls left, {}",
                    point.value,
                    self.ago(point.at)
                )),
                None => Finding::skipped(format!("no call in the last {}", rough(WINDOW))),
            },
            Err(why) => not_known(why),
        }
    }
}

fn judged<T>(known: &Result<T, ToolError>, judge: impl FnOnce(&T) -> Finding) -> Finding {
    match known {
        Ok(known) => judge(known),
        Err(error) => Finding::not_looked(error),
    }
}

fn not_known(why: &str) -> Finding {
    Finding::not_looked(&ToolError::Failed(why.to_owned()))
}
