//! Alarms on the partner token.

use super::line::Line;
use super::rows::{Row, rows};
use super::simulation::Routine;
use super::stage::{BEGIN, END, Stage};

pub fn rows() -> Vec<Row> {
    rows! {
        TokenExpiringAlarm: a_token_with_ten_minutes_left_that_is_not_renewed,
        TokenExpiringAlarm: a_token_that_does_not_exist,
        TokenExpiringAlarm: token_refresh_that_does_not_run,
        TokenExpiringAlarm: failed_refreshes_with_twenty_minutes_left_are_not_enough,
        TokenExpiringAlarm: one_failed_refresh_with_ten_minutes_left_is_not_enough,
        RefreshFailingAlarm: three_failed_refreshes_within_twenty_minutes,
        RefreshFailingAlarm: two_failed_refreshes_are_not_enough,
    }
}

fn a_token_with_ten_minutes_left_that_is_not_renewed(stage: &Stage<'_>) {
    refreshes_lead_to(stage, Line::RefreshFailed);
}

fn a_token_that_does_not_exist(stage: &Stage<'_>) {
    refreshes_lead_to(stage, Line::RefreshFailedWithoutToken);
}

fn refreshes_lead_to(stage: &Stage<'_>, line: Line) {
    let mut day = stage.without(&[(Routine::Refreshes, BEGIN..END)]);
    for at in (BEGIN..END).step_by(300) {
        day.refresh(at, line);
    }
    stage.goes_off(&day, BEGIN..END, 10..=12, 1..=2);
}

fn token_refresh_that_does_not_run(stage: &Stage<'_>) {
    let day = stage.without(&[(Routine::Refreshes, BEGIN..END)]);
    stage.goes_off(&day, BEGIN..END, 10..=12, 1..=2);
}

fn failed_refreshes_with_twenty_minutes_left_are_not_enough(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Refreshes, BEGIN..END)]);
    for at in (BEGIN..END).step_by(300) {
        day.refresh(at, Line::RefreshFailedEarly);
    }
    stage.stays_ok(&day);
}

fn one_failed_refresh_with_ten_minutes_left_is_not_enough(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Refreshes, BEGIN..BEGIN + 300)]);
    day.refresh(BEGIN, Line::RefreshFailed);
    stage.stays_ok(&day);
}

fn three_failed_refreshes_within_twenty_minutes(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Refreshes, BEGIN..END)]);
    for at in (BEGIN..END).step_by(300) {
        day.refresh(at, Line::RefreshFailed);
    }
    stage.goes_off(&day, BEGIN..END, 11..=16, 5..=11);
}

fn two_failed_refreshes_are_not_enough(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Refreshes, BEGIN..BEGIN + 600)]);
    for at in [BEGIN, BEGIN + 300] {
        day.refresh(at, Line::RefreshFailed);
    }
    stage.stays_ok(&day);
}
