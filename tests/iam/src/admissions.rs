//! Whom the stack's resources have to admit, beside its roles.
//!
//! This follows the documentation of the services.

use crate::contexts::of_services as contexts;
use crate::requests::Request;
use crate::stack::Stack;

/// When a service is admitted.
enum When {
    /// Whatever the context.
    Always,
    /// Only in this one.
    In(&'static str),
}

use When::{Always, In};

/// A service that a resource of the stack has to admit: the service, the actions, the resource, and when.
type Admission = (&'static str, &'static [&'static str], &'static str, When);

/// The account itself. The key leaves it to IAM who of the account may use it.
pub const ACCOUNT_ROOT: &str = "the account";

/// Every service that is admitted.
const ADMISSIONS: &[Admission] = &[
    // the patterns of the documentation, as far as these actions take an encryption context
    // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    (
        "logs.us-east-1.amazonaws.com",
        &[
            "kms:Decrypt",
            "kms:Encrypt",
            "kms:GenerateDataKey",
            "kms:GenerateDataKeyPair",
            "kms:GenerateDataKeyPairWithoutPlaintext",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        "Key",
        In("for a log group of this account"),
    ),
    // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
    (
        "sqs.amazonaws.com",
        &["kms:GenerateDataKey", "kms:Decrypt"],
        "Key",
        In("for this account"),
    ),
    (
        "events.amazonaws.com",
        &["kms:GenerateDataKey", "kms:Decrypt"],
        "Key",
        In("for this account"),
    ),
    // https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    (
        "scheduler.amazonaws.com",
        &["kms:GenerateDataKey", "kms:Decrypt"],
        "Key",
        In("for this account"),
    ),
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-cmkey.html
    (
        "events.amazonaws.com",
        &[
            "kms:GenerateDataKey",
            "kms:Decrypt",
            "kms:ReEncryptFrom",
            "kms:ReEncryptTo",
        ],
        "Key",
        In("for a bus of this account"),
    ),
    ("events.amazonaws.com", &["kms:DescribeKey"], "Key", Always),
    (
        "events.amazonaws.com",
        &["sqs:SendMessage"],
        "EventBusDeadLetterQueue",
        In("from the bus"),
    ),
    (
        "apigateway.amazonaws.com",
        &["lambda:InvokeFunction"],
        "WebhookFunction",
        In("from the route"),
    ),
    (
        "lambda.amazonaws.com",
        &["sts:AssumeRole"],
        "WebhookRole",
        Always,
    ),
    (
        "lambda.amazonaws.com",
        &["sts:AssumeRole"],
        "EventProcessorRole",
        Always,
    ),
    (
        "lambda.amazonaws.com",
        &["sts:AssumeRole"],
        "TokenRefreshRole",
        Always,
    ),
    (
        "lambda.amazonaws.com",
        &["sts:AssumeRole"],
        "HeartbeatRole",
        Always,
    ),
    (
        "scheduler.amazonaws.com",
        &["sts:AssumeRole"],
        "TokenRefreshScheduleRole",
        In("for this account"),
    ),
    (
        "scheduler.amazonaws.com",
        &["sts:AssumeRole"],
        "HeartbeatScheduleRole",
        In("for this account"),
    ),
];

/// The requests of services that have to be allowed.
///
/// # Panics
///
/// If nobody makes a request in the context that is named.
pub fn of_services(stack: &Stack) -> Vec<Request> {
    let mut requests = Vec::new();
    for (service, actions, resource, when) in ADMISSIONS {
        for action in *actions {
            let prefix = action.split(':').next().unwrap_or_default();
            let mut admitted = contexts(prefix);
            match when {
                Always => admitted.retain(|context| !context.has_encryption_context()),
                In(name) => admitted.retain(|context| context.name == *name),
            }
            assert!(!admitted.is_empty(), "{service}: no such context");
            requests.extend(admitted.into_iter().map(|context| Request {
                context,
                ..Request::plain(service, action, &stack.arn(resource))
            }));
        }
    }
    requests
}
