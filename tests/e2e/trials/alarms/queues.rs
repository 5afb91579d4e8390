//! Alarms on the queues and on messages that stay in one.

use super::line::Line;
use super::rows::{Row, rows};
use super::simulation::{AGE, HIDDEN, HOUR, MINUTE, Routine, VISIBLE};
use super::stage::{BEGIN, END, SPAN, Stage};

const QUEUE: &str = "WebhookQueue";
const DEAD_LETTERS: &str = "WebhookDeadLetterQueue";
const BUS_DEAD_LETTERS: &str = "EventBusDeadLetterQueue";
const THREE_DAYS: u64 = 72 * HOUR;

pub fn rows() -> Vec<Row> {
    rows! {
        DeadLetterAlarm: a_webhook_that_was_set_aside_until_it_is_taken_out,
        DeadLetterOldAlarm: webhooks_that_were_set_aside_three_days_ago,
        DeadLetterOldAgeAlarm: a_webhook_from_three_days_ago_that_was_set_aside,
        StuckAlarm: half_an_hour_in_which_messages_wait_and_nothing_is_published,
        StuckAlarm: messages_that_wait_while_others_are_published_are_not_stuck,
        StuckAgeAlarm: a_message_that_goes_back_after_six_hours,
        NotConsumedAlarm: messages_that_nobody_takes_for_a_quarter_of_an_hour,
        BusLostAlarm: an_event_that_the_bus_could_not_deliver,
    }
}

/// A message that a person receives, and does not delete, is hidden for a while.
fn a_webhook_that_was_set_aside_until_it_is_taken_out(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    let middle = BEGIN + HOUR;
    day.processor(BEGIN, Line::SetAside);
    day.queue_during(BEGIN..middle, DEAD_LETTERS, VISIBLE, 1.0);
    day.queue_during(BEGIN..middle, DEAD_LETTERS, HIDDEN, 0.0);
    day.queue_during(middle..END, DEAD_LETTERS, VISIBLE, 0.0);
    day.queue_during(middle..END, DEAD_LETTERS, HIDDEN, 1.0);
    for metric in [VISIBLE, HIDDEN] {
        day.queue_during(END..END + 2 * HOUR, DEAD_LETTERS, metric, 0.0);
    }
    stage.goes_off(&day, BEGIN..END, 1..=1, 1..=1);
}

fn webhooks_that_were_set_aside_three_days_ago(stage: &Stage<'_>) {
    for (lasts, is_old) in [
        (THREE_DAYS - 2 * HOUR, false),
        (THREE_DAYS + 3 * HOUR, true),
    ] {
        let end = BEGIN + lasts;
        // an alarm of more than a day needs a past of more than a day
        let mut days = stage.during(SPAN.start..end + 6 * HOUR, &[]);
        for (metric, value) in [(VISIBLE, 1.0), (HIDDEN, 0.0)] {
            days.queue_during(BEGIN..end, DEAD_LETTERS, metric, value);
            days.queue_during(end..end + 6 * HOUR, DEAD_LETTERS, metric, 0.0);
        }
        if is_old {
            let hours = |hours: u64| hours * 60;
            stage.goes_off(&days, BEGIN..end, hours(71)..=hours(73), 1..=hours(2));
        } else {
            stage.stays_ok(&days);
        }
    }
}

/// The age runs from when the webhook arrived, not from when it was set aside.
fn a_webhook_from_three_days_ago_that_was_set_aside(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for at in (BEGIN - HOUR..END).step_by(60) {
        let age = (THREE_DAYS + at - BEGIN) as f64;
        day.queue(at, DEAD_LETTERS, AGE, age);
    }
    day.queue_during(END..END + HOUR, DEAD_LETTERS, AGE, 0.0);
    stage.goes_off(&day, BEGIN..END, 1..=2, 1..=6);
}

fn half_an_hour_in_which_messages_wait_and_nothing_is_published(stage: &Stage<'_>) {
    // by day, and after a night without orders
    for quiet_since in [BEGIN, SPAN.start] {
        let mut day = stage.without(&[(Routine::Orders, quiet_since..END)]);
        for at in (BEGIN..END).step_by(420) {
            day.webhook(at, Line::Accepted, 204);
            day.processor(at + 2, Line::Returned);
        }
        day.queue_during(BEGIN..END, QUEUE, HIDDEN, 12.0);
        day.processor(END, Line::Published);
        stage.goes_off(&day, BEGIN..END, 26..=36, 1..=6);
    }
}

fn messages_that_wait_while_others_are_published_are_not_stuck(stage: &Stage<'_>) {
    for line in [Line::Published, Line::AlreadyPublished] {
        let mut day = stage.without(&[(Routine::Orders, BEGIN..END)]);
        day.queue_during(BEGIN..END, QUEUE, HIDDEN, 12.0);
        for at in (BEGIN..END).step_by(20 * 60) {
            day.processor(at, line);
        }
        stage.stays_ok(&day);
    }
}

fn a_message_that_goes_back_after_six_hours(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for at in (BEGIN - HOUR..BEGIN).step_by(600) {
        day.processor(at, Line::ReturnedYounger);
    }
    for at in (BEGIN..END).step_by(600) {
        day.processor(at, Line::ReturnedOlder);
    }
    // the last line counts for three periods, two of which have no newer data
    stage.goes_off(&day, BEGIN..END, 1..=2, 1..=16);
}

fn messages_that_nobody_takes_for_a_quarter_of_an_hour(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for at in (BEGIN..END).step_by(60) {
        day.queue(at, QUEUE, VISIBLE, 3.0);
        day.queue(at, QUEUE, AGE, (at - BEGIN) as f64);
    }
    stage.goes_off(&day, BEGIN..END, 20..=22, 1..=6);
    let mut day = stage.healthy();
    for at in (BEGIN..END).step_by(60) {
        day.queue(at, QUEUE, AGE, ((at - BEGIN) % (14 * MINUTE)) as f64);
    }
    stage.stays_ok(&day);
}

fn an_event_that_the_bus_could_not_deliver(stage: &Stage<'_>) {
    let mut day = stage.healthy();
    for (metric, value) in [(VISIBLE, 1.0), (HIDDEN, 0.0)] {
        day.queue_during(BEGIN..END, BUS_DEAD_LETTERS, metric, value);
        day.queue_during(END..END + HOUR, BUS_DEAD_LETTERS, metric, 0.0);
    }
    stage.goes_off(&day, BEGIN..END, 1..=2, 1..=6);
}
