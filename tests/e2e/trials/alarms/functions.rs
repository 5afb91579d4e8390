//! Alarms on functions that fail or are not started.

use super::rows::{Row, rows};
use super::simulation::MINUTE;
use super::stage::{BEGIN, Stage};

pub fn rows() -> Vec<Row> {
    rows! {
        WebhookCrashAlarm: the_webhook_function_that_fails_once,
        EventProcessorCrashAlarm: the_event_processor_that_fails_once,
        WebhookThrottleAlarm: the_webhook_function_that_is_not_started_once,
        EventProcessorThrottleAlarm: the_event_processor_that_is_not_started_once,
        TokenRefreshThrottleAlarm: token_refresh_that_is_not_started_once,
        HeartbeatThrottleAlarm: the_heartbeat_function_that_is_not_started_once,
    }
}

fn the_webhook_function_that_fails_once(stage: &Stage<'_>) {
    once(stage, "WebhookFunction", "Errors");
}

fn the_event_processor_that_fails_once(stage: &Stage<'_>) {
    once(stage, "EventProcessorFunction", "Errors");
}

fn the_webhook_function_that_is_not_started_once(stage: &Stage<'_>) {
    once(stage, "WebhookFunction", "Throttles");
}

fn the_event_processor_that_is_not_started_once(stage: &Stage<'_>) {
    once(stage, "EventProcessorFunction", "Throttles");
}

fn token_refresh_that_is_not_started_once(stage: &Stage<'_>) {
    once(stage, "TokenRefreshFunction", "Throttles");
}

fn the_heartbeat_function_that_is_not_started_once(stage: &Stage<'_>) {
    once(stage, "HeartbeatFunction", "Throttles");
}

/// Lambda counts one, and of the other functions and the other metric none.
fn once(stage: &Stage<'_>, function: &str, metric: &str) {
    let mut day = stage.healthy();
    day.lambda(BEGIN, function, metric, 1.0);
    stage.goes_off(&day, BEGIN..BEGIN + MINUTE, 1..=2, 4..=6);
    let mut day = stage.healthy();
    for other in [
        "WebhookFunction",
        "EventProcessorFunction",
        "TokenRefreshFunction",
        "HeartbeatFunction",
    ] {
        for counted in ["Errors", "Throttles"] {
            if (other, counted) != (function, metric) {
                day.lambda(BEGIN, other, counted, 1.0);
            }
        }
    }
    stage.stays_ok(&day);
}
