//! The IAM policies of the documentation, which people copy: they suffice, and they allow no more.

use std::collections::BTreeSet;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use template::Template;
use template::{checkout, needs_of_the_key};

use super::policy::{actions, one_or_many};

/// Flaws in the documentation that must be noticed: the name of each, the text it replaces, and the replacement.
const FLAWS: [(&str, &str, &str); 12] = [
    (
        "a_policy_that_is_no_json",
        r#""Effect": "Allow","#,
        r#""Effect": "Allow""#,
    ),
    (
        "a_receiver_that_may_not_delete",
        r#""sqs:DeleteMessage", "#,
        "",
    ),
    (
        "a_receiver_that_may_purge",
        r#""sqs:DeleteMessage""#,
        r#""sqs:PurgeQueue""#,
    ),
    (
        "a_receiver_of_dead_letters_that_may_not",
        r#", "VALUE_OF_WebhookDeadLetterQueueArn""#,
        "",
    ),
    (
        "messages_that_stay_encrypted",
        "sqs.REGION.amazonaws.com",
        "REGION.amazonaws.com",
    ),
    (
        "a_token_that_stays_encrypted",
        "dynamodb.REGION.amazonaws.com",
        "sqs.REGION.amazonaws.com",
    ),
    (
        "a_token_that_may_be_written",
        "dynamodb:GetItem",
        "dynamodb:*",
    ),
    (
        "an_output_that_is_not_there",
        "VALUE_OF_TokenTableArn",
        "VALUE_OF_TableArn",
    ),
    (
        "rules_of_every_bus",
        "rule/VALUE_OF_EventBusName/*",
        "rule/*",
    ),
    ("rules_that_may_not_be_made", r#""events:PutRule", "#, ""),
    (
        "a_key_for_all_events",
        "kms:EncryptionContext:aws:events:event-bus:arn",
        "kms:ViaService",
    ),
    (
        "access_logs_that_may_not_be_turned_on",
        "logs:CreateLogDelivery",
        "logs:CreateLogGroup",
    ),
];

/// One trial for the documentation as it is, and one for each flaw.
pub fn trials() -> Vec<Trial> {
    let name = "the_published_policies_suffice_and_allow_no_more";
    let mut trials = vec![Trial::test(name, || {
        match complaints(&documentation()?, super::template()?).as_slice() {
            [] => Ok(()),
            complaints => Err(complaints.join("\n").into()),
        }
    })];
    trials.extend(FLAWS.map(|(flaw, from, to)| {
        Trial::test(format!("{name}::notices_{flaw}"), move || {
            let documentation = documentation()?;
            if !documentation.contains(from) {
                return Err(format!("the documentation lacks {from}").into());
            }
            match complaints(&documentation.replace(from, to), super::template()?).is_empty() {
                true => Err("the proof did not notice the flaw".into()),
                false => Ok(()),
            }
        })
    }));
    trials
}

/// The README and the pages of `docs`, one after the other.
fn documentation() -> Result<String, Failed> {
    let mut text = std::fs::read_to_string(checkout().join("README.md"))?;
    for entry in std::fs::read_dir(checkout().join("docs"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            text.push_str(&std::fs::read_to_string(path)?);
        }
    }
    Ok(text)
}

/// The statements of each policy in the documentation, or the reason why a block is not a policy.
fn policies(documentation: &str) -> Result<Vec<Vec<Value>>, String> {
    let blocks = documentation.split("```json\n").skip(1);
    blocks
        .filter_map(|rest| rest.split("```").next())
        .filter(|block| block.contains("\"Statement\""))
        .map(|block| {
            let policy: Value = serde_json::from_str(block)
                .map_err(|error| format!("a policy is no JSON: {error}\n{block}"))?;
            Ok(one_or_many(&policy["Statement"]).to_vec())
        })
        .collect()
}

/// What is wrong with the policies of the documentation.
fn complaints(documentation: &str, template: &Template) -> Vec<String> {
    let policies = match policies(documentation) {
        Ok(policies) => policies,
        Err(complaint) => return vec![complaint],
    };
    let mut complaints = Vec::new();
    for statement in policies.iter().flatten() {
        if statement["Effect"] != "Allow" {
            complaints.push(format!("{} allows nothing", statement["Sid"]));
        }
        let text = statement.to_string();
        for value in text.split("VALUE_OF_").skip(1) {
            let name = value
                .split(|letter: char| !letter.is_ascii_alphanumeric())
                .next();
            let name = name.unwrap_or_default();
            if template.0["Outputs"][name].is_null() {
                complaints.push(format!("there is no output {name}"));
            }
        }
    }
    complaints.extend(what_consumers_lack_or_have_too_much_of(&policies));
    complaints.extend(what_a_maker_of_rules_lacks(&policies));
    complaints.extend(what_a_deployer_lacks(&policies));
    complaints
}

/// The actions that a policy allows on exactly this resource.
fn allowed<'a>(policy: &'a [Value], resource: &str) -> BTreeSet<&'a str> {
    policy
        .iter()
        .filter(|statement| one_or_many(&statement["Resource"]).contains(&json!(resource)))
        .flat_map(actions)
        .collect()
}

/// Whether a policy lets the key be used for `action` under this condition.
fn may_use_the_key(policy: &[Value], action: &str, condition: &Value) -> bool {
    policy.iter().any(|statement| {
        statement["Resource"] == "VALUE_OF_KeyArn"
            && statement["Condition"] == *condition
            && actions(statement).any(|allowed| allowed == action)
    })
}

/// Consumers of queues and the token table may do exactly what is listed here, and the same policy lets them use the
/// key for it.
fn what_consumers_lack_or_have_too_much_of(policies: &[Vec<Value>]) -> Vec<String> {
    let receiving = BTreeSet::from([
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ]);
    let mut complaints = Vec::new();
    for (output, needed) in [
        ("WebhookQueueArn", receiving.clone()),
        ("WebhookDeadLetterQueueArn", receiving),
        ("TokenTableArn", BTreeSet::from(["dynamodb:GetItem"])),
    ] {
        let resource = format!("VALUE_OF_{output}");
        let policy = policies
            .iter()
            .find(|policy| !allowed(policy, &resource).is_empty());
        let Some(policy) = policy else {
            complaints.push(format!("nobody may use {output}"));
            continue;
        };
        if allowed(policy, &resource) != needed {
            complaints.push(format!("another policy than expected for {output}"));
        }
        for action in &needed {
            let Some((service, keys)) = needs_of_the_key(action) else {
                complaints.push(format!(
                    "the proofs do not know what {action} needs of the key"
                ));
                continue;
            };
            let condition = json!({"StringEquals":
                {"kms:ViaService": format!("{service}.REGION.amazonaws.com")}
            });
            for key in keys {
                if !may_use_the_key(policy, key, &condition) {
                    complaints.push(format!("{action} on {output} lacks {key}"));
                }
            }
        }
    }
    complaints
}

/// People who create rules on the bus may do so on this bus only. They may also decrypt the rules, which the key
/// encrypts too.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html>
fn what_a_maker_of_rules_lacks(policies: &[Vec<Value>]) -> Vec<String> {
    let rules = "arn:aws:events:REGION:ACCOUNT:rule/VALUE_OF_EventBusName/*";
    let needed = [
        "events:DeleteRule",
        "events:DescribeRule",
        "events:ListTargetsByRule",
        "events:PutRule",
        "events:PutTargets",
        "events:RemoveTargets",
    ];
    let condition = json!({"StringEquals":
        {"kms:EncryptionContext:aws:events:event-bus:arn": "VALUE_OF_EventBusArn"}
    });
    let suffices = policies.iter().any(|policy| {
        allowed(policy, rules) == BTreeSet::from(needed)
            && may_use_the_key(policy, "kms:Decrypt", &condition)
    });
    match suffices {
        true => vec![],
        false => vec!["nobody may make rules on this bus alone".to_owned()],
    }
}

/// People who deploy may turn on access logs and have CloudFormation use the new key.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html>
fn what_a_deployer_lacks(policies: &[Vec<Value>]) -> Vec<String> {
    let logs = [
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ];
    // the grant for a table, and the actions that EventBridge needs for a bus
    let key = [
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:Encrypt",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ];
    let deployers: Vec<_> = policies
        .iter()
        .filter(|policy| !allowed(policy, "*").is_empty())
        .collect();
    let [deployer] = deployers.as_slice() else {
        return vec![format!("{} policies on all resources", deployers.len())];
    };
    let by_cloudformation = json!({"ForAnyValue:StringEquals":
        {"aws:CalledVia": "cloudformation.amazonaws.com"}
    });
    let mut complaints = Vec::new();
    for action in logs {
        if !allowed(deployer, "*").contains(action) {
            complaints.push(format!("a deployer may not {action}"));
        }
    }
    for action in key {
        let granted = deployer.iter().any(|statement| {
            statement["Condition"] == by_cloudformation
                && actions(statement).any(|allowed| allowed == action)
        });
        if !granted {
            complaints.push(format!("CloudFormation may not {action} for a deployer"));
        }
    }
    complaints
}
