//! The webhook with and without provisioned concurrency.

use serde_json::json;
use template::{Resource, Template, referred};

use super::Proof;
use super::policy::one_or_many;
use super::versions::version;

/// The parameter for the number of provisioned environments of the webhook.
pub const PARAMETER: &str = "WebhookProvisionedConcurrency";

/// About what the API calls, and which version an alias points to.
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
];

/// What API Gateway calls and what it may call, each with the resource that says so.
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

/// If the parameter is not set, no environment is provisioned, and the API calls the function itself.
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

/// With the parameter at 2, the API calls an alias and has the permission for it. The alias points to a version of the
/// function that the API calls by default, and has two provisioned environments.
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

/// During a change between function and alias, the API never calls either without permission.
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
