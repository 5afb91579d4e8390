//! Alarms on what does not happen any more.

use super::line::Line;
use super::rows::{Row, rows};
use super::simulation::{HOUR, MINUTE, Routine};
use super::stage::{BEGIN, END, SPAN, Stage};

pub fn rows() -> Vec<Row> {
    rows! {
        NoHeartbeatAlarm: three_intervals_without_a_heartbeat,
        NoHeartbeatAlarm: heartbeats_that_are_dropped_do_not_count,
        NoHeartbeatAlarm: one_lost_heartbeat_is_not_enough,
        SilenceAlarm: twelve_hours_without_a_webhook_of_whoop,
        SilenceAlarm: a_night_without_a_webhook_is_no_silence,
    }
}

fn three_intervals_without_a_heartbeat(stage: &Stage<'_>) {
    for (minutes, parameter) in [(5, "5"), (15, "15"), (60, "60")] {
        let stage = stage.with_parameters(&[("HeartbeatMinutes", parameter)]);
        let span = SPAN.start..BEGIN + 16 * HOUR;
        let mut day = stage.during(span.clone(), &[(Routine::Heartbeats, span.clone())]);
        let end = BEGIN + 8 * HOUR;
        for at in (span.start..BEGIN).chain(end..span.end) {
            if at % (minutes * MINUTE) == 0 {
                day.heartbeat(at);
            }
        }
        // the last heartbeat was an interval before the first that is lacking
        let after = 2 * minutes + 1;
        stage.goes_off(&day, BEGIN..end, after..=after, 1..=1);
    }
}

fn heartbeats_that_are_dropped_do_not_count(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Heartbeats, BEGIN..END)]);
    for at in (BEGIN..END).step_by(300) {
        day.webhook(at, Line::HeartbeatAccepted, 204);
        day.processor(at + 1, Line::HeartbeatDropped);
    }
    stage.goes_off(&day, BEGIN..END, 10..=17, 1..=2);
}

fn one_lost_heartbeat_is_not_enough(stage: &Stage<'_>) {
    for lost in [300, 600] {
        let day = stage.without(&[(Routine::Heartbeats, BEGIN..BEGIN + lost)]);
        stage.stays_ok(&day);
    }
}

fn twelve_hours_without_a_webhook_of_whoop(stage: &Stage<'_>) {
    let end = BEGIN + 15 * HOUR;
    let span = SPAN.start..end + 6 * HOUR;
    let mut day = stage.during(span, &[(Routine::Orders, BEGIN..end + 6 * HOUR)]);
    // forgeries, scanners and heartbeats are not WHOOP's
    for at in (BEGIN..end).step_by(3600) {
        day.webhook(at, Line::Forged, 401);
    }
    for at in (end..end + 6 * HOUR).step_by(1800) {
        day.order(at);
    }
    let hours = |hours: u64| hours * 60;
    stage.goes_off(&day, BEGIN..end, hours(11)..=hours(12) + 1, 1..=2);
}

fn a_night_without_a_webhook_is_no_silence(stage: &Stage<'_>) {
    let end = BEGIN + 11 * HOUR;
    let span = SPAN.start..end + 3 * HOUR;
    let mut day = stage.during(span.clone(), &[(Routine::Orders, BEGIN..span.end)]);
    for at in (end..span.end).step_by(1800) {
        day.order(at);
    }
    stage.stays_ok(&day);
}
