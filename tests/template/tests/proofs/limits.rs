//! Times, sizes and formats that the functions and their operators count on.

use serde_json::{Value, json};

use super::{Flawed, Proof};
use template::{Template, referred};

/// About retention, sizes, rates, time limits and formats.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "queues_keep_messages_for_two_weeks",
        concerns: &["AWS::SQS::Queue"],
        complaints: queues_keep_messages_for_two_weeks,
        flaws: &[
            ("webhooks_that_are_gone_sooner", |template| {
                template.properties("WebhookQueue")["MessageRetentionPeriod"] = json!(604_800);
            }),
            ("webhooks_kept_as_by_default", |template| {
                template.remove("WebhookQueue", "MessageRetentionPeriod")
            }),
            ("dead_letters_that_are_gone_sooner", |template| {
                template.properties("WebhookDeadLetterQueue")["MessageRetentionPeriod"] =
                    json!(604_800);
            }),
            ("failures_that_are_gone_sooner", |template| {
                template.remove("TokenRefreshFailureQueue", "MessageRetentionPeriod")
            }),
            ("a_poison_webhook", |template| {
                template.remove("WebhookQueue", "RedrivePolicy")
            }),
            ("dead_letters_elsewhere", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["deadLetterTargetArn"] =
                    json!({"Fn::GetAtt": ["TokenRefreshFailureQueue", "Arn"]});
            }),
            ("a_webhook_given_up_at_once", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["maxReceiveCount"] = json!(1);
            }),
        ],
    },
    Proof {
        name: "the_event_processor_knows_the_limits_of_its_queue",
        concerns: &["AWS::Lambda::EventSourceMapping"],
        complaints: the_event_processor_knows_the_limits_of_its_queue,
        flaws: &[
            ("another_retention", |template| {
                template.properties("WebhookQueue")["MessageRetentionPeriod"] = json!(604_800);
            }),
            ("another_number_of_receives", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["maxReceiveCount"] =
                    json!(101);
            }),
            ("a_retention_it_is_not_told", |template| {
                environment(template)["WEBHOOK_QUEUE_RETENTION_SECONDS"] = Value::Null;
            }),
            ("a_number_of_receives_it_is_not_told", |template| {
                environment(template)["WEBHOOK_QUEUE_MAX_RECEIVE_COUNT"] = Value::Null;
            }),
            ("a_wrong_retention", |template| {
                environment(template)["WEBHOOK_QUEUE_RETENTION_SECONDS"] = json!("14 days");
            }),
        ],
    },
    Proof {
        name: "every_webhook_that_is_let_in_fits_its_queues",
        concerns: &["AWS::SQS::Queue"],
        complaints: every_webhook_that_is_let_in_fits_its_queues,
        flaws: &[
            ("a_narrow_queue", |template| {
                template.properties("WebhookQueue")["MaximumMessageSize"] = json!(262_144);
            }),
            ("a_narrow_dead_letter_queue", |template| {
                template.remove("WebhookDeadLetterQueue", "MaximumMessageSize")
            }),
        ],
    },
    Proof {
        name: "the_token_is_looked_after_every_five_minutes",
        concerns: &["AWS::Scheduler::Schedule"],
        complaints: the_token_is_looked_after_every_five_minutes,
        flaws: &[
            ("another_rate", |template| {
                template.properties("TokenRefreshFunctionTick")["ScheduleExpression"] =
                    json!("rate(5 hours)");
            }),
            ("another_function", |template| {
                template.properties("TokenRefreshFunctionTick")["Target"]["Arn"] =
                    json!({"Fn::GetAtt": ["WebhookFunction", "Arn"]});
            }),
            ("a_schedule_at_rest", |template| {
                template.properties("TokenRefreshFunctionTick")["State"] = json!("DISABLED");
            }),
        ],
    },
    Proof {
        name: "functions_outlast_their_own_deadlines",
        concerns: &["AWS::Lambda::Function"],
        complaints: functions_outlast_their_own_deadlines,
        flaws: &[
            ("a_webhook_cut_off_in_its_cold_start", |template| {
                template.properties("WebhookFunction")["Timeout"] = json!(1);
            }),
            ("orders_cut_off_while_they_wait", |template| {
                template.properties("EventProcessorFunction")["Timeout"] = json!(60);
            }),
            ("a_renewal_with_the_default", |template| {
                template.remove("TokenRefreshFunction", "Timeout")
            }),
        ],
    },
    Proof {
        name: "webhooks_arrive_in_payload_format_2",
        concerns: &["AWS::ApiGatewayV2::Integration"],
        complaints: webhooks_arrive_in_payload_format_2,
        flaws: &[
            ("the_older_format", |template| {
                template.properties("WebhookIntegration")["PayloadFormatVersion"] = json!("1.0");
            }),
            ("no_format", |template| {
                template.remove("WebhookIntegration", "PayloadFormatVersion")
            }),
            ("another_integration", |template| {
                template.properties("WebhookIntegration")["IntegrationType"] = json!("HTTP_PROXY");
            }),
        ],
    },
];

const DAY: u64 = 24 * 60 * 60;

/// Every queue keeps messages as long as SQS can, and webhooks are set aside after a hundred attempts.
pub fn queues_keep_messages_for_two_weeks(template: &Template) -> Vec<String> {
    let mut complaints: Vec<String> = template
        .of_type("AWS::SQS::Queue")
        .filter(|queue| *queue.property("/MessageRetentionPeriod") != 14 * DAY)
        .map(|queue| format!("{} does not keep messages for 14 days", queue.id))
        .collect();
    let redrive = template.property("WebhookQueue", "/RedrivePolicy");
    if referred(&redrive["deadLetterTargetArn"]) != Some("WebhookDeadLetterQueue")
        || redrive["maxReceiveCount"] != 100
    {
        complaints.push(format!("failing webhooks go elsewhere: {redrive}"));
    }
    complaints
}

/// The environment of the event processor in a template that is being broken.
fn environment(template: &mut Flawed) -> &mut Value {
    &mut template.properties("EventProcessorFunction")["Environment"]["Variables"]
}

/// A function that is invoked from a queue is told the queue's own limits.
pub fn the_event_processor_knows_the_limits_of_its_queue(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping") {
        let queue = template.target(mapping.property("/EventSourceArn"));
        let function = template.target(mapping.property("/FunctionName"));
        for (variable, limit) in [
            ("WEBHOOK_QUEUE_RETENTION_SECONDS", "/MessageRetentionPeriod"),
            (
                "WEBHOOK_QUEUE_MAX_RECEIVE_COUNT",
                "/RedrivePolicy/maxReceiveCount",
            ),
        ] {
            let told = function.and_then(|function| {
                let told = function.property(&format!("/Environment/Variables/{variable}"));
                told.as_str()?.parse::<u64>().ok()
            });
            let limit = queue.and_then(|queue| queue.property(limit).as_u64());
            if told.is_none() || told != limit {
                complaints.push(format!("{variable} is {told:?}, the limit is {limit:?}"));
            }
        }
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

/// Lambda ends no function that still has time by its own reckoning: a cold start and 0.95 s, 20 s for WHOOP, or
/// WHOOP's rate limit window of 60 s and the calls after it.
pub fn functions_outlast_their_own_deadlines(template: &Template) -> Vec<String> {
    [
        ("WebhookFunction", 5),
        ("TokenRefreshFunction", 30),
        ("EventProcessorFunction", 90),
    ]
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
