//! Whom the key's policy and the functions' permissions admit.

use serde_json::{Value, json};
use template::{Template, referred, substituted};

use super::policy::{actions, covers, one_or_many, services, this_account};
use super::provisioned_concurrency::PARAMETER;

/// The key's policy admits this account, and the services that use the key in their own name, for this account.
pub fn the_key_admits_services_of_this_account_only(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for key in template.of_type("AWS::KMS::Key") {
        let statements = one_or_many(key.property("/KeyPolicy/Statement"));
        let logs = json!({"ArnLike": {
            "kms:EncryptionContext:aws:logs:arn":
                {"Fn::Sub": "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"}
        }});
        let messages = ["kms:Decrypt", "kms:GenerateDataKey"];
        let records = [
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:ReEncryptTo",
            "kms:DescribeKey",
        ];
        let events = ["kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptTo"];
        let buses = json!({"ArnLike": {
            "kms:EncryptionContext:aws:events:event-bus:arn":
                {"Fn::Sub": "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/*"}
        }});
        let expected = [
            ("logs.${AWS::Region}.amazonaws.com", logs, &records[..]),
            ("sqs.amazonaws.com", this_account(), &messages[..]),
            ("events.amazonaws.com", this_account(), &messages[..]),
            ("events.amazonaws.com", buses, &events[..]),
            ("events.amazonaws.com", Value::Null, &["kms:DescribeKey"]),
            ("scheduler.amazonaws.com", this_account(), &messages[..]),
        ];
        for (service, condition, needs) in &expected {
            let admitted = statements.iter().any(|statement| {
                statement["Effect"] == "Allow"
                    && services(statement).contains(service)
                    && statement["Condition"] == *condition
                    && needs
                        .iter()
                        .all(|need| actions(statement).any(|action| covers(action, need)))
            });
            if !admitted {
                complaints.push(format!("{} does not admit {service} as it should", key.id));
            }
        }
        let root = json!({"AWS": {"Fn::Sub": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}});
        for statement in statements {
            let guarded = services(statement).iter().all(|service| {
                expected.iter().any(|(name, condition, needs)| {
                    // without a condition, exactly the needed actions
                    let narrow = !condition.is_null()
                        || actions(statement).all(|action| needs.contains(&action));
                    name == service && statement["Condition"] == *condition && narrow
                })
            });
            let by_service =
                !services(statement).is_empty() && statement["Principal"]["AWS"].is_null();
            if statement["Effect"] == "Allow"
                && statement["Principal"] != root
                && !(by_service && guarded)
            {
                complaints.push(format!(
                    "{} admits more than it should: {}",
                    key.id, statement["Sid"]
                ));
            }
        }
        if !statements
            .iter()
            .any(|statement| statement["Principal"] == root)
        {
            complaints.push(format!("{} cannot be managed by this account", key.id));
        }
    }
    complaints
}

/// API Gateway may invoke each route's function from exactly that route; nobody else may invoke any function. With
/// provisioned concurrency, the same holds for the function's alias.
pub fn functions_are_invoked_from_their_routes_only(template: &Template) -> Vec<String> {
    [0, 2]
        .into_iter()
        .flat_map(|executions| {
            invoked_from_their_routes_only(&template.deployed_with(&[(PARAMETER, executions)]))
        })
        .collect()
}

fn invoked_from_their_routes_only(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut granted: Vec<(&str, &str)> = Vec::new();
    for permission in template.of_type("AWS::Lambda::Permission") {
        let function = referred(permission.property("/FunctionName")).unwrap_or_default();
        let source = substituted(permission.property("/SourceArn")).unwrap_or_default();
        if permission.property("/Principal") != "apigateway.amazonaws.com" {
            complaints.push(format!("{} lets in another service", permission.id));
        }
        granted.push((function, source));
    }
    let mut routed = Vec::new();
    for route in template.of_type("AWS::ApiGatewayV2::Route") {
        let api = referred(route.property("/ApiId")).unwrap_or_default();
        let integration = template
            .of_type("AWS::ApiGatewayV2::Integration")
            .find(|integration| {
                substituted(route.property("/Target"))
                    == Some(&format!("integrations/${{{}}}", integration.id))
            });
        let function =
            integration.and_then(|integration| referred(integration.property("/IntegrationUri")));
        let key = route
            .property("/RouteKey")
            .as_str()
            .unwrap_or_default()
            .replace(' ', "");
        let source = format!(
            "arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api}}}/*/{key}"
        );
        routed.push((function.unwrap_or_default(), source));
    }
    for (function, source) in &granted {
        if !routed
            .iter()
            .any(|(to, from)| to == function && from == source)
        {
            complaints.push(format!(
                "{function} may be invoked from {source}, which is no route"
            ));
        }
    }
    for (function, source) in &routed {
        if !granted.contains(&(*function, source.as_str())) {
            complaints.push(format!(
                "{function} may not be invoked from its route {source}"
            ));
        }
    }
    complaints
}
