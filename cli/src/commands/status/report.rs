//! The status as people and programs read it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::super::doctor::Stored;
use super::rows::{Known, ROWS, Row};
use crate::error::ToolError;
use crate::finding::{Finding, Mark, summary};
use crate::moment::elapsed;
use crate::stack::Stack;

/// The status. Its field names are stable, and name their units. What is not known, or does not exist, is null.
#[derive(Serialize)]
pub(super) struct Status {
    stack: String,
    #[serde(flatten)]
    values: Values,
    /// How each row was found, what it says, and what to do.
    rows: BTreeMap<&'static str, Finding>,
    summary: String,
    pub bad_count: usize,
    unknown_count: usize,
    #[serde(skip)]
    lines: Vec<Row>,
}

/// The values by themselves.
#[derive(Default, Serialize)]
struct Values {
    stack_status: Option<String>,
    last_delivery_age_seconds: Option<u64>,
    last_heartbeat_age_seconds: Option<u64>,
    queue_visible_count: Option<u64>,
    queue_in_flight_count: Option<u64>,
    queue_delayed_count: Option<u64>,
    oldest_message_age_seconds: Option<u64>,
    dead_letter_count: Option<u64>,
    dead_letter_count_by_reason: Option<BTreeMap<String, u64>>,
    dead_letter_not_looked_at_count: Option<u64>,
    bus_dead_letter_count: Option<u64>,
    token_age_seconds: Option<u64>,
    token_left_seconds: Option<u64>,
    rate_limit_remaining_count: Option<u64>,
    alarms_on: Option<Vec<String>>,
    alarm_ok_count: Option<usize>,
    alarm_no_data_count: Option<usize>,
}

impl Status {
    /// The status of a stack of which so much is known.
    pub fn of(stack: &Stack, known: &Known) -> Self {
        Self::new(&stack.name, values(stack, known), known.rows(stack))
    }

    /// The status of a stack that can't even be described.
    pub fn unknown(stack: &str, error: &ToolError) -> Self {
        let rows = ROWS.into_iter().map(|(id, what)| Row {
            id,
            what,
            finding: Finding::not_looked(error),
        });
        Self::new(stack, Values::default(), rows.collect())
    }

    fn new(stack: &str, values: Values, lines: Vec<Row>) -> Self {
        let marks = || lines.iter().map(|row| row.finding.mark);
        let count = |wanted| marks().filter(|mark| *mark == wanted).count();
        Self {
            stack: stack.to_owned(),
            values,
            rows: lines
                .iter()
                .map(|row| (row.id, row.finding.clone()))
                .collect(),
            summary: summary(marks()),
            bad_count: count(Mark::Bad),
            unknown_count: count(Mark::Unknown),
            lines,
        }
    }
}

fn values(stack: &Stack, known: &Known) -> Values {
    let age = |at: SystemTime| elapsed(at, known.now).as_secs();
    let queue = known.queue.as_ref().ok();
    let letters = known.dead_letters.as_ref().ok();
    let token = known.token.as_ref().ok().and_then(|stored| match stored {
        Stored::Token(token) => Some(token),
        _ => None,
    });
    let unix = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let alarms = known.alarms.as_ref().ok();
    let is_empty = queue.is_some_and(|depth| depth.total() == 0);
    let oldest = known.signals.oldest_message(known.now).ok();
    let rate_limit = known.signals.rate_limit_remaining.as_ref().ok();
    Values {
        stack_status: Some(stack.status.clone()),
        last_delivery_age_seconds: known.signals.last_accepted().ok().flatten().map(age),
        last_heartbeat_age_seconds: known.signals.last_heartbeat().ok().flatten().map(age),
        queue_visible_count: queue.map(|depth| depth.visible),
        queue_in_flight_count: queue.map(|depth| depth.in_flight),
        queue_delayed_count: queue.map(|depth| depth.delayed),
        // ages and counts are small
        oldest_message_age_seconds: oldest.filter(|_| !is_empty).map(|age| age as u64),
        dead_letter_count: letters.map(|letters| letters.depth.total()),
        dead_letter_count_by_reason: letters.map(|letters| letters.reasons.clone()),
        dead_letter_not_looked_at_count: letters.map(|letters| letters.not_looked_at()),
        bus_dead_letter_count: known
            .bus_dead_letters
            .as_ref()
            .ok()
            .and_then(|depth| depth.map(|depth| depth.total())),
        token_age_seconds: token.map(|token| age(unix(token.obtained_at()))),
        token_left_seconds: token
            .map(|token| elapsed(known.now, unix(token.expires_at())).as_secs()),
        rate_limit_remaining_count: rate_limit
            .and_then(|points| points.last())
            .map(|point| point.value as u64),
        alarms_on: alarms.map(|alarms| alarms.on.iter().map(|alarm| alarm.name.clone()).collect()),
        alarm_ok_count: alarms.map(|alarms| alarms.ok),
        alarm_no_data_count: alarms.map(|alarms| alarms.no_data),
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.lines.iter().map(|row| row.what.len()).max();
        let width = width.unwrap_or_default();
        for row in &self.lines {
            let Finding {
                mark,
                found,
                remedy,
            } = &row.finding;
            let unknown = if *mark == Mark::Unknown {
                "unknown: "
            } else {
                ""
            };
            writeln!(f, "{mark} {:width$}  {unknown}{found}", row.what)?;
            if let Some(remedy) = remedy.as_ref().filter(|_| *mark == Mark::Bad) {
                writeln!(f, "  {:width$}  do: {remedy}", "")?;
            }
        }
        write!(f, "\n{}", self.summary)
    }
}
