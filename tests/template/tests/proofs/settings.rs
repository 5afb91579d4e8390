//! Encryption, retention, retries and rates of the resources.

use std::collections::HashSet;

use template::{Template, referred, substituted};

use super::bus_dead_letters::dead_letters;

/// Everything that stores data is encrypted by the stack's own key, which is rotated. The only exception is a bus's
/// dead-letter queue, which has a proof of its own.
pub fn everything_at_rest_is_encrypted_by_the_key(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    let without_the_key: Vec<&str> = template
        .of_type("AWS::Events::EventBus")
        .filter_map(|bus| dead_letters(template, bus))
        .map(|queue| queue.id)
        .collect();
    for resource in template.resources() {
        let key = match resource.kind() {
            "AWS::DynamoDB::Table" => "/SSESpecification/KMSMasterKeyId",
            "AWS::Events::Archive" | "AWS::Events::EventBus" => "/KmsKeyIdentifier",
            "AWS::Logs::LogGroup" | "AWS::SecretsManager::Secret" => "/KmsKeyId",
            "AWS::SQS::Queue" if !without_the_key.contains(&resource.id) => "/KmsMasterKeyId",
            _ => continue,
        };
        let key = template.target(resource.property(key));
        if key.is_none_or(|key| key.kind() != "AWS::KMS::Key") {
            complaints.push(format!("{} is not encrypted by the key", resource.id));
        }
    }
    for key in template.of_type("AWS::KMS::Key") {
        if key.property("/EnableKeyRotation") != true {
            complaints.push(format!("{} is not rotated", key.id));
        }
    }
    complaints
}

/// The template sets no secret's value.
pub fn no_secret_gets_its_value_here(template: &Template) -> Vec<String> {
    template
        .of_type("AWS::SecretsManager::Secret")
        .filter(|secret| {
            ["/SecretString", "/GenerateSecretString"]
                .iter()
                .any(|value| !secret.property(value).is_null())
        })
        .map(|secret| format!("{} has a value", secret.id))
        .collect()
}

/// Lambda does not retry the scheduler's invocations, and failures go to a queue. Only a failed heartbeat needs no queue: an
/// alarm goes off.
pub fn the_next_tick_is_the_retry(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for schedule in template.of_type("AWS::Scheduler::Schedule") {
        let function = referred(schedule.property("/Target/Arn"));
        let config = template
            .of_type("AWS::Lambda::EventInvokeConfig")
            .find(|config| referred(config.property("/FunctionName")) == function);
        let Some(config) = config else {
            complaints.push(format!("{function:?} is retried as by default"));
            continue;
        };
        if config.property("/MaximumRetryAttempts") != 0 {
            complaints.push(format!("{function:?} is retried"));
        }
        if function == Some("HeartbeatFunction") {
            continue;
        }
        let destination =
            template.target(config.property("/DestinationConfig/OnFailure/Destination"));
        if destination.is_none_or(|destination| destination.kind() != "AWS::SQS::Queue") {
            complaints.push(format!("{function:?} fails silently"));
        }
    }
    complaints
}

/// Every function and stage has a log group of its own, and logs expire.
pub fn logs_are_kept_apart_and_for_a_time(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for group in template.of_type("AWS::Logs::LogGroup") {
        if template
            .number(group.property("/RetentionInDays"))
            .is_none()
        {
            complaints.push(format!("{} is kept for ever", group.id));
        }
    }
    let functions = template
        .of_type("AWS::Lambda::Function")
        .map(|function| (function, "/LoggingConfig/LogGroup"));
    let stages = template
        .of_type("AWS::ApiGatewayV2::Stage")
        .map(|stage| (stage, "/AccessLogSettings/DestinationArn"));
    let mut taken = HashSet::new();
    for (resource, group) in functions.chain(stages) {
        let group = template
            .target(resource.property(group))
            .map(|group| group.id);
        if group.is_none_or(|group| !taken.insert(group)) {
            complaints.push(format!("{} has no log group of its own", resource.id));
        }
    }
    complaints
}

/// The access log holds nothing that a caller sends, except the caller's address.
pub fn the_access_log_quotes_no_request(template: &Template) -> Vec<String> {
    const HARMLESS: [&str; 11] = [
        "${AWS::StackName}",
        "$context.error.message",
        "$context.identity.sourceIp",
        "$context.integrationErrorMessage",
        "$context.integrationLatency",
        "$context.integrationStatus",
        "$context.requestId",
        "$context.requestTime",
        "$context.responseLatency",
        "$context.routeKey",
        "$context.status",
    ];
    let mut complaints = Vec::new();
    for stage in template.of_type("AWS::ApiGatewayV2::Stage") {
        let format = stage.property("/AccessLogSettings/Format");
        let format = substituted(format).or_else(|| format.as_str());
        match serde_json::from_str::<std::collections::BTreeMap<String, String>>(
            format.unwrap_or_default(),
        ) {
            Ok(fields) => complaints.extend(
                fields
                    .into_values()
                    .filter(|value| !HARMLESS.contains(&value.as_str()))
                    .map(|value| format!("{} logs {value}", stage.id)),
            ),
            Err(error) => complaints.push(format!("{} logs no JSON: {error}", stage.id)),
        }
    }
    complaints
}

/// The defaults allow 500 requests a second and 1000 at once. Strangers share this limit with WHOOP.
pub fn the_api_is_throttled(template: &Template) -> Vec<String> {
    template
        .of_type("AWS::ApiGatewayV2::Stage")
        .filter(|stage| {
            let limit = |name| {
                template.number(stage.property(&format!("/DefaultRouteSettings/Throttling{name}")))
            };
            (limit("RateLimit"), limit("BurstLimit")) != (Some(500.0), Some(1000.0))
        })
        .map(|stage| format!("{} has other limits", stage.id))
        .collect()
}

/// DynamoDB removes tokens and published states when they expire.
pub fn items_are_removed_when_they_expire(template: &Template) -> Vec<String> {
    template
        .of_type("AWS::DynamoDB::Table")
        .filter(|table| {
            table.property("/TimeToLiveSpecification/AttributeName") != "expires_at"
                || table.property("/TimeToLiveSpecification/Enabled") != true
        })
        .map(|table| format!("{} keeps what has expired", table.id))
        .collect()
}
