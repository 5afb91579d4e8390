//! The stack's outputs, on which deployments, runbooks and consumers rely.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use template::Template;

use super::Proof;

/// About the values of the outputs.
pub const PROOFS: &[Proof] = &[Proof {
    name: "the_outputs_tell_all_that_others_hold_on_to",
    concerns: &["AWS::KMS::Key", "AWS::SQS::Queue"],
    complaints: the_outputs_tell_all_that_others_hold_on_to,
    flaws: &[
        ("an_output_less", |template| {
            let outputs = template.0["Outputs"].as_object_mut();
            assert!(outputs.is_some_and(|all| all.remove("WebhookQueueArn").is_some()));
        }),
        ("an_output_more", |template| {
            template.0["Outputs"]["WebhookRoleArn"] =
                json!({"Value": {"Fn::GetAtt": ["WebhookRole", "Arn"]}});
        }),
        ("another_queue", |template| {
            template.0["Outputs"]["WebhookQueueArn"]["Value"] =
                json!({"Fn::GetAtt": ["WebhookDeadLetterQueue", "Arn"]});
        }),
        ("a_url_for_an_arn", |template| {
            template.0["Outputs"]["WebhookDeadLetterQueueArn"]["Value"] =
                json!({"Ref": "WebhookDeadLetterQueue"});
        }),
    ],
}];

/// The outputs and their values: a reference, or an attribute. `WebhookUrl` is composed.
const OUTPUTS: [(&str, &str); 21] = [
    ("AlarmTopicArn", "AlarmTopic"),
    ("DashboardName", "Dashboard"),
    ("EventBusArn", "EventBus.Arn"),
    ("EventBusDeadLetterQueueUrl", "EventBusDeadLetterQueue"),
    ("EventBusName", "EventBus"),
    ("EventProcessorFunctionName", "EventProcessorFunction"),
    ("HeartbeatFunctionName", "HeartbeatFunction"),
    ("KeyArn", "Key.Arn"),
    ("PartnerCredentialsSecretArn", "PartnerCredentialsSecret.Id"),
    ("PublishedTableName", "PublishedTable"),
    ("TokenRefreshFailureQueueUrl", "TokenRefreshFailureQueue"),
    ("TokenRefreshFunctionName", "TokenRefreshFunction"),
    ("TokenTableArn", "TokenTable.Arn"),
    ("TokenTableName", "TokenTable"),
    ("WebhookDeadLetterQueueArn", "WebhookDeadLetterQueue.Arn"),
    ("WebhookDeadLetterQueueUrl", "WebhookDeadLetterQueue"),
    ("WebhookFunctionName", "WebhookFunction"),
    ("WebhookQueueArn", "WebhookQueue.Arn"),
    ("WebhookQueueUrl", "WebhookQueue"),
    ("WebhookSigningSecretArn", "WebhookSigningSecret.Id"),
    ("WebhookUrl", ""),
];

/// These are all outputs, and each has the value that its name promises.
fn the_outputs_tell_all_that_others_hold_on_to(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    let outputs = &template.0["Outputs"];
    let there: BTreeSet<&str> = outputs
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys().map(String::as_str))
        .collect();
    let wanted: BTreeSet<&str> = OUTPUTS.iter().map(|(name, _)| *name).collect();
    for name in there.symmetric_difference(&wanted) {
        complaints.push(format!(
            "{name} is missing from the template or from this list"
        ));
    }
    for (name, told) in OUTPUTS {
        let expected: Value = match told.split_once('.') {
            Some(path) => json!({"Fn::GetAtt": path}),
            None if told.is_empty() => continue,
            None => json!({"Ref": told}),
        };
        if outputs[name]["Value"] != expected {
            complaints.push(format!("{name} is {}", outputs[name]["Value"]));
        }
    }
    complaints
}
