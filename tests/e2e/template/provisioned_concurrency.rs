//! The webhook with and without environments that are kept ready.

use e2e::local_aws::checkout;
use libtest_mimic::Failed;
use serde_json::json;

use super::document::{Resource, Template, referred};
use super::policy::one_or_many;
use super::resolve::resolved;
use super::{Flawed, Proof};

/// The parameter that says how many environments of the webhook are kept ready.
pub const PARAMETER: &str = "WebhookProvisionedConcurrency";

/// About what the API calls, and what of the function an alias stands for.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "by_default_the_api_calls_the_function_itself",
        concerns: &["AWS::ApiGatewayV2::Integration", "AWS::Lambda::Permission"],
        complaints: by_default_the_api_calls_the_function_itself,
        flaws: &[
            ("environments_kept_ready_by_default", |template| {
                template.0["Parameters"][PARAMETER]["Default"] = json!(1);
            }),
            ("environments_always_kept_ready", |template| {
                template.properties("WebhookFunctionAliaslive")["ProvisionedConcurrencyConfig"] =
                    json!({"ProvisionedConcurrentExecutions": 1});
            }),
            ("an_alias_that_is_always_called", |template| {
                template.properties("WebhookIntegration")["IntegrationUri"] =
                    json!({"Ref": "WebhookFunctionAliaslive"});
            }),
            ("an_alias_that_is_always_permitted", |template| {
                template.properties("WebhookPermission")["FunctionName"] =
                    json!({"Ref": "WebhookFunctionAliaslive"});
            }),
            ("a_condition_the_wrong_way_round", |template| {
                template.0["Conditions"]["WithProvisionedConcurrency"] =
                    json!({"Fn::Equals": [{"Ref": PARAMETER}, 0]});
            }),
        ],
    },
    Proof {
        name: "where_asked_for_the_api_calls_environments_kept_ready",
        concerns: &[
            "AWS::ApiGatewayV2::Integration",
            "AWS::Lambda::Alias",
            "AWS::Lambda::Permission",
        ],
        complaints: where_asked_for_the_api_calls_environments_kept_ready,
        flaws: &[
            ("another_number", |template| {
                template.properties("WebhookFunctionAliaslive")["ProvisionedConcurrencyConfig"] =
                    json!({"ProvisionedConcurrentExecutions": 1});
            }),
            ("no_number", |template| {
                template.remove("WebhookFunctionAliaslive", "ProvisionedConcurrencyConfig")
            }),
            ("a_function_that_is_called_itself", |template| {
                template.properties("WebhookIntegration")["IntegrationUri"] =
                    json!({"Fn::GetAtt": ["WebhookFunction", "Arn"]});
            }),
            ("a_function_that_is_permitted_itself", |template| {
                template.properties("WebhookPermission")["FunctionName"] =
                    json!({"Ref": "WebhookFunction"});
            }),
            ("an_alias_of_another_function", |template| {
                template.properties("WebhookFunctionAliaslive")["FunctionName"] =
                    json!({"Ref": "TokenRefreshFunction"});
            }),
            ("an_alias_of_no_version", |template| {
                template.properties("WebhookFunctionAliaslive")["FunctionVersion"] =
                    json!("$LATEST");
            }),
            ("a_version_of_another_function", |template| {
                template.properties(&version(template))["FunctionName"] =
                    json!({"Ref": "TokenRefreshFunction"});
            }),
            ("a_condition_that_never_holds", |template| {
                template.0["Conditions"]["WithProvisionedConcurrency"] =
                    json!({"Fn::Equals": [{"Ref": "Local"}, "true"]});
            }),
        ],
    },
    Proof {
        name: "the_api_is_permitted_to_call_before_it_calls",
        concerns: &["AWS::ApiGatewayV2::Integration"],
        complaints: the_api_is_permitted_to_call_before_it_calls,
        flaws: &[
            ("a_call_before_its_permission", |template| {
                template.0["Resources"]["WebhookIntegration"]["DependsOn"] = json!([]);
            }),
            ("a_call_after_something_else", |template| {
                template.0["Resources"]["WebhookIntegration"]["DependsOn"] = json!("Api");
            }),
        ],
    },
    Proof {
        name: "another_value_of_a_parameter_is_another_version",
        concerns: &["AWS::Lambda::Version"],
        complaints: another_value_of_a_parameter_is_another_version,
        flaws: &[
            ("a_version_that_never_changes", |template| {
                template.remove(&version(template), "Description")
            }),
            ("memory_that_stays_as_it_is", |template| {
                template.properties(&version(template))["Description"] =
                    json!({"Fn::Sub": "${Architecture}, ${WebhookDeadlineMs} ms, ${LogLevel}"});
            }),
            ("a_deadline_that_stays_as_it_is", |template| {
                template.properties(&version(template))["Description"] =
                    json!({"Fn::Sub": "${Architecture}, ${WebhookMemorySize} MB, ${LogLevel}"});
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
                template.properties(&version(template))["Description"] = json!({"Fn::Sub":
                    "${Architecture}, ${WebhookMemorySize} MB, ${WebhookDeadlineMs} ms, ${LogLevel}, ${LogRetentionInDays} days"
                });
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
    "${Architecture}, ${WebhookMemorySize} MB, ${WebhookDeadlineMs} ms, ${LogLevel}";

/// The secret in it.
const SECRET: &str = "${SigningSecret}";

/// Describes the webhook's version by these names, the secret by the part of its ARN at `index`.
fn describe(template: &mut Flawed, names: &[&str], index: usize) {
    let version = version(template);
    let part = json!({"Fn::Select":
        [index, {"Fn::Split": [":", {"Fn::GetAtt": ["WebhookSigningSecret", "Id"]}]}]
    });
    template.properties(&version)["Description"] =
        json!({"Fn::Sub": [names.join(", "), {"SigningSecret": part}]});
}

/// The logical id of the webhook's version, which ends in a hash.
fn version(template: &Flawed) -> String {
    let resources = template.0["Resources"].as_object();
    let mut ids = resources.into_iter().flatten().map(|(id, _)| id);
    ids.find(|id| id.starts_with("WebhookFunctionVersion"))
        .expect("the webhook has a version")
        .clone()
}

/// What API Gateway calls, and what it is permitted to call, each with the resource that says so.
fn called(template: &Template) -> Vec<(Resource<'_>, Option<Resource<'_>>)> {
    let integrations = template
        .of_type("AWS::ApiGatewayV2::Integration")
        .map(|integration| (integration, integration.property("/IntegrationUri")));
    let permissions = template
        .of_type("AWS::Lambda::Permission")
        .map(|permission| (permission, permission.property("/FunctionName")));
    integrations
        .chain(permissions)
        .map(|(resource, called)| (resource, template.target(called)))
        .collect()
}

/// Unless the parameter is set, nothing is kept ready, and the API calls the function as it is.
fn by_default_the_api_calls_the_function_itself(template: &Template) -> Vec<String> {
    let template = template.deployed_with(&[]);
    let mut complaints = Vec::new();
    for alias in template.of_type("AWS::Lambda::Alias") {
        if !alias.property("/ProvisionedConcurrencyConfig").is_null() {
            complaints.push(format!("{} is kept ready", alias.id));
        }
    }
    for (resource, called) in called(&template) {
        if called.is_none_or(|called| called.kind() != "AWS::Lambda::Function") {
            complaints.push(format!("{} names no function", resource.id));
        }
    }
    complaints
}

/// With the parameter at 2, the API calls an alias of a version of the function that it calls by default, and may do so; two
/// environments of it are kept ready.
fn where_asked_for_the_api_calls_environments_kept_ready(template: &Template) -> Vec<String> {
    let by_default = template.deployed_with(&[]);
    let ready = template.deployed_with(&[(PARAMETER, 2)]);
    let mut complaints = Vec::new();
    for ((resource, alias), (_, function)) in called(&ready).into_iter().zip(called(&by_default)) {
        let Some(alias) = alias.filter(|alias| alias.kind() == "AWS::Lambda::Alias") else {
            complaints.push(format!("{} names no alias", resource.id));
            continue;
        };
        let executions =
            alias.property("/ProvisionedConcurrencyConfig/ProvisionedConcurrentExecutions");
        if ready.number(executions) != Some(2.0) {
            complaints.push(format!("{} keeps {executions} ready", alias.id));
        }
        let version = ready.target(alias.property("/FunctionVersion"));
        let version = version.filter(|version| version.kind() == "AWS::Lambda::Version");
        let functions = [
            referred(alias.property("/FunctionName")),
            version.and_then(|version| referred(version.property("/FunctionName"))),
        ];
        if functions != [function.map(|function| function.id); 2] {
            complaints.push(format!("{} stands for {functions:?}", alias.id));
        }
    }
    complaints
}

/// While one is exchanged for the other, the API calls neither function nor alias without permission.
fn the_api_is_permitted_to_call_before_it_calls(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for integration in template.of_type("AWS::ApiGatewayV2::Integration") {
        for permission in template.of_type("AWS::Lambda::Permission") {
            if !one_or_many(integration.attribute("DependsOn")).contains(&json!(permission.id)) {
                complaints.push(format!(
                    "{} does not wait for {}",
                    integration.id, permission.id
                ));
            }
        }
    }
    complaints
}

/// The description of a version changes with exactly the parameters that its function depends on.
///
/// CloudFormation publishes another version for another description, which SAM does not for the value of a parameter. It
/// fails where nothing but the description has changed.
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

/// The description of a version changes when a resource that its function is told of is replaced, and with no other resource:
/// an alias would go on sending webhooks to the queue that was replaced.
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
            None => complaints.push(format!("how long is {description}?")),
        }
    }
    complaints
}

/// What a name in a description stands for at its longest; what AWS makes up ends in `generation`.
///
/// The name of a queue has 80 characters at most. CloudFormation makes the name of a secret, to which Secrets Manager adds
/// seven characters, shorter than 128.
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

/// A version goes when another takes its place, or when its deployment fails: Lambda would refuse to publish it once more.
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

/// Another time limit of the webhook makes another version, though neither code nor environment has changed.
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
