//! The event processor's queue, its bus, and the connection of both.

use serde_json::{Value, json};
use template::{Resource, Template, referred};

use super::Proof;

/// About the mapping, the bus and its archive, and their common condition.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "queues_and_their_functions_fit",
        concerns: &["AWS::Lambda::EventSourceMapping"],
        complaints: queues_and_their_functions_fit,
        flaws: &[
            ("batches_that_fail_whole", |template| {
                template.remove("EventProcessorFunctionDeliveries", "FunctionResponseTypes")
            }),
            ("any_number_of_executions", |template| {
                template.remove("EventProcessorFunctionDeliveries", "ScalingConfig")
            }),
            (
                "a_function_that_takes_longer_than_its_messages_are_hidden",
                |template| {
                    template.properties("EventProcessorFunction")["Timeout"] = json!(91);
                },
            ),
            ("a_queue_that_hides_messages_as_by_default", |template| {
                template.remove("WebhookQueue", "VisibilityTimeout")
            }),
            ("a_queue_that_gives_up_early", |template| {
                template.properties("WebhookQueue")["RedrivePolicy"]["maxReceiveCount"] = json!(5);
            }),
            ("a_queue_without_dead_letters", |template| {
                template.remove("WebhookQueue", "RedrivePolicy")
            }),
            ("dead_letters_that_go_before_the_rest", |template| {
                template.properties("WebhookDeadLetterQueue")["MessageRetentionPeriod"] =
                    json!(604_800);
            }),
            ("another_queue", |template| {
                template.properties("EventProcessorFunctionDeliveries")["EventSourceArn"] =
                    json!("arn:aws:sqs:eu-central-1:999999999999:other");
            }),
        ],
    },
    Proof {
        name: "heartbeats_come_after_what_recognises_them",
        concerns: &["AWS::Scheduler::Schedule"],
        complaints: heartbeats_come_after_what_recognises_them,
        flaws: &[("heartbeats_that_an_older_version_publishes", |template| {
            template.0["Resources"]["HeartbeatFunction"]["DependsOn"] = Value::Null;
        })],
    },
    Proof {
        name: "events_are_archived_for_two_weeks",
        concerns: &["AWS::Events::EventBus"],
        complaints: events_are_archived_for_two_weeks,
        flaws: &[
            ("an_archive_for_a_day", |template| {
                template.properties("EventArchive")["RetentionDays"] = json!(1);
            }),
            ("an_archive_of_another_bus", |template| {
                template.properties("EventArchive")["SourceArn"] = json!("default");
            }),
            ("an_archive_of_some_events", |template| {
                template.properties("EventArchive")["EventPattern"] =
                    json!({"detail-type": ["lab_requisition.created"]});
            }),
        ],
    },
    Proof {
        name: "the_event_processor_can_be_left_out",
        concerns: &["AWS::Events::EventBus", "AWS::Lambda::EventSourceMapping"],
        complaints: the_event_processor_can_be_left_out,
        flaws: &[
            ("a_bus_that_stays", |template| {
                template.0["Resources"]["EventBus"]["Condition"] = Value::Null;
            }),
            ("a_role_that_stays", |template| {
                template.0["Resources"]["EventProcessorRole"]["Condition"] = json!("OnAws");
            }),
            ("a_key_that_names_the_bus", |template| {
                template.statement("Key", "EventBusesOfThisAccount")["Resource"] =
                    json!({"Fn::GetAtt": ["EventBus", "Arn"]});
            }),
            ("a_function_that_is_told_the_table", |template| {
                template.properties("WebhookFunction")["Description"] =
                    json!({"Fn::Sub": "knows ${PublishedTable}"});
            }),
            ("dead_letters_that_outlive_their_bus", |template| {
                template.0["Resources"]["EventBusDeadLetterQueue"]["Condition"] = Value::Null;
            }),
            ("an_archive_that_outlives_its_bus", |template| {
                template.0["Resources"]["EventArchive"]["Condition"] = json!("OnAws");
            }),
            ("a_bus_that_goes_sooner_than_what_publishes", |template| {
                template.0["Resources"]["EventBus"]["Condition"] = json!("OnAwsWithEventProcessor");
            }),
            ("an_output_of_what_is_not_there", |template| {
                template.0["Outputs"]["EventBusName"]["Condition"] = Value::Null;
            }),
            ("a_condition_on_something_else", |template| {
                template.0["Conditions"]["WithEventProcessor"] =
                    json!({"Fn::Equals": [{"Ref": "AutoConfirmOrders"}, "true"]});
            }),
        ],
    },
];

/// A function that is invoked from a queue reports failures for single messages and has enough time for a batch. At
/// most two executions run, so that they never use up all of WHOOP's calls. A message that returns does so often enough
/// to outlast an outage.
pub fn queues_and_their_functions_fit(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping") {
        let id = mapping.id;
        if *mapping.property("/FunctionResponseTypes") != json!(["ReportBatchItemFailures"]) {
            complaints.push(format!("{id} fails whole batches"));
        }
        if mapping.property("/BatchSize") != 10
            || mapping.property("/ScalingConfig/MaximumConcurrency") != 2
        {
            complaints.push(format!("{id} is polled without bounds"));
        }
        let queue = template.target(mapping.property("/EventSourceArn"));
        let function = template.target(mapping.property("/FunctionName"));
        let (Some(queue), Some(function)) = (queue, function) else {
            complaints.push(format!("{id} lacks its queue or its function"));
            continue;
        };
        let number = |resource: Resource<'_>, pointer: &str| {
            template.number(resource.property(pointer)).unwrap_or(0.0)
        };
        if number(queue, "/VisibilityTimeout") < 6.0 * number(function, "/Timeout") {
            complaints.push(format!(
                "{} shows messages that are being processed",
                queue.id
            ));
        }
        if number(queue, "/RedrivePolicy/maxReceiveCount") < 100.0 {
            complaints.push(format!("{} gives up during an outage", queue.id));
        }
        let dead_letters = template.target(queue.property("/RedrivePolicy/deadLetterTargetArn"));
        if dead_letters.is_none_or(|dead_letters| {
            number(dead_letters, "/MessageRetentionPeriod")
                < number(queue, "/MessageRetentionPeriod")
        }) {
            complaints.push(format!(
                "{} keeps its dead letters too short a time",
                queue.id
            ));
        }
    }
    complaints
}

/// A deployment brings the event processor that recognises heartbeats before the function that sends them. An older event
/// processor would publish them.
fn heartbeats_come_after_what_recognises_them(template: &Template) -> Vec<String> {
    let told = |variable: &str| {
        let pointer = format!("/Environment/Variables/{variable}");
        let functions = template.of_type("AWS::Lambda::Function");
        functions.filter(move |function| !function.property(&pointer).is_null())
    };
    let recognise: Vec<&str> = told("HEARTBEAT_MINUTES")
        .map(|function| function.id)
        .collect();
    let mut complaints = Vec::new();
    let mut senders = told("WEBHOOK_URL").peekable();
    if senders.peek().is_none() || recognise.is_empty() {
        complaints.push("nobody sends heartbeats, or nobody recognises them".to_owned());
    }
    for sender in senders {
        let first = sender.attribute("DependsOn").as_str();
        if !first.is_some_and(|first| recognise.contains(&first)) {
            complaints.push(format!("{} comes too early", sender.id));
        }
    }
    complaints
}

/// Each bus has an archive of two weeks.
pub fn events_are_archived_for_two_weeks(template: &Template) -> Vec<String> {
    template
        .of_type("AWS::Events::EventBus")
        .filter(|bus| {
            !template.of_type("AWS::Events::Archive").any(|archive| {
                referred(archive.property("/SourceArn")) == Some(bus.id)
                    && archive.property("/RetentionDays") == 14
                    && archive.property("/EventPattern").is_null()
            })
        })
        .map(|bus| format!("{} is not archived", bus.id))
        .collect()
}

/// Without the event processor, the stack lacks its function and everything that only serves it. No remaining resource
/// or output refers to something that is left out.
pub fn the_event_processor_can_be_left_out(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    let asked_for = json!({"Fn::Equals": [{"Ref": "DeployEventProcessor"}, "true"]});
    if template.0["Conditions"]["WithEventProcessor"] != asked_for {
        complaints.push("the event processor depends on something else".to_owned());
    }
    for resource in template.resources() {
        let serves_it = resource.id.starts_with("EventProcessor")
            || resource.id.starts_with("EventBus")
            || resource.id == "PublishedTable"
            || resource.kind().starts_with("AWS::Events::")
            || resource.kind() == "AWS::Lambda::EventSourceMapping";
        if serves_it
            && !implies(
                template,
                resource.attribute("Condition"),
                &json!("WithEventProcessor"),
            )
        {
            complaints.push(format!("{} is always there", resource.id));
        }
    }
    let resources = template.resources().map(|resource| {
        (
            resource.id,
            resource.attribute("Condition"),
            resource.property(""),
        )
    });
    let outputs = template.0["Outputs"].as_object().into_iter().flatten();
    let outputs = outputs.map(|(id, output)| (id.as_str(), &output["Condition"], &output["Value"]));
    for (id, condition, value) in resources.chain(outputs) {
        let with_it = implies(template, condition, &json!("WithEventProcessor"));
        let value = if with_it {
            value.clone()
        } else {
            without_it(value)
        };
        for target in template.references(&value) {
            if !implies(template, condition, target.attribute("Condition")) {
                complaints.push(format!("{id} may lack {}", target.id));
            }
        }
    }
    complaints
}

/// A value as it is without the event processor.
fn without_it(value: &Value) -> Value {
    match value {
        Value::Object(map)
            if map
                .get("Fn::If")
                .is_some_and(|of| of[0] == "WithEventProcessor") =>
        {
            without_it(&map["Fn::If"][2])
        }
        Value::Object(map) => {
            let map = map.iter();
            map.map(|(key, value)| (key.clone(), without_it(value)))
                .collect()
        }
        Value::Array(values) => values.iter().map(without_it).collect(),
        scalar => scalar.clone(),
    }
}

/// Whether everything under `other` also exists under `condition`; null means no condition.
fn implies(template: &Template, condition: &Value, other: &Value) -> bool {
    if other.is_null() || condition == other {
        return true;
    }
    let name = condition.as_str().unwrap_or_default();
    let all = template.0["Conditions"][name]["Fn::And"].as_array();
    all.into_iter()
        .flatten()
        .any(|one| implies(template, &one["Condition"], other))
}
