//! The versions of the webhook: what a version stands for, and when a new one is published.

use libtest_mimic::Failed;
use serde_json::json;
use template::Template;
use template::{checkout, resolved};

use super::{Flawed, Proof};

/// About what makes a new version, and what happens to the previous one.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "another_value_of_a_parameter_is_another_version",
        concerns: &["AWS::Lambda::Version"],
        complaints: another_value_of_a_parameter_is_another_version,
        flaws: &[
            ("a_version_that_never_changes", |template| {
                template.remove(&version(template), "Description")
            }),
            ("memory_that_stays_as_it_is", |template| {
                template.properties(&version(template))["Description"] = json!({"Fn::Sub": "${Architecture}, ${WebhookDeadlineMs} ms, ${LogLevel}, ${Tracing}"});
            }),
            ("a_deadline_that_stays_as_it_is", |template| {
                template.properties(&version(template))["Description"] = json!({"Fn::Sub": "${Architecture}, ${WebhookMemorySize} MB, ${LogLevel}, ${Tracing}"});
            }),
            ("a_further_parameter", |template| {
                template.properties("WebhookFunction")["Environment"]["Variables"]["FURTHER"] =
                    json!({"Fn::Sub": "${PartnerApiBaseUrl}/v1"});
            }),
            ("a_further_condition", |template| {
                template.properties("WebhookFunction")["Timeout"] =
                    json!({"Fn::If": ["WithEventProcessor", 5, 6]});
            }),
            ("a_version_of_nothing_new", |template| {
                let description = format!("{PARAMETERS}, ${{LogRetentionInDays}} days");
                template.properties(&version(template))["Description"] =
                    json!({"Fn::Sub": description});
            }),
        ],
    },
    Proof {
        name: "another_queue_or_secret_is_another_version",
        concerns: &["AWS::Lambda::Version"],
        complaints: another_queue_or_secret_is_another_version,
        flaws: &[
            ("a_queue_that_stays_as_it_is", |template| {
                describe(template, &[PARAMETERS, SECRET], 6);
            }),
            ("a_secret_that_stays_as_it_is", |template| {
                describe(template, &[PARAMETERS, "${WebhookQueue.QueueName}"], 6);
            }),
            ("a_part_of_the_secret_that_never_changes", |template| {
                describe(
                    template,
                    &[PARAMETERS, "${WebhookQueue.QueueName}", SECRET],
                    2,
                );
            }),
            ("a_version_of_nothing_new", |template| {
                let names = [
                    PARAMETERS,
                    "${WebhookQueue.QueueName}",
                    SECRET,
                    "${WebhookDeadLetterQueue.QueueName}",
                ];
                describe(template, &names, 6);
            }),
            ("a_further_resource", |template| {
                template.properties("WebhookFunction")["Environment"]["Variables"]["FURTHER"] =
                    json!({"Ref": "TokenTable"});
            }),
        ],
    },
    Proof {
        name: "a_versions_description_is_never_too_long",
        concerns: &["AWS::Lambda::Version"],
        complaints: a_versions_description_is_never_too_long,
        flaws: &[
            ("a_further_name", |template| {
                let names = [
                    PARAMETERS,
                    "${WebhookQueue.QueueName}",
                    SECRET,
                    "${WebhookQueue.QueueName}",
                ];
                describe(template, &names, 6);
            }),
            ("a_parameter_of_any_length", |template| {
                describe(template, &[PARAMETERS, "${PartnerApiBaseUrl}"], 6);
            }),
            ("a_whole_arn", |template| {
                describe(template, &[PARAMETERS, "${WebhookQueue.Arn}"], 6);
            }),
        ],
    },
    Proof {
        name: "no_version_outlives_its_place_in_the_stack",
        concerns: &["AWS::Lambda::Version"],
        complaints: no_version_outlives_its_place_in_the_stack,
        flaws: &[
            ("a_version_kept_as_by_default", |template| {
                let version = version(template);
                template.0["Resources"][version]["DeletionPolicy"] = json!("Retain");
            }),
            ("a_version_kept_when_another_takes_its_place", |template| {
                let version = version(template);
                template.0["Resources"][version]["UpdateReplacePolicy"] = json!("Retain");
            }),
        ],
    },
];

/// The parameters in the description of the webhook's version.
const PARAMETERS: &str =
    "${Architecture}, ${WebhookMemorySize}MB, ${WebhookDeadlineMs}ms, ${LogLevel}, ${Tracing}";

/// The secret in it.
const SECRET: &str = "${SigningSecret}";

/// Describes the webhook's version by these names, and the secret by the part of its ARN at `index`.
fn describe(template: &mut Flawed, names: &[&str], index: usize) {
    let version = version(template);
    let part = json!({"Fn::Select":
        [index, {"Fn::Split": [":", {"Fn::GetAtt": ["WebhookSigningSecret", "Id"]}]}]
    });
    template.properties(&version)["Description"] =
        json!({"Fn::Sub": [names.join(", "), {"SigningSecret": part}]});
}

/// The logical id of the webhook's version, which ends in a hash.
pub fn version(template: &Flawed) -> String {
    let resources = template.0["Resources"].as_object();
    let mut ids = resources.into_iter().flatten().map(|(id, _)| id);
    ids.find(|id| id.starts_with("WebhookFunctionVersion"))
        .expect("the webhook has a version")
        .clone()
}

/// The description of a version changes with exactly the parameters that its function depends on.
///
/// CloudFormation publishes a new version if the description changes; SAM does not do so if only a parameter's value
/// changes. CloudFormation fails if nothing but the description has changed.
fn another_value_of_a_parameter_is_another_version(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for version in template.of_type("AWS::Lambda::Version") {
        let told = template.parameters(version.property("/Description"));
        let function = template.target(version.property("/FunctionName"));
        let depended_on = function.map_or_else(Vec::new, |function| {
            template.parameters(function.property(""))
        });
        if told != depended_on {
            complaints.push(format!(
                "{} tells {told:?}, not {depended_on:?}",
                version.id
            ));
        }
    }
    complaints
}

/// The description of a version changes if a resource in its function's environment is replaced, and with no other
/// resource. Otherwise an alias would still send webhooks to the old queue.
fn another_queue_or_secret_is_another_version(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for version in template.of_type("AWS::Lambda::Version") {
        let function = template.target(version.property("/FunctionName"));
        let told_of = function.map_or_else(Vec::new, |function| {
            template.references(function.property("/Environment"))
        });
        let description = version.property("/Description");
        let before = resolved(description, &|name| longest(template, name, 'a'));
        for resource in template.resources() {
            let after = resolved(description, &|name| {
                let is_replaced = name.split('.').next() == Some(resource.id);
                longest(template, name, if is_replaced { 'b' } else { 'a' })
            });
            let is_another = before.is_some() && before != after;
            let is_told_of = told_of.iter().any(|told| told.id == resource.id);
            if is_another != is_told_of {
                complaints.push(format!(
                    "{}: another {} makes another version: {is_another}",
                    version.id, resource.id
                ));
            }
        }
    }
    complaints
}

/// Lambda takes no description of more than 256 characters.
fn a_versions_description_is_never_too_long(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for version in template.of_type("AWS::Lambda::Version") {
        let description = version.property("/Description");
        match resolved(description, &|name| longest(template, name, 'a')) {
            Some(longest) if longest.len() <= 256 => {}
            Some(longest) => complaints.push(format!("{longest} is too long")),
            None => complaints.push(format!("the proofs can't tell the length of {description}")),
        }
    }
    complaints
}

/// The longest text that a name in a description can stand for. What AWS chooses ends in `generation`.
///
/// A queue's name has at most 80 characters. CloudFormation keeps a secret's name shorter than 128 characters; Secrets
/// Manager adds seven.
fn longest(template: &Template, name: &str, generation: char) -> Option<String> {
    let ending_in_generation = |length: usize| "n".repeat(length - 1) + &generation.to_string();
    match name.split_once('.') {
        Some((_, "QueueName")) => Some(ending_in_generation(80)),
        Some((_, "Id")) => Some(format!(
            "arn:aws:secretsmanager:us-east-1:000000000000:secret:{}",
            ending_in_generation(128 + 7)
        )),
        Some(_) => None,
        None => {
            let parameter = &template.0["Parameters"][name];
            let allowed = parameter["AllowedValues"].as_array().into_iter().flatten();
            let allowed = allowed.filter_map(|value| value.as_str().map(str::to_owned));
            let largest = parameter["MaxValue"]
                .as_u64()
                .map(|value| value.to_string());
            allowed.chain(largest).max_by_key(String::len)
        }
    }
}

/// A version is deleted when another takes its place, or when its deployment fails. Otherwise Lambda would refuse to
/// publish it again.
fn no_version_outlives_its_place_in_the_stack(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for version in template.of_type("AWS::Lambda::Version") {
        for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
            if version.attribute(policy) != "Delete" {
                complaints.push(format!(
                    "{} has the {policy} {}",
                    version.id,
                    version.attribute(policy)
                ));
            }
        }
    }
    complaints
}

/// A new time limit of the webhook makes a new version, although neither code nor environment has changed.
pub fn another_property_is_another_version() -> Result<(), Failed> {
    let source = std::fs::read_to_string(checkout().join("template.yaml"))?;
    let other = source.replacen("      Timeout: 5\n", "      Timeout: 6\n", 1);
    if other == source {
        return Err("the webhook has no time limit of 5 s".into());
    }
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(&file, other)?;
    let other = Template::transformed(file.path())?;
    let version = |template: &Template| version(&Flawed(template.0.clone()));
    match version(&other) == version(super::template()?) {
        true => Err("it is the same version".into()),
        false => Ok(()),
    }
}
