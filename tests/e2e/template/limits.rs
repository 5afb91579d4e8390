//! Times, sizes and formats that the functions and their operators count on.

use serde_json::Value;

use super::document::{Template, referred};

const DAY: u64 = 24 * 60 * 60;

/// Webhooks wait seven days; whatever failed, fourteen, the webhooks among it after a hundred attempts.
pub fn webhooks_wait_a_week_and_dead_letters_two(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for (queue, days) in [
        ("WebhookQueue", 7),
        ("WebhookDeadLetterQueue", 14),
        ("TokenRefreshFailureQueue", 14),
    ] {
        if *template.property(queue, "/MessageRetentionPeriod") != days * DAY {
            complaints.push(format!("{queue} does not keep messages for {days} days"));
        }
    }
    let redrive = template.property("WebhookQueue", "/RedrivePolicy");
    if referred(&redrive["deadLetterTargetArn"]) != Some("WebhookDeadLetterQueue")
        || redrive["maxReceiveCount"] != 100
    {
        complaints.push(format!("failing webhooks go elsewhere: {redrive}"));
    }
    complaints
}

/// Both queues take messages as large as SQS ever does, the size up to which the webhook function lets webhooks in.
pub fn every_webhook_that_is_let_in_fits_its_queues(template: &Template) -> Vec<String> {
    ["WebhookQueue", "WebhookDeadLetterQueue"]
        .into_iter()
        .filter(|queue| *template.property(queue, "/MaximumMessageSize") != 1024 * 1024)
        .map(|queue| format!("{queue} does not take messages of 1 MiB"))
        .collect()
}

/// The one schedule invokes the token-refresh function every five minutes.
pub fn the_token_is_looked_after_every_five_minutes(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for schedule in template.of_type("AWS::Scheduler::Schedule") {
        if schedule.property("/ScheduleExpression") != "rate(5 minutes)" {
            complaints.push(format!("{} ticks at another rate", schedule.id));
        }
        if referred(schedule.property("/Target/Arn")) != Some("TokenRefreshFunction") {
            complaints.push(format!("{} invokes something else", schedule.id));
        }
        if !matches!(schedule.property("/State"), Value::Null)
            && schedule.property("/State") != "ENABLED"
        {
            complaints.push(format!("{} does not tick", schedule.id));
        }
    }
    complaints
}

/// Lambda ends no function that still has time by its own reckoning: a cold start and 0.95 s, or 20 s for WHOOP.
pub fn functions_outlast_their_own_deadlines(template: &Template) -> Vec<String> {
    [("WebhookFunction", 5), ("TokenRefreshFunction", 30)]
        .into_iter()
        .filter(|(function, seconds)| *template.property(function, "/Timeout") != *seconds)
        .map(|(function, seconds)| format!("{function} does not end after {seconds} s"))
        .collect()
}

/// Integrations hand the function what it reads: payload format 2.0.
pub fn webhooks_arrive_in_payload_format_2(template: &Template) -> Vec<String> {
    template
        .of_type("AWS::ApiGatewayV2::Integration")
        .filter(|integration| {
            integration.property("/IntegrationType") != "AWS_PROXY"
                || integration.property("/PayloadFormatVersion") != "2.0"
        })
        .map(|integration| format!("{} speaks another format", integration.id))
        .collect()
}
