//! What remains when the stack is deleted: accepted webhooks, secrets, and the key without which neither can be read.

use serde_json::{Value, json};
use template::{Resource, Template};

use super::{Flawed, Proof};

/// About what outlives the stack, and how to find it afterwards.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "webhooks_secrets_and_key_outlive_the_stack",
        concerns: &[
            "AWS::KMS::Key",
            "AWS::SQS::Queue",
            "AWS::SecretsManager::Secret",
        ],
        complaints: webhooks_secrets_and_key_outlive_the_stack,
        flaws: &[
            ("a_secret_that_goes", |template| {
                resource(template, "PartnerCredentialsSecret")["DeletionPolicy"] = json!("Delete");
            }),
            ("a_queue_that_goes", |template| {
                resource(template, "WebhookQueue")["DeletionPolicy"] = Value::Null;
            }),
            ("dead_letters_that_go", |template| {
                resource(template, "WebhookDeadLetterQueue")["DeletionPolicy"] = json!("Delete");
            }),
            ("dead_letters_of_the_bus_that_go", |template| {
                resource(template, "EventBusDeadLetterQueue")["DeletionPolicy"] = json!("Delete");
            }),
            ("a_key_that_goes_when_it_is_replaced", |template| {
                resource(template, "Key")["UpdateReplacePolicy"] = Value::Null;
            }),
            (
                "a_queue_that_a_failed_first_deployment_leaves",
                |template| {
                    resource(template, "WebhookQueue")["DeletionPolicy"] = json!("Retain");
                },
            ),
            ("a_key_that_a_failed_first_deployment_leaves", |template| {
                resource(template, "Key")["DeletionPolicy"] = json!("Retain");
            }),
            ("a_table_that_stays", |template| {
                resource(template, "TokenTable")["DeletionPolicy"] = json!("Retain");
            }),
            ("failures_that_stay", |template| {
                resource(template, "TokenRefreshFailureQueue")["DeletionPolicy"] =
                    json!("RetainExceptOnCreate");
            }),
        ],
    },
    Proof {
        name: "what_outlives_the_stack_is_tagged_with_its_name",
        concerns: &[
            "AWS::KMS::Key",
            "AWS::SQS::Queue",
            "AWS::SecretsManager::Secret",
        ],
        complaints: what_outlives_the_stack_is_tagged_with_its_name,
        flaws: &[
            ("a_key_without_tags", |template| {
                template.remove("Key", "Tags")
            }),
            ("a_queue_with_another_tag", |template| {
                template.properties("EventBusDeadLetterQueue")["Tags"] =
                    json!([{"Key": "stack", "Value": {"Ref": "AWS::StackName"}}]);
            }),
            ("a_secret_of_another_stack", |template| {
                template.properties("WebhookSigningSecret")["Tags"][0]["Value"] = json!("whoop");
            }),
        ],
    },
];

/// A resource with its attributes, in a template that gets a flaw.
fn resource<'a>(template: &'a mut Flawed, id: &str) -> &'a mut Value {
    &mut template.0["Resources"][id]
}

/// Whether a resource must outlive the stack. The tables need not, because their items are created anew; nor does the
/// queue of failed renewals, which only reports them.
fn has_to_stay(resource: Resource<'_>) -> bool {
    match resource.kind() {
        "AWS::KMS::Key" | "AWS::SecretsManager::Secret" => true,
        "AWS::SQS::Queue" => resource.id != "TokenRefreshFailureQueue",
        _ => false,
    }
}

/// Resources that hold accepted webhooks or secrets stay when the stack is deleted, with the key that encrypts them,
/// but not after a first deployment that failed. Nothing else stays.
fn webhooks_secrets_and_key_outlive_the_stack(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for resource in template.resources() {
        let deletion = resource.attribute("DeletionPolicy").as_str();
        let is_right = match has_to_stay(resource) {
            true => {
                deletion == Some("RetainExceptOnCreate")
                    && resource.attribute("UpdateReplacePolicy") == "Retain"
            }
            false => matches!(deletion, None | Some("Delete")),
        };
        if !is_right {
            complaints.push(format!("{}: {deletion:?} is wrong", resource.id));
        }
    }
    complaints
}

/// Every resource that stays can be found by the name of its former stack.
fn what_outlives_the_stack_is_tagged_with_its_name(template: &Template) -> Vec<String> {
    let tag = json!({"Key": "whoop-partner:stack", "Value": {"Ref": "AWS::StackName"}});
    template
        .resources()
        .filter(|resource| has_to_stay(*resource))
        .filter(|resource| {
            let tags = resource.property("/Tags").as_array();
            !tags.is_some_and(|tags| tags.contains(&tag))
        })
        .map(|resource| format!("{} is not tagged", resource.id))
        .collect()
}
