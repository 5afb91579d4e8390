//! Where a bus keeps the events that it can't encrypt or decrypt.
//!
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html>

use serde_json::{Value, json};
use template::{Resource, Template, referred};

use super::Proof;
use super::policy::one_or_many;

/// About the bus's dead-letter queue and who may send to it.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "a_bus_keeps_what_its_key_cannot_encrypt",
        concerns: &["AWS::Events::EventBus", "AWS::SQS::Queue"],
        complaints: a_bus_keeps_what_its_key_cannot_encrypt,
        flaws: &[
            ("no_dead_letters", |template| {
                template.remove("EventBus", "DeadLetterConfig")
            }),
            ("dead_letters_elsewhere", |template| {
                template.properties("EventBus")["DeadLetterConfig"]["Arn"] =
                    json!({"Fn::GetAtt": ["WebhookDeadLetterQueue", "Arn"]});
            }),
            ("dead_letters_under_the_same_key", |template| {
                template.properties("EventBusDeadLetterQueue")["KmsMasterKeyId"] =
                    json!({"Fn::GetAtt": ["Key", "Arn"]});
            }),
            ("dead_letters_in_the_clear", |template| {
                template.properties("EventBusDeadLetterQueue")["SqsManagedSseEnabled"] =
                    json!(false);
            }),
            ("dead_letters_that_are_gone_sooner", |template| {
                template.remove("EventBusDeadLetterQueue", "MessageRetentionPeriod")
            }),
            ("events_that_are_too_large", |template| {
                template.properties("EventBusDeadLetterQueue")["MaximumMessageSize"] =
                    json!(262_144);
            }),
        ],
    },
    Proof {
        name: "only_its_bus_sends_to_a_buss_dead_letters",
        concerns: &["AWS::Events::EventBus", "AWS::SQS::QueuePolicy"],
        complaints: only_its_bus_sends_to_a_buss_dead_letters,
        flaws: &[
            ("any_bus", |template| {
                policy(template)["Condition"] = Value::Null;
            }),
            ("any_bus_of_this_account", |template| {
                policy(template)["Condition"] =
                    json!({"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}});
            }),
            ("another_service", |template| {
                policy(template)["Principal"]["Service"] =
                    json!(["events.amazonaws.com", "sns.amazonaws.com"]);
            }),
            ("everybody", |template| {
                policy(template)["Principal"] = json!("*");
            }),
            ("a_reader", |template| {
                policy(template)["Action"] = json!("sqs:*");
            }),
            ("another_queue", |template| {
                template.properties("EventBusDeadLetterQueuePolicy")["Queues"] =
                    json!([{"Ref": "WebhookQueue"}]);
            }),
            ("a_further_queue", |template| {
                template.properties("EventBusDeadLetterQueuePolicy")["Queues"] =
                    json!([{"Ref": "EventBusDeadLetterQueue"}, {"Ref": "WebhookQueue"}]);
            }),
            ("a_further_statement", |template| {
                let policy = policy(template).clone();
                let document =
                    &mut template.properties("EventBusDeadLetterQueuePolicy")["PolicyDocument"];
                document["Statement"] = json!([policy, {
                    "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage",
                    "Resource": {"Fn::GetAtt": ["EventBusDeadLetterQueue", "Arn"]},
                }]);
            }),
        ],
    },
];

/// The only statement of the queue's policy in a template that gets a flaw.
fn policy(template: &mut super::Flawed) -> &mut Value {
    &mut template.properties("EventBusDeadLetterQueuePolicy")["PolicyDocument"]["Statement"][0]
}

/// The queue to which a bus sends its dead letters.
pub fn dead_letters<'a>(template: &'a Template, bus: Resource<'a>) -> Option<Resource<'a>> {
    template.target(bus.property("/DeadLetterConfig/Arn"))
}

/// Each bus has a dead-letter queue that is not encrypted by the stack's key, because it takes what that key can't
/// encrypt.
pub fn a_bus_keeps_what_its_key_cannot_encrypt(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for bus in template.of_type("AWS::Events::EventBus") {
        let Some(queue) = dead_letters(template, bus) else {
            complaints.push(format!("{} has no dead-letter queue", bus.id));
            continue;
        };
        let needs_no_key_of_ours = queue.property("/SqsManagedSseEnabled") == true
            && queue.property("/KmsMasterKeyId").is_null();
        if !needs_no_key_of_ours {
            complaints.push(format!("{} is not encrypted by SQS's own key", queue.id));
        }
        if queue.property("/MessageRetentionPeriod") != 14 * 24 * 60 * 60 {
            complaints.push(format!("{} does not keep events for 14 days", queue.id));
        }
        if queue.property("/MaximumMessageSize") != 1024 * 1024 {
            complaints.push(format!("{} takes smaller messages than SQS can", queue.id));
        }
    }
    complaints
}

/// Only EventBridge, for this bus, may send to its dead-letter queue, and no other queue has a policy.
pub fn only_its_bus_sends_to_a_buss_dead_letters(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    let policies: Vec<_> = template.of_type("AWS::SQS::QueuePolicy").collect();
    for bus in template.of_type("AWS::Events::EventBus") {
        let queue = dead_letters(template, bus).map_or("", |queue| queue.id);
        let expected = json!([{
            "Sid": "EventsThatTheKeyFails",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": {"Fn::GetAtt": [queue, "Arn"]},
            "Condition": {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [bus.id, "Arn"]}}},
        }]);
        let is_let_in = policies.iter().any(|policy| {
            let queues = one_or_many(policy.property("/Queues"));
            matches!(queues, [only] if referred(only) == Some(queue))
                && *policy.property("/PolicyDocument/Statement") == expected
        });
        if !is_let_in {
            complaints.push(format!("{queue} takes events from others, or none"));
        }
    }
    let buses = template.of_type("AWS::Events::EventBus").count();
    if policies.len() != buses {
        complaints.push(format!("{} queue policies, {buses} buses", policies.len()));
    }
    complaints
}
