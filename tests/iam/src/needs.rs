//! What roles have to be allowed.
//!
//! What the code calls is compared with its sources ([`crate::code`]) and, in the package `e2e`, with what the deployed
//! functions called. The rest follows the documentation of the services.

use template::needs_of_the_key;

use crate::contexts::through;
use crate::requests::Request;
use crate::stack::{REGION, Stack};

/// Who makes a call in the name of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The code of a function.
    Code,
    /// Lambda, before or after it runs the code.
    Lambda,
    /// EventBridge Scheduler.
    Scheduler,
}

use Caller::{Code, Lambda, Scheduler};

/// A call that a role has to be allowed: the role, the action, the resource, and who makes the call.
pub type Need = (&'static str, &'static str, &'static str, Caller);

/// Every call. What a service does with the key to answer it is in [`needs_of_the_key`].
pub const NEEDS: &[Need] = &[
    ("WebhookRole", "logs:CreateLogStream", "WebhookLogs", Lambda),
    ("WebhookRole", "logs:PutLogEvents", "WebhookLogs", Lambda),
    (
        "WebhookRole",
        "secretsmanager:GetSecretValue",
        "WebhookSigningSecret",
        Code,
    ),
    ("WebhookRole", "sqs:SendMessage", "WebhookQueue", Code),
    (
        "EventProcessorRole",
        "logs:CreateLogStream",
        "EventProcessorLogs",
        Lambda,
    ),
    (
        "EventProcessorRole",
        "logs:PutLogEvents",
        "EventProcessorLogs",
        Lambda,
    ),
    (
        "EventProcessorRole",
        "sqs:ReceiveMessage",
        "WebhookQueue",
        Lambda,
    ),
    (
        "EventProcessorRole",
        "sqs:DeleteMessage",
        "WebhookQueue",
        Lambda,
    ),
    (
        "EventProcessorRole",
        "sqs:GetQueueAttributes",
        "WebhookQueue",
        Lambda,
    ),
    (
        "EventProcessorRole",
        "sqs:ChangeMessageVisibility",
        "WebhookQueue",
        Code,
    ),
    (
        "EventProcessorRole",
        "sqs:SendMessage",
        "WebhookDeadLetterQueue",
        Code,
    ),
    (
        "EventProcessorRole",
        "secretsmanager:GetSecretValue",
        "PartnerCredentialsSecret",
        Code,
    ),
    ("EventProcessorRole", "dynamodb:GetItem", "TokenTable", Code),
    ("EventProcessorRole", "dynamodb:PutItem", "TokenTable", Code),
    (
        "EventProcessorRole",
        "dynamodb:UpdateItem",
        "PublishedTable",
        Code,
    ),
    ("EventProcessorRole", "events:PutEvents", "EventBus", Code),
    (
        "TokenRefreshRole",
        "logs:CreateLogStream",
        "TokenRefreshLogs",
        Lambda,
    ),
    (
        "TokenRefreshRole",
        "logs:PutLogEvents",
        "TokenRefreshLogs",
        Lambda,
    ),
    (
        "TokenRefreshRole",
        "secretsmanager:GetSecretValue",
        "PartnerCredentialsSecret",
        Code,
    ),
    ("TokenRefreshRole", "dynamodb:GetItem", "TokenTable", Code),
    ("TokenRefreshRole", "dynamodb:PutItem", "TokenTable", Code),
    // the destination of failed runs
    (
        "TokenRefreshRole",
        "sqs:SendMessage",
        "TokenRefreshFailureQueue",
        Lambda,
    ),
    (
        "TokenRefreshScheduleRole",
        "lambda:InvokeFunction",
        "TokenRefreshFunction",
        Scheduler,
    ),
    // the schedule's dead-letter queue
    (
        "TokenRefreshScheduleRole",
        "sqs:SendMessage",
        "TokenRefreshFailureQueue",
        Scheduler,
    ),
    (
        "HeartbeatRole",
        "logs:CreateLogStream",
        "HeartbeatLogs",
        Lambda,
    ),
    (
        "HeartbeatRole",
        "logs:PutLogEvents",
        "HeartbeatLogs",
        Lambda,
    ),
    (
        "HeartbeatRole",
        "secretsmanager:GetSecretValue",
        "WebhookSigningSecret",
        Code,
    ),
    (
        "HeartbeatScheduleRole",
        "lambda:InvokeFunction",
        "HeartbeatFunction",
        Scheduler,
    ),
];

/// The roles of functions that send traces, if the stack has tracing.
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html>
const TRACED: [&str; 4] = [
    "WebhookRole",
    "EventProcessorRole",
    "TokenRefreshRole",
    "HeartbeatRole",
];

/// What traces are sent with. X-Ray has no resources for it.
const TRACES: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// The requests of roles that have to be allowed.
pub fn of_roles(stack: &Stack, tracing: bool) -> Vec<Request> {
    let mut requests = Vec::new();
    for &(role, action, resource, _) in NEEDS {
        requests.push(Request::plain(role, action, &stack.arn(resource)));
        let has_key = !matches!(
            resource,
            "EventBus" | "TokenRefreshFunction" | "HeartbeatFunction"
        );
        if has_key {
            let (service, actions) =
                needs_of_the_key(action).expect("what it needs of the key is known");
            let key = stack.arn("Key");
            requests.extend(actions.iter().map(|action| Request {
                context: through(service, REGION),
                ..Request::plain(role, action, &key)
            }));
        }
    }
    if tracing {
        let roles = TRACED.into_iter();
        requests
            .extend(roles.flat_map(|role| TRACES.map(|action| Request::plain(role, action, "*"))));
    }
    requests
}
