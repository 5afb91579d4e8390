//! All alarms on a day on which nothing is wrong, and on one on which nothing happens.

use std::ops::Range;

use ::alarms::{Assumptions, Stack, State};
use libtest_mimic::Trial;

use super::line::Line;
use super::recorded::Recorded;
use super::recording::Recording;
use super::simulation::{AGE, HIDDEN, HOUR, MINUTE, Simulation};
use super::stage::{self, transitions, written};
use crate::harness::{Outcome, trials};

/// The alarms are watched from midnight to midnight. The hours before have orders, too.
const WATCHED: Range<u64> = 24 * HOUR..48 * HOUR;

/// The alarms that go off if something does not happen.
const SILENCE: [&str; 3] = ["NoHeartbeatAlarm", "SilenceAlarm", "TokenExpiringAlarm"];

/// The trials of this area.
pub fn trials(recorded: &Recorded) -> Vec<Trial> {
    trials![recorded.simulated;
        a_day_with_a_forgery_strangers_and_a_short_outage_of_whoop_is_quiet,
        without_any_data_the_alarms_on_silence_go_off_and_no_other,
    ]
}

/// Orders by day, heartbeats and refreshes of the token all the time, strangers, one forgery, a key that was rotated an hour
/// ago, and ten minutes in which WHOOP does not answer.
fn a_day_with_a_forgery_strangers_and_a_short_outage_of_whoop_is_quiet(
    recording: &Recording,
) -> Outcome {
    let stack = stage::stack(recording, &[]);
    let mut day = Simulation::healthy(recording, &stack, 13 * HOUR..WATCHED.end, &[]);
    day.watched = WATCHED;
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

    assert_quiet(&stack, &day, &[])
}

/// Nobody uses the queues, and no function runs.
fn without_any_data_the_alarms_on_silence_go_off_and_no_other(recording: &Recording) -> Outcome {
    let stack = stage::stack(recording, &[]);
    let day = Simulation::without_anything(recording, &stack, 10 * HOUR..15 * HOUR);
    assert_quiet(&stack, &day, &SILENCE)
}

/// Checks that all alarms are OK all the time, except some that are on all the time.
fn assert_quiet(stack: &Stack, day: &Simulation<'_>, on: &[&str]) -> Outcome {
    for assumptions in Assumptions::all() {
        for (id, alarm) in stack.alarms()? {
            let expected = if on.contains(&id.as_str()) {
                State::Alarm
            } else {
                State::Ok
            };
            let changes = transitions(&alarm.assuming(assumptions), day);
            assert!(
                matches!(changes[..], [(_, state)] if state == expected),
                "{id} under {assumptions:?}: {}",
                written(&changes)
            );
        }
    }
    Ok(())
}
