//! Every request that is made: by whom, on what, and with which condition keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::admissions::{self, ACCOUNT_ROOT};
use crate::contexts::{self, Context};
use crate::needs;
use crate::policies::{Kind, Policy, as_question};
use crate::stack::{ACCOUNT, OTHER_ACCOUNT, Stack, name};

/// The services whose actions are tried: those of the stack's resources, and others that a stolen role would be used for.
pub const SERVICES: [&str; 19] = [
    "apigateway",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ec2",
    "events",
    "execute-api",
    "iam",
    "kms",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "sts",
    "xray",
];

/// The services that try to use the stack's resources in their own name.
const STRANGE_SERVICES: [&str; 12] = [
    "apigateway.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "ec2.amazonaws.com",
    "events.amazonaws.com",
    "lambda.amazonaws.com",
    "logs.eu-central-1.amazonaws.com",
    "logs.us-east-1.amazonaws.com",
    "s3.amazonaws.com",
    "scheduler.amazonaws.com",
    "sns.amazonaws.com",
    "sqs.amazonaws.com",
    "states.amazonaws.com",
];

/// A request that has to be allowed.
#[derive(Clone, Debug)]
pub struct Request {
    /// A role by its logical id, or a service.
    pub asker: String,
    /// The action.
    pub action: String,
    /// The ARN of the resource, or `*`.
    pub resource: String,
    /// The condition keys.
    pub context: Context,
}

impl Request {
    /// Without condition keys.
    pub fn plain(asker: &str, action: &str, resource: &str) -> Self {
        Self {
            asker: asker.to_owned(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            context: Context::none(),
        }
    }
}

/// Every action of a service on these resources in these contexts.
fn group(service: &str, resources: &[String], contexts: &[Context]) -> Value {
    let contexts: BTreeMap<_, _> = contexts.iter().map(|one| (&one.name, &one.keys)).collect();
    json!({"service": service, "resources": resources, "contexts": contexts})
}

/// What roles, outsiders and the account's root user try. To the root user everything is open; only the key has to admit it.
fn groups(stack: &Stack, policies: &[Policy]) -> Value {
    let of_roles = SERVICES.map(|service| {
        let resources = stack.resources_and_look_alikes(service);
        group(service, &resources, &contexts::of_roles(service))
    });
    let of_outsiders = ["kms", "lambda", "sqs", "sts"].map(|service| {
        let namespace = if service == "sts" { "iam" } else { service };
        let prefix = format!("arn:aws:{namespace}:");
        let with_policies = policies.iter().filter_map(|policy| match &policy.kind {
            Kind::Resource(arn) => Some(arn.clone()),
            Kind::Identity(_) => None,
        });
        let resources: Vec<_> = with_policies
            .filter(|arn| arn.starts_with(&prefix))
            .collect();
        group(service, &resources, &contexts::of_services(service))
    });
    let of_root = [group("kms", &[stack.arn("Key")], &[Context::none()])];
    json!({ROLES: of_roles, OUTSIDERS: of_outsiders, ROOT: of_root})
}

const ROLES: &str = "of roles";
const OUTSIDERS: &str = "of outsiders";
const ROOT: &str = "of the root user";

/// The roles of the stack, services, strangers from another account or from nowhere, and the account's root user.
fn askers(stack: &Stack) -> Vec<Value> {
    let asker =
        |name: &str, arn: &str, groups: &str| json!({"name": name, "arn": arn, "groups": groups});
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    let session = |account: &str, role: &str| {
        format!("arn:aws:sts::{account}:assumed-role/{}/session", name(role))
    };
    let roles = stack.of_type("AWS::IAM::Role");
    let mut askers: Vec<_> = roles
        .map(|role| asker(role.id, &session(ACCOUNT, role.id), ROLES))
        .collect();
    askers.extend(STRANGE_SERVICES.map(|service| asker(service, "", OUTSIDERS)));
    askers.extend([
        asker("another account", &root(OTHER_ACCOUNT), OUTSIDERS),
        asker(
            "a role of another account",
            &session(OTHER_ACCOUNT, "WebhookRole"),
            OUTSIDERS,
        ),
        asker("nobody", "", OUTSIDERS),
        asker(ACCOUNT_ROOT, &root(ACCOUNT), ROOT),
    ]);
    askers
}

/// All requests, and those of them that have to be allowed.
pub struct Requests {
    groups: Value,
    askers: Vec<Value>,
    expected: Vec<Value>,
}

impl Requests {
    /// The requests on a stack with these policies.
    pub fn new(stack: &Stack, policies: &[Policy], tracing: bool) -> Self {
        let needed = needs::of_roles(stack, tracing).into_iter();
        let needed = needed.chain(admissions::of_services(stack));
        let mut expected: Vec<_> = needed
            .map(|need| json!([need.asker, need.action, need.resource, need.context.name]))
            .collect();
        let key = stack.arn("Key");
        expected.push(json!([ACCOUNT_ROOT, "kms:*", key, Context::none().name]));
        expected.sort_by_key(Value::to_string);
        expected.dedup();
        Self {
            groups: groups(stack, policies),
            askers: askers(stack),
            expected,
        }
    }

    /// The question how these policies decide. After `limit` differences, no more requests are made.
    pub fn question(&self, policies: &[Policy], limit: usize) -> Value {
        json!({
            "policies": as_question(policies),
            "groups": self.groups,
            "askers": self.askers,
            "expected": self.expected,
            "first": [],
            "limit": limit,
        })
    }

    /// The question whether a change to this policy is noticed. It begins with requests that the change is likely to be about.
    pub fn question_about(
        &self,
        policies: &[Policy],
        changed: &Policy,
        services: &[&str],
    ) -> Value {
        let mut question = self.question(policies, 1);
        let mut askers = self.askers.clone();
        askers.sort_by_key(|asker| match &changed.kind {
            Kind::Identity(role) => asker["name"] != role.as_str(),
            Kind::Resource(_) => policies
                .iter()
                .any(|policy| asker["name"] == policy.name.as_str()),
        });
        question["askers"] = askers.into();
        question["first"] = json!(services);
        question
    }
}
