//! Alarms on how requests are answered.

use ::alarms::{Assumptions, FillOfNothing, OneSided};

use super::line::Line;
use super::rows::{Row, rows};
use super::simulation::{HOUR, MINUTE, Routine};
use super::stage::{BEGIN, END, Stage};

pub fn rows() -> Vec<Row> {
    rows! {
        UnavailableAlarm: a_webhook_that_is_answered_503_without_keys_or_queue,
        ServerErrorAlarm: an_answer_5xx_that_no_line_explains,
        ServerErrorAlarm: an_answer_503_without_keys_or_queue_is_no_unknown_error,
        LateAlarm: three_answers_within_an_hour_that_take_almost_a_second,
        LateAlarm: two_late_answers_within_an_hour_are_not_enough,
        WrongKeyAlarm: three_wrong_signatures_without_an_accepted_webhook,
        WrongKeyAlarm: three_wrong_signatures_around_an_accepted_webhook_are_forgeries,
        WrongKeyAlarm: two_wrong_signatures_are_not_enough,
        ShutOutAlarm: a_request_that_is_answered_429,
        ShutOutAlarm: requests_of_strangers_are_not_shut_out,
    }
}

fn a_webhook_that_is_answered_503_without_keys_or_queue(stage: &Stage<'_>) {
    for line in [Line::KeysUnavailable, Line::QueueUnavailable] {
        let mut day = stage.healthy();
        for at in (BEGIN..END).step_by(420) {
            day.webhook(at, line, 503);
        }
        // the metrics have no other values, so the last line counts for three periods
        stage.goes_off(&day, BEGIN..END, 1..=2, 1..=16);
    }
}

/// As if the function had not answered the gateway in time.
///
/// One case is left out. If `FILL` does not fill a series without any value, and an operator has no result where one side is
/// missing, then there is nothing to subtract, and so no difference. AWS's documentation says that the missing side counts as 0.
/// Zeros in the lines of accepted webhooks and heartbeats would help, but each metric that always has values costs money.
fn an_answer_5xx_that_no_line_explains(stage: &Stage<'_>) {
    let no_result = |assumptions: &Assumptions| {
        assumptions.one_sided == OneSided::Missing
            && assumptions.fill_of_nothing == FillOfNothing::Empty
    };
    let condition = BEGIN..BEGIN + MINUTE;
    for status in [500, 503] {
        let mut day = stage.healthy();
        day.gateway(BEGIN, status, 40.0);
        for assumptions in Assumptions::all().filter(|one| !no_result(one)) {
            stage.goes_off_under(assumptions, &day, &condition, &(1..=2), &(1..=6));
        }
        // beside others that are explained
        for at in (BEGIN - HOUR..END).step_by(60) {
            day.webhook(at, Line::KeysUnavailable, 503);
            day.webhook(at, Line::QueueUnavailable, 503);
        }
        stage.goes_off(&day, condition.clone(), 1..=2, 1..=6);
    }
}

fn an_answer_503_without_keys_or_queue_is_no_unknown_error(stage: &Stage<'_>) {
    for line in [Line::KeysUnavailable, Line::QueueUnavailable] {
        for others in [
            &[][..],
            &[(Routine::Orders, 0..END), (Routine::Heartbeats, 0..END)],
        ] {
            let mut day = stage.without(others);
            for at in (BEGIN..END).step_by(420) {
                day.webhook(at, line, 503);
            }
            stage.stays_ok(&day);
        }
    }
}

fn three_answers_within_an_hour_that_take_almost_a_second(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for minutes in [0, 25, 50] {
        day.line(BEGIN + minutes * MINUTE, Line::Accepted);
        day.gateway(BEGIN + minutes * MINUTE, 204, 900.0);
    }
    let third = BEGIN + 50 * MINUTE;
    // until the first is an hour old
    let ends = BEGIN + 60 * MINUTE;
    stage.goes_off(&day, third..ends, 1..=2, 1..=2);
}

fn two_late_answers_within_an_hour_are_not_enough(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for minutes in [0, 25, 65, 90] {
        day.gateway(BEGIN + minutes * MINUTE, 204, 1200.0);
    }
    // many, but all in one period
    for seconds in 0..9 {
        day.gateway(END + 30 * seconds, 204, 899.0);
    }
    stage.stays_ok(&day);
}

fn three_wrong_signatures_without_an_accepted_webhook(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Orders, BEGIN - 30 * MINUTE..END + MINUTE)]);
    // WHOOP tries each webhook again
    let first = BEGIN - 2 * MINUTE;
    for at in (first..END).step_by(60) {
        day.webhook(at, Line::Forged, 401);
    }
    day.webhook(END, Line::Accepted, 204);
    stage.goes_off(&day, BEGIN..END, 1..=2, 1..=2);
    let mut day = stage.without(&[(Routine::Orders, BEGIN - 30 * MINUTE..END)]);
    for at in [first, BEGIN - MINUTE, BEGIN] {
        day.webhook(at, Line::Forged, 401);
    }
    // until the first is a quarter of an hour old
    stage.goes_off(&day, BEGIN..first + 15 * MINUTE, 1..=2, 1..=2);
}

fn three_wrong_signatures_around_an_accepted_webhook_are_forgeries(stage: &Stage<'_>) {
    for line in [Line::Accepted, Line::AcceptedByPreviousKey] {
        let mut day = stage.without(&[(Routine::Orders, BEGIN - 30 * MINUTE..END)]);
        day.webhook(BEGIN, Line::Forged, 401);
        day.webhook(BEGIN + MINUTE, line, 204);
        for minutes in [2, 3] {
            day.webhook(BEGIN + minutes * MINUTE, Line::Forged, 401);
        }
        stage.stays_ok(&day);
    }
}

fn two_wrong_signatures_are_not_enough(stage: &Stage<'_>) {
    let mut day = stage.without(&[(Routine::Orders, BEGIN - 30 * MINUTE..END)]);
    for minutes in [0, 1, 17, 18] {
        day.webhook(BEGIN + minutes * MINUTE, Line::Forged, 401);
    }
    stage.stays_ok(&day);
}

fn a_request_that_is_answered_429(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for at in (BEGIN..END).step_by(60) {
        day.gateway(at, 429, 1.0);
    }
    // the metric has no other values, so the last line counts for three periods
    stage.goes_off(&day, BEGIN..END, 1..=2, 1..=16);
}

fn requests_of_strangers_are_not_shut_out(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for at in (BEGIN..END).step_by(60) {
        day.webhook(at, Line::Scanned, 401);
        for status in [403, 404] {
            day.gateway(at, status, 3.0);
        }
    }
    stage.stays_ok(&day);
}
