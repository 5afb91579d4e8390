//! The condition keys that requests come with.

use std::collections::BTreeMap;

use crate::stack::{ACCOUNT, OTHER_ACCOUNT, OTHER_REGION, REGION, arn, name};

/// The services through which roles try to use the key.
const THROUGH: [&str; 7] = [
    "dynamodb",
    "events",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sqs",
];

/// The condition keys of a request.
#[derive(Clone, Debug)]
pub struct Context {
    /// What it means.
    pub name: String,
    /// The keys in small letters, as the evaluator takes them.
    pub keys: BTreeMap<String, String>,
}

impl Context {
    fn new(name: &str, key: &str, value: &str) -> Self {
        Self {
            name: name.to_owned(),
            keys: BTreeMap::from([(key.to_owned(), value.to_owned())]),
        }
    }

    /// Without condition keys.
    pub fn none() -> Self {
        Self {
            name: "directly".to_owned(),
            keys: BTreeMap::new(),
        }
    }

    /// Whether data is encrypted or decrypted under a context.
    pub fn has_encryption_context(&self) -> bool {
        self.keys
            .keys()
            .any(|key| key.starts_with("kms:encryptioncontext:"))
    }
}

/// The key is used by a service in the name of a role.
pub fn through(service: &str, region: &str) -> Context {
    let host = format!("{service}.{region}.amazonaws.com");
    Context::new(
        &format!("through {service} in {region}"),
        "kms:viaservice",
        &host,
    )
}

/// In which contexts a role makes requests of a service.
pub fn of_roles(service: &str) -> Vec<Context> {
    let mut contexts = vec![Context::none()];
    if service == "kms" {
        contexts.extend(THROUGH.map(|service| through(service, REGION)));
        contexts.extend(THROUGH.map(|service| through(service, OTHER_REGION)));
    }
    contexts
}

/// In which contexts another service makes requests of a service in its own name.
pub fn of_services(service: &str) -> Vec<Context> {
    let mut contexts = vec![Context::none()];
    let by_account = |name: &str, account: &str| Context::new(name, "aws:sourceaccount", account);
    if let "kms" | "sts" = service {
        contexts.push(by_account("for this account", ACCOUNT));
        contexts.push(by_account("for another account", OTHER_ACCOUNT));
    }
    let of = |kind: &str, region: &str, account: &str, id: &str| {
        arn(kind, region, account, &name(id)).expect("this type has an ARN")
    };
    let bus =
        |region: &str, account: &str, id: &str| of("AWS::Events::EventBus", region, account, id);
    let group = |region: &str, account: &str| {
        let stream = of("AWS::Logs::LogGroup", region, account, "WebhookLogs");
        stream.replace(":log-stream:stream", "")
    };
    let api = |region: &str, account: &str, id: &str, call: &str| {
        format!(
            "arn:aws:execute-api:{region}:{account}:{}/$default/{call}",
            name(id)
        )
    };
    match service {
        "kms" => {
            let key = "kms:encryptioncontext:aws:logs:arn";
            for (name, value) in [
                ("for a log group of this account", group(REGION, ACCOUNT)),
                (
                    "for a log group of another account",
                    group(REGION, OTHER_ACCOUNT),
                ),
                (
                    "for a log group of another region",
                    group(OTHER_REGION, ACCOUNT),
                ),
                ("for no log group", bus(REGION, ACCOUNT, "EventBus")),
            ] {
                contexts.push(Context::new(name, key, &value));
            }
            let key = "kms:encryptioncontext:aws:events:event-bus:arn";
            for (name, value) in [
                (
                    "for a bus of this account",
                    bus(REGION, ACCOUNT, "EventBus"),
                ),
                (
                    "for a bus of another account",
                    bus(REGION, OTHER_ACCOUNT, "EventBus"),
                ),
                (
                    "for a bus of another region",
                    bus(OTHER_REGION, ACCOUNT, "EventBus"),
                ),
                ("for no bus", group(REGION, ACCOUNT)),
            ] {
                contexts.push(Context::new(name, key, &value));
            }
        }
        "sqs" => {
            for (name, value) in [
                ("from the bus", bus(REGION, ACCOUNT, "EventBus")),
                ("from another bus", bus(REGION, ACCOUNT, "AnotherBus")),
                (
                    "from a bus of another account",
                    bus(REGION, OTHER_ACCOUNT, "EventBus"),
                ),
                (
                    "from a bus of another region",
                    bus(OTHER_REGION, ACCOUNT, "EventBus"),
                ),
            ] {
                contexts.push(Context::new(name, "aws:sourcearn", &value));
            }
        }
        "lambda" => {
            let route = "POST/whoop/webhook";
            for (name, value) in [
                ("from the route", api(REGION, ACCOUNT, "Api", route)),
                (
                    "from another method",
                    api(REGION, ACCOUNT, "Api", "GET/whoop/webhook"),
                ),
                (
                    "from another path",
                    api(REGION, ACCOUNT, "Api", "POST/another"),
                ),
                (
                    "from another API",
                    api(REGION, ACCOUNT, "AnotherApi", route),
                ),
                (
                    "from an API of another account",
                    api(REGION, OTHER_ACCOUNT, "Api", route),
                ),
                (
                    "from an API of another region",
                    api(OTHER_REGION, ACCOUNT, "Api", route),
                ),
            ] {
                contexts.push(Context::new(name, "aws:sourcearn", &value));
            }
        }
        _ => {}
    }
    contexts
}
