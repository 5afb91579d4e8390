//! A day on which nothing is wrong.

use std::ops::Range;

use ::alarms::{Assumptions, State};
use libtest_mimic::Trial;

use super::recorded::Recorded;
use super::recording::{Line, Recording};
use super::simulation::{AGE, HIDDEN, HOUR, MINUTE, Simulation};
use super::stage::{self, transitions, written};
use crate::harness::{Outcome, trials};

/// The hour before is for the metrics to have a past.
const SPAN: Range<u64> = 23 * HOUR..49 * HOUR;

/// The trials of this area.
pub fn trials(recorded: &Recorded) -> Vec<Trial> {
    trials![recorded.simulated;
        a_day_with_a_forgery_strangers_and_a_short_outage_of_whoop_is_quiet,
    ]
}

/// Orders by day, heartbeats and refreshes of the token all the time, strangers, one forgery, a key that was rotated an hour
/// ago, and ten minutes in which WHOOP does not answer.
fn a_day_with_a_forgery_strangers_and_a_short_outage_of_whoop_is_quiet(
    recording: &Recording,
) -> Outcome {
    let stack = stage::stack(recording, &[]);
    let mut day = Simulation::healthy(recording, &stack, SPAN, &[]);
    let at = |hour: u64| 24 * HOUR + hour * HOUR;
    day.webhook(at(4), Line::Forged, 401);
    for minutes in [3, 11, 42] {
        day.webhook(at(11) + minutes * MINUTE, Line::AcceptedByPreviousKey, 204);
        day.processor(at(11) + minutes * MINUTE + 2, Line::Published);
    }
    let outage = at(14)..at(14) + 10 * MINUTE;
    for tick in outage.clone().step_by(60) {
        day.processor(tick, Line::Returned);
        day.queue(tick, "WebhookQueue", HIDDEN, 3.0);
        day.queue(tick, "WebhookQueue", AGE, (tick - outage.start) as f64);
    }
    for seconds in 0..3 {
        day.processor(outage.end + seconds, Line::Published);
    }
    day.processor(outage.end + 3, Line::AlreadyPublished);
    // a cold start
    day.gateway(at(15), 204, 950.0);

    for assumptions in Assumptions::all() {
        for (id, alarm) in stack.alarms()? {
            let changes = transitions(&alarm.assuming(assumptions), &day);
            assert!(
                matches!(changes[..], [(_, State::Ok)]),
                "{id} under {assumptions:?}: {}",
                written(&changes)
            );
        }
    }
    Ok(())
}
