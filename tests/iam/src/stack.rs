//! A made-up deployment of the template: names, ARNs, and look-alikes of its resources.

use serde_json::{Map, Value};
use template::{Resource, Template, resolved};

/// The account that the stack is in.
pub const ACCOUNT: &str = "111122223333";
/// An account that has nothing to do with it.
pub const OTHER_ACCOUNT: &str = "444455556666";
/// The region that the stack is in.
pub const REGION: &str = "us-east-1";
/// A region that has nothing to do with it.
pub const OTHER_REGION: &str = "eu-central-1";

/// The template as it is deployed with everything that it can have.
pub struct Stack {
    template: Template,
}

impl Stack {
    /// A deployment with the parameters at their defaults, except for tracing.
    pub fn new(template: &Template, tracing: bool) -> Self {
        let mut template = template.clone();
        template.0["Parameters"]["Tracing"]["Default"] = Value::from(tracing.to_string());
        Self {
            template: template.deployed_with(&[]),
        }
    }

    /// The resources that are deployed.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.template
            .resources()
            .filter(|resource| self.template.contains(*resource))
    }

    /// The resources of one type that are deployed.
    pub fn of_type(&self, kind: &str) -> impl Iterator<Item = Resource<'_>> {
        self.resources()
            .filter(move |resource| resource.kind() == kind)
    }

    /// The resource to which a value of the template refers.
    pub fn target(&self, value: &Value) -> Option<Resource<'_>> {
        self.template.target(value)
    }

    /// The ARN that requests for a resource name.
    pub fn arn(&self, id: &str) -> String {
        let resource = self.resources().find(|resource| resource.id == id);
        let kind = resource
            .unwrap_or_else(|| panic!("no {id} is deployed"))
            .kind();
        arn(kind, REGION, ACCOUNT, &name(id)).unwrap_or_else(|| panic!("{kind} has no ARN here"))
    }

    /// A value of the template with every reference resolved.
    pub fn resolve(&self, value: &Value) -> Value {
        match value {
            Value::Array(values) => values.iter().map(|value| self.resolve(value)).collect(),
            Value::Object(map) if is_reference(map) => resolved(value, &|name| self.known(name))
                .unwrap_or_else(|| panic!("this reference is not understood: {value}"))
                .into(),
            Value::Object(map) => {
                let entries = map.iter();
                let entries = entries.map(|(key, value)| (key.clone(), self.resolve(value)));
                Value::Object(entries.collect())
            }
            scalar => scalar.clone(),
        }
    }

    fn known(&self, reference: &str) -> Option<String> {
        let (id, attribute) = match reference.split_once('.') {
            Some((id, attribute)) => (id, Some(attribute)),
            None => (reference, None),
        };
        match (id, attribute) {
            ("AWS::AccountId", None) => Some(ACCOUNT.into()),
            ("AWS::Partition", None) => Some("aws".into()),
            ("AWS::Region", None) => Some(REGION.into()),
            (id, None) => Some(name(id)),
            (id, Some("Arn" | "Id")) => {
                let resource = self.resources().find(|resource| resource.id == id)?;
                let arn = self.arn(id);
                // CloudFormation's ARN of a log group covers its streams
                Some(match resource.kind() {
                    "AWS::Logs::LogGroup" => arn.replace(":log-stream:stream", ":*"),
                    _ => arn,
                })
            }
            _ => None,
        }
    }

    /// The resources of a service, those that look like them, and no resource in particular.
    pub fn resources_and_look_alikes(&self, service: &str) -> Vec<String> {
        let mut arns = vec!["*".to_owned()];
        for resource in self.resources() {
            let id = resource.id;
            let variants = [
                (REGION, ACCOUNT, name(id)),
                (OTHER_REGION, ACCOUNT, name(id)),
                (REGION, OTHER_ACCOUNT, name(id)),
                (REGION, ACCOUNT, name(id) + "x"),
                (REGION, ACCOUNT, "another".to_owned()),
            ];
            arns.extend(
                variants.iter().filter_map(|(region, account, name)| {
                    arn(resource.kind(), region, account, name)
                }),
            );
        }
        let prefix = format!("arn:aws:{service}:");
        arns.retain(|arn| arn == "*" || arn.starts_with(&prefix));
        arns.sort();
        arns.dedup();
        arns
    }
}

/// The name that AWS made up for a resource.
pub fn name(id: &str) -> String {
    format!("whoop-{id}-1A2B3C")
}

/// The ARN of a resource of this type; `None` if no policy could name it.
pub fn arn(kind: &str, region: &str, account: &str, name: &str) -> Option<String> {
    let (service, resource) = match kind {
        "AWS::CloudWatch::Alarm" => ("cloudwatch", format!("alarm:{name}")),
        "AWS::CloudWatch::Dashboard" => ("cloudwatch", format!("dashboard/{name}")),
        "AWS::DynamoDB::Table" => ("dynamodb", format!("table/{name}")),
        "AWS::Events::Archive" => ("events", format!("archive/{name}")),
        "AWS::Events::EventBus" => ("events", format!("event-bus/{name}")),
        "AWS::IAM::Role" => return Some(format!("arn:aws:iam::{account}:role/{name}")),
        "AWS::KMS::Key" => ("kms", format!("key/{name}")),
        "AWS::Lambda::Function" => ("lambda", format!("function:{name}")),
        "AWS::Logs::LogGroup" => ("logs", format!("log-group:{name}:log-stream:stream")),
        "AWS::SNS::Topic" => ("sns", name.to_owned()),
        "AWS::SQS::Queue" => ("sqs", name.to_owned()),
        "AWS::Scheduler::Schedule" => ("scheduler", format!("schedule/group/{name}")),
        "AWS::Scheduler::ScheduleGroup" => ("scheduler", format!("schedule-group/{name}")),
        "AWS::SecretsManager::Secret" => ("secretsmanager", format!("secret:{name}")),
        _ => return None,
    };
    Some(format!("arn:aws:{service}:{region}:{account}:{resource}"))
}

fn is_reference(map: &Map<String, Value>) -> bool {
    let mut keys = map.keys();
    let only = keys.next().filter(|_| map.len() == 1);
    only.is_some_and(|key| key == "Ref" || key.starts_with("Fn::"))
}
