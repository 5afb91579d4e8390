//! The policies of a stack, as IAM sees them.

use serde_json::{Value, json};
use template::Resource;

use crate::stack::{ACCOUNT, REGION, Stack};

/// Whose policy it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// What the role with this logical id may do.
    Identity(String),
    /// Whom a resource admits: its ARN.
    Resource(String),
}

/// One policy.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The logical id of its role or resource; for a role's trust, with `.trust`.
    pub name: String,
    /// Whose policy it is.
    pub kind: Kind,
    /// The document.
    pub document: Value,
}

impl Policy {
    /// Its statements.
    pub fn statements(&self) -> &[Value] {
        self.document["Statement"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }
}

/// Every policy of a stack.
pub fn policies(stack: &Stack) -> Vec<Policy> {
    let mut policies = Vec::new();
    for role in stack.of_type("AWS::IAM::Role") {
        let trust = stack.resolve(role.property("/AssumeRolePolicyDocument"));
        policies.push(Policy {
            name: format!("{}.trust", role.id),
            kind: Kind::Resource(stack.arn(role.id)),
            document: trust,
        });
        for policy in role.property("/Policies").as_array().into_iter().flatten() {
            policies.push(Policy {
                name: role.id.to_owned(),
                kind: Kind::Identity(role.id.to_owned()),
                document: stack.resolve(&policy["PolicyDocument"]),
            });
        }
    }
    policies.extend(stack.of_type("AWS::KMS::Key").map(|key| Policy {
        name: key.id.to_owned(),
        kind: Kind::Resource(stack.arn(key.id)),
        document: stack.resolve(key.property("/KeyPolicy")),
    }));
    for policy in stack.of_type("AWS::SQS::QueuePolicy") {
        for queue in policy.property("/Queues").as_array().into_iter().flatten() {
            let queue = stack.target(queue).expect("a queue policy is for a queue");
            policies.push(Policy {
                name: queue.id.to_owned(),
                kind: Kind::Resource(stack.arn(queue.id)),
                document: stack.resolve(policy.property("/PolicyDocument")),
            });
        }
    }
    let permissions = stack.of_type("AWS::Lambda::Permission");
    policies.extend(permissions.map(|permission| function_policy(stack, permission)));
    policies
}

/// Whatever else of a stack gives rights. [`policies`] does not know it, so that nothing would be shown about it.
pub fn unknown(stack: &Stack) -> Vec<String> {
    let known = [
        "AWS::IAM::Role",
        "AWS::Lambda::Permission",
        "AWS::SQS::QueuePolicy",
    ];
    let mut unknown = Vec::new();
    for resource in stack.resources() {
        let (id, kind) = (resource.id, resource.kind());
        let gives_rights = kind.starts_with("AWS::IAM::")
            || ["Policy", "Permission", "Url"].map(|end| kind.ends_with(end)) != [false; 3];
        if gives_rights && !known.contains(&kind) {
            unknown.push(format!("{id} is of the type {kind}"));
        }
        for property in ["ManagedPolicyArns", "PermissionsBoundary", "ResourcePolicy"] {
            if !resource.property(&format!("/{property}")).is_null() {
                unknown.push(format!("{id} has a property {property}"));
            }
        }
    }
    unknown
}

/// The policy that Lambda makes of a permission.
fn function_policy(stack: &Stack, permission: Resource<'_>) -> Policy {
    let function = stack.target(permission.property("/FunctionName"));
    let function = function.expect("a permission is for a function");
    let arn = stack.arn(function.id);
    let mut statement = json!({
        "Sid": permission.id,
        "Effect": "Allow",
        "Principal": {"Service": permission.property("/Principal")},
        "Action": permission.property("/Action"),
        "Resource": arn,
    });
    let source = permission.property("/SourceArn");
    if !source.is_null() {
        statement["Condition"] = json!({"ArnLike": {"AWS:SourceArn": stack.resolve(source)}});
    }
    Policy {
        name: function.id.to_owned(),
        kind: Kind::Resource(arn),
        document: json!({"Version": "2012-10-17", "Statement": [statement]}),
    }
}

/// The policies as the evaluator takes them: one document for each role, and one for each resource.
pub fn as_question(policies: &[Policy]) -> Value {
    let mut question = json!({
        "account": ACCOUNT,
        "region": REGION,
        "identity": {},
        "resource": {},
    });
    for policy in policies {
        let (table, key) = match &policy.kind {
            Kind::Identity(role) => ("identity", role),
            Kind::Resource(arn) => ("resource", arn),
        };
        let earlier = &mut question[table][key];
        match earlier["Statement"].as_array_mut() {
            Some(statements) => statements.extend_from_slice(policy.statements()),
            None => *earlier = json!({"Statement": policy.statements()}),
        }
    }
    question
}

/// The actions of a statement.
pub fn actions(statement: &Value) -> impl Iterator<Item = &str> {
    let actions = match &statement["Action"] {
        Value::Array(actions) => actions.as_slice(),
        single => std::slice::from_ref(single),
    };
    actions.iter().filter_map(Value::as_str)
}
