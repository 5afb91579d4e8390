//! Times and sizes that must fit those of another resource, or the functions' own limits.

use serde_json::{Value, json};
use template::{Template, referred};

use super::{Flawed, Proof};

/// About retention, sizes, rates and time limits.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "what_a_queue_sets_aside_is_kept_whole_and_as_long",
        concerns: &["AWS::Lambda::EventSourceMapping", "AWS::SQS::Queue"],
        complaints: what_a_queue_sets_aside_is_kept_whole_and_as_long,
        flaws: &[
            ("a_poison_webhook", |template| {
                template.remove("WebhookQueue", "RedrivePolicy")
            }),
            ("dead_letters_elsewhere", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["deadLetterTargetArn"] =
                    json!({"Fn::GetAtt": ["EventBusDeadLetterQueue", "Arn"]});
            }),
            ("dead_letters_that_are_gone_sooner", |template| {
                template.properties("WebhookDeadLetterQueue")["MessageRetentionPeriod"] =
                    json!(604_800);
            }),
            ("dead_letters_kept_as_by_default", |template| {
                template.remove("WebhookDeadLetterQueue", "MessageRetentionPeriod")
            }),
            ("a_narrow_dead_letter_queue", |template| {
                template.remove("WebhookDeadLetterQueue", "MaximumMessageSize")
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
        name: "every_webhook_that_is_let_in_fits_its_queue",
        concerns: &["AWS::Lambda::Function", "AWS::SQS::Queue"],
        complaints: every_webhook_that_is_let_in_fits_its_queue,
        flaws: &[
            ("a_narrow_queue", |template| {
                template.properties("WebhookQueue")["MaximumMessageSize"] = json!(262_144);
            }),
            ("a_queue_as_wide_as_by_default", |template| {
                template.remove("WebhookQueue", "MaximumMessageSize")
            }),
        ],
    },
    Proof {
        name: "the_token_is_looked_after_twice_before_it_expires",
        concerns: &["AWS::Scheduler::Schedule"],
        complaints: the_token_is_looked_after_twice_before_it_expires,
        flaws: &[
            ("a_rate_that_leaves_no_second_chance", |template| {
                template.properties("TokenRefreshFunctionTick")["ScheduleExpression"] =
                    json!("rate(6 minutes)");
            }),
            ("a_rate_in_hours", |template| {
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
];

/// The largest message that the webhook function accepts, attributes included. SQS takes no larger one.
const LARGEST_WEBHOOK: u64 = 1024 * 1024;

/// A token with less time left than this is renewed, in seconds.
const RENEWED_BEFORE: u64 = 600;

/// Every queue that feeds a function has a dead-letter queue, and the function sends to the same one. A message that
/// SQS moves there keeps its age and size. So the dead-letter queue keeps messages at least as long as the queue, and
/// takes messages at least as large.
fn what_a_queue_sets_aside_is_kept_whole_and_as_long(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping") {
        let Some(queue) = template.target(mapping.property("/EventSourceArn")) else {
            complaints.push(format!("{} reads from no queue of ours", mapping.id));
            continue;
        };
        let dead_letters = template.target(queue.property("/RedrivePolicy/deadLetterTargetArn"));
        let Some(dead_letters) = dead_letters else {
            complaints.push(format!("{} has no dead-letter queue", queue.id));
            continue;
        };
        let function = template.target(mapping.property("/FunctionName"));
        let told = function.and_then(|function| {
            referred(function.property("/Environment/Variables/WEBHOOK_DEAD_LETTER_QUEUE_URL"))
        });
        if told != Some(dead_letters.id) {
            complaints.push(format!(
                "SQS sets messages aside in {}, the function in {told:?}",
                dead_letters.id
            ));
        }
        for limit in ["/MessageRetentionPeriod", "/MaximumMessageSize"] {
            let at_the_queue = queue.property(limit).as_u64();
            let of_dead_letters = dead_letters.property(limit).as_u64();
            if at_the_queue.is_none() || of_dead_letters < at_the_queue {
                complaints.push(format!(
                    "{limit} is {at_the_queue:?} of {} and {of_dead_letters:?} of {}",
                    queue.id, dead_letters.id
                ));
            }
        }
    }
    complaints
}

/// The environment of the event processor in a template that gets a flaw.
fn environment(template: &mut Flawed) -> &mut Value {
    &mut template.properties("EventProcessorFunction")["Environment"]["Variables"]
}

/// A function that is invoked from a queue knows the queue's own limits.
fn the_event_processor_knows_the_limits_of_its_queue(template: &Template) -> Vec<String> {
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

/// The webhook's queue takes every message that the webhook function accepts.
fn every_webhook_that_is_let_in_fits_its_queue(template: &Template) -> Vec<String> {
    let url = template.property(
        "WebhookFunction",
        "/Environment/Variables/WEBHOOK_QUEUE_URL",
    );
    let size = template
        .target(url)
        .and_then(|queue| queue.property("/MaximumMessageSize").as_u64());
    match size {
        Some(size) if size >= LARGEST_WEBHOOK => Vec::new(),
        _ => vec![format!(
            "the webhook's queue takes no more than {size:?} bytes"
        )],
    }
}

/// A schedule invokes the token-refresh function often enough: if one run fails, another one follows before the token
/// expires.
fn the_token_is_looked_after_twice_before_it_expires(template: &Template) -> Vec<String> {
    let mut schedules = template
        .of_type("AWS::Scheduler::Schedule")
        .filter(|schedule| {
            referred(schedule.property("/Target/Arn")) == Some("TokenRefreshFunction")
        })
        .peekable();
    let mut complaints = Vec::new();
    if schedules.peek().is_none() {
        complaints.push("nothing invokes token-refresh".to_owned());
    }
    for schedule in schedules {
        let rate = schedule.property("/ScheduleExpression").as_str();
        let minutes = rate.and_then(|rate| {
            let minutes = rate.strip_prefix("rate(")?.strip_suffix(" minutes)")?;
            minutes.parse::<u64>().ok()
        });
        if minutes.is_none_or(|minutes| 2 * minutes * 60 > RENEWED_BEFORE) {
            complaints.push(format!("{} ticks too seldom: {rate:?}", schedule.id));
        }
        if !matches!(schedule.property("/State"), Value::Null)
            && schedule.property("/State") != "ENABLED"
        {
            complaints.push(format!("{} does not tick", schedule.id));
        }
    }
    complaints
}

/// Lambda ends no function before the function's own deadline.
fn functions_outlast_their_own_deadlines(template: &Template) -> Vec<String> {
    let webhook_deadline = template.0["Parameters"]["WebhookDeadlineMs"]["MaxValue"].as_f64();
    let limits = [
        // after a crash, Lambda counts the start as part of the time
        (
            "WebhookFunction",
            webhook_deadline.map(|deadline| 2.0 * deadline / 1000.0),
        ),
        // for WHOOP's token endpoint alone; reading and storing take more time
        ("TokenRefreshFunction", Some(20.0)),
        // a window of WHOOP's rate limit; the calls after the wait take more time
        ("EventProcessorFunction", Some(60.0)),
    ];
    let mut complaints = Vec::new();
    for (function, needed) in limits {
        let timeout = template.property(function, "/Timeout").as_f64();
        if needed.is_none() || timeout <= needed {
            complaints.push(format!(
                "{function} ends after {timeout:?} s, needs {needed:?} s"
            ));
        }
    }
    complaints
}
