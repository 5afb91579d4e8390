//! What roles may do, and who may assume them.

use serde_json::{Value, json};
use template::{Resource, Template, needs_of_the_key, referred};

use super::policy::{actions, covers, one_or_many, services, this_account, via};

/// Types whose resources the stack's key encrypts.
const ENCRYPTED: [&str; 4] = [
    "AWS::DynamoDB::Table",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
];

/// Each role that uses an encrypted resource may have that service encrypt and decrypt it.
pub fn roles_may_use_the_key_for_what_they_touch(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for role in template.of_type("AWS::IAM::Role") {
        for statement in allowed(role) {
            let touched = one_or_many(&statement["Resource"])
                .iter()
                .filter_map(|resource| template.target(resource))
                .filter(|resource| ENCRYPTED.contains(&resource.kind()));
            for resource in touched {
                for action in actions(statement) {
                    let Some((service, needs)) = needs_of_the_key(action) else {
                        complaints.push(format!(
                            "{}: the proofs do not know what {action} needs of the key",
                            role.id
                        ));
                        continue;
                    };
                    for need in needs {
                        if !may_use_the_key(template, role, need, service) {
                            complaints.push(format!(
                                "{} may {action} on {} but not {need} by {service}",
                                role.id, resource.id
                            ));
                        }
                    }
                }
            }
        }
    }
    complaints
}

/// A role has only the statements of its own policies, on named resources, and uses the key only through a service.
pub fn roles_are_narrow(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for resource in template.resources() {
        if let "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy" =
            resource.kind()
        {
            complaints.push(format!("{} is a policy outside of its role", resource.id));
        }
    }
    for role in template.of_type("AWS::IAM::Role") {
        if !role.property("/ManagedPolicyArns").is_null() {
            complaints.push(format!("{} has managed policies", role.id));
        }
        for statement in statements(role).filter(|statement| !is_tracing(statement)) {
            if !is_plain(statement) {
                complaints.push(format!(
                    "{} has a statement of another form: {statement}",
                    role.id
                ));
            }
            if actions(statement).any(|action| action.ends_with(":*") || action == "*") {
                complaints.push(format!("{} may do anything to something", role.id));
            }
            for resource in one_or_many(&statement["Resource"]) {
                match template.target(resource) {
                    None => complaints.push(format!(
                        "{} names {resource}, no resource of the stack",
                        role.id
                    )),
                    Some(key) if key.kind() == "AWS::KMS::Key" && via(statement).is_none() => {
                        complaints.push(format!("{} may use the key directly", role.id));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    complaints
}

/// Each role is assumed by one service. The scheduler may assume its role for this account only.
pub fn roles_are_assumed_by_their_service_only(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for role in template.of_type("AWS::IAM::Role") {
        let document = role.property("/AssumeRolePolicyDocument/Statement");
        let [statement] = one_or_many(document) else {
            complaints.push(format!("{} is assumed in several ways", role.id));
            continue;
        };
        // Lambda names no source account when it assumes a role; passing it the role requires iam:PassRole in this
        // account.
        let for_this_account =
            match statement["Principal"] == json!({"Service": "lambda.amazonaws.com"}) {
                true => true,
                false => statement["Condition"] == this_account(),
            };
        if !for_this_account || services(statement).len() != 1 {
            complaints.push(format!("{} may be assumed by others", role.id));
        }
    }
    complaints
}

/// The actions on a queue that Lambda takes in the name of the function for which it polls.
const POLLING: [&str; 3] = [
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
];

/// A role, an action that it needs, and the resource of the action.
type Need<'a> = (Option<Resource<'a>>, &'static str, &'a Value);

/// The permissions that follow from references: functions write to their log groups and use the queues, tables and bus
/// in their environment, failures go to their queue, schedules invoke their function.
fn needs(template: &Template) -> Vec<Need<'_>> {
    let mut needs: Vec<Need<'_>> = Vec::new();
    for function in template.of_type("AWS::Lambda::Function") {
        let role = template.target(function.property("/Role"));
        let group = function.property("/LoggingConfig/LogGroup");
        needs.push((role, "logs:CreateLogStream", group));
        needs.push((role, "logs:PutLogEvents", group));
        for (variable, action) in [
            ("EVENT_BUS_NAME", "events:PutEvents"),
            (
                "PARTNER_CREDENTIALS_SECRET_ID",
                "secretsmanager:GetSecretValue",
            ),
            ("PUBLISHED_TABLE_NAME", "dynamodb:UpdateItem"),
            ("TOKEN_TABLE_NAME", "dynamodb:GetItem"),
            ("TOKEN_TABLE_NAME", "dynamodb:PutItem"),
            ("WEBHOOK_DEAD_LETTER_QUEUE_URL", "sqs:SendMessage"),
            ("WEBHOOK_SIGNING_SECRET_ID", "secretsmanager:GetSecretValue"),
        ] {
            let told = function.property(&format!("/Environment/Variables/{variable}"));
            if !told.is_null() {
                needs.push((role, action, told));
            }
        }
        // a function that the queue does not invoke sends to it
        let queue = function.property("/Environment/Variables/WEBHOOK_QUEUE_URL");
        let is_invoked_from_it = template
            .of_type("AWS::Lambda::EventSourceMapping")
            .any(|mapping| referred(mapping.property("/FunctionName")) == Some(function.id));
        if !queue.is_null() && !is_invoked_from_it {
            needs.push((role, "sqs:SendMessage", queue));
        }
    }
    for mapping in template.of_type("AWS::Lambda::EventSourceMapping") {
        let function = template.target(mapping.property("/FunctionName"));
        let role = function.and_then(|function| template.target(function.property("/Role")));
        let queue = mapping.property("/EventSourceArn");
        needs.extend(POLLING.map(|action| (role, action, queue)));
        // the function sets the visibility timeout of messages that return
        needs.push((role, "sqs:ChangeMessageVisibility", queue));
    }
    for config in template.of_type("AWS::Lambda::EventInvokeConfig") {
        let function = template.target(config.property("/FunctionName"));
        let role = function.and_then(|function| template.target(function.property("/Role")));
        let destination = config.property("/DestinationConfig/OnFailure/Destination");
        if !destination.is_null() {
            needs.push((role, "sqs:SendMessage", destination));
        }
    }
    for schedule in template.of_type("AWS::Scheduler::Schedule") {
        let role = template.target(schedule.property("/Target/RoleArn"));
        needs.push((
            role,
            "lambda:InvokeFunction",
            schedule.property("/Target/Arn"),
        ));
        let dead_letters = schedule.property("/Target/DeadLetterConfig/Arn");
        if !dead_letters.is_null() {
            needs.push((role, "sqs:SendMessage", dead_letters));
        }
    }
    needs
}

/// Each role has the permissions that it needs.
pub fn roles_may_reach_what_they_are_told_of(template: &Template) -> Vec<String> {
    let mut complaints = Vec::new();
    for (role, action, target) in needs(template) {
        let granted = role.is_some_and(|role| {
            allowed(role).any(|statement| {
                actions(statement).any(|granted| granted == action)
                    && one_or_many(&statement["Resource"]).iter().any(|resource| {
                        referred(resource).is_some() && referred(resource) == referred(target)
                    })
            })
        });
        if !granted {
            let role = role.map_or("no role", |role| role.id);
            complaints.push(format!("{role} may not {action} on {target}"));
        }
    }
    complaints
}

/// No role has a permission that nobody needs. Permissions on the key are proved separately.
pub fn roles_may_do_nothing_else(template: &Template) -> Vec<String> {
    let needs = needs(template);
    let mut complaints = Vec::new();
    for role in template.of_type("AWS::IAM::Role") {
        for statement in allowed(role) {
            let targets = one_or_many(&statement["Resource"])
                .iter()
                .filter_map(|resource| template.target(resource))
                .filter(|target| target.kind() != "AWS::KMS::Key");
            for target in targets {
                for action in actions(statement) {
                    let is_needed = needs.iter().any(|(who, what, of)| {
                        who.is_some_and(|who| who.id == role.id)
                            && *what == action
                            && referred(of) == Some(target.id)
                    });
                    if !is_needed {
                        complaints.push(format!("{} may {action} on {}", role.id, target.id));
                    }
                }
            }
        }
    }
    complaints
}

/// Whether a role may use the key for `action` through `service`.
fn may_use_the_key(template: &Template, role: Resource<'_>, action: &str, service: &str) -> bool {
    allowed(role).any(|statement| {
        one_or_many(&statement["Resource"])
            .iter()
            .filter_map(|resource| template.target(resource))
            .any(|resource| resource.kind() == "AWS::KMS::Key")
            && actions(statement).any(|granted| covers(granted, action))
            && via(statement)
                .is_some_and(|by| by == format!("{service}.${{AWS::Region}}.amazonaws.com"))
    })
}

/// Whether a statement allows actions on resources. These proofs understand no other form.
fn is_plain(statement: &Value) -> bool {
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    statement["Effect"] == "Allow"
        && statement
            .as_object()
            .is_some_and(|keys| keys.keys().all(|key| known.contains(&key.as_str())))
}

/// The statements of a role's policies that allow something.
fn allowed(role: Resource<'_>) -> impl Iterator<Item = &Value> {
    statements(role).filter(|statement| statement["Effect"] == "Allow")
}

/// The statements of a role's policies, including those that depend on a condition.
fn statements(role: Resource<'_>) -> impl Iterator<Item = &Value> {
    one_or_many(role.property("/Policies"))
        .iter()
        .flat_map(|policy| one_or_many(&policy["PolicyDocument"]["Statement"]))
        .map(|statement| match &statement["Fn::If"] {
            Value::Array(choice) if choice[2]["Ref"] == "AWS::NoValue" => &choice[1],
            _ => statement,
        })
}

/// Whether a statement lets a function send its traces, and nothing more. X-Ray's actions know no resources.
fn is_tracing(statement: &Value) -> bool {
    let actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];
    is_plain(statement) && statement["Action"] == json!(actions) && statement["Resource"] == "*"
}
