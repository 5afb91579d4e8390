//! The names of resources, and how one sees which stack they belong to.

use serde_json::json;
use template::{Resource, Template, resolved};

use super::Proof;

/// About physical names.
pub const PROOFS: &[Proof] = &[
    Proof {
        name: "stacks_fit_in_one_account_with_each_other_and_with_leftovers",
        concerns: &[
            "AWS::Events::Archive",
            "AWS::Events::EventBus",
            "AWS::Logs::LogGroup",
            "AWS::SQS::Queue",
            "AWS::Scheduler::Schedule",
        ],
        complaints: stacks_fit_in_one_account_with_each_other_and_with_leftovers,
        flaws: &[
            ("a_fixed_queue", |template| {
                template.properties("WebhookQueue")["QueueName"] = json!("webhooks");
            }),
            ("a_fixed_bus", |template| {
                template.properties("EventBus")["Name"] = json!("whoop");
            }),
            ("a_fixed_archive", |template| {
                template.properties("EventArchive")["ArchiveName"] = json!("whoop");
            }),
            ("a_fixed_schedule", |template| {
                template.properties("TokenRefreshFunctionTick")["Name"] = json!("token-refresh");
            }),
            ("a_bus_of_an_earlier_stack", |template| {
                template.properties("EventBus")["Name"] = json!({"Ref": "AWS::StackName"});
            }),
            ("logs_of_an_earlier_stack", |template| {
                template.properties("ApiAccessLogs")["LogGroupName"] =
                    json!({"Fn::Sub": "/aws/vendedlogs/${AWS::StackName}"});
            }),
            ("a_queue_of_an_earlier_stack", |template| {
                template.properties("WebhookQueue")["QueueName"] =
                    json!({"Fn::Sub": "${AWS::StackName}-webhooks"});
            }),
            ("a_part_of_the_id_that_all_stacks_share", |template| {
                template.properties("EventBus")["Name"] = json!({"Fn::Sub": [
                    "${AWS::StackName}-${Part}",
                    {"Part": {"Fn::Select": [2, {"Fn::Split": [":", {"Ref": "AWS::StackId"}]}]}},
                ]});
            }),
            ("a_name_without_the_stacks", |template| {
                template.properties("EventBus")["Name"] = json!({"Fn::Select":
                    [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]
                });
            }),
            ("a_name_that_is_too_long", |template| {
                template.properties("WebhookQueue")["QueueName"] = json!({"Fn::Sub": [
                    "${AWS::StackName}-${Part}",
                    {"Part": {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}},
                ]});
            }),
        ],
    },
    Proof {
        name: "secrets_and_schedules_name_their_stack",
        concerns: &["AWS::Scheduler::Schedule", "AWS::SecretsManager::Secret"],
        complaints: secrets_and_schedules_name_their_stack,
        flaws: &[
            ("a_secret_of_some_stack", |template| {
                template.properties("WebhookSigningSecret")["Description"] =
                    json!("Key that WHOOP signs webhooks with");
            }),
            ("a_secret_without_description", |template| {
                template.remove("PartnerCredentialsSecret", "Description")
            }),
            ("a_schedule_among_all_others", |template| {
                template.remove("TokenRefreshFunctionTick", "GroupName")
            }),
            ("a_schedule_in_a_group_elsewhere", |template| {
                template.properties("TokenRefreshFunctionTick")["GroupName"] = json!("whoop");
            }),
            ("a_group_that_is_always_called_the_same", |template| {
                template.0["Resources"]["ScheduleGroup"]["Properties"] = json!({"Name": "whoop"});
            }),
        ],
    },
    Proof {
        name: "access_logs_are_delivered_without_another_resource_policy",
        concerns: &["AWS::ApiGatewayV2::Stage", "AWS::Logs::LogGroup"],
        complaints: access_logs_are_delivered_without_another_resource_policy,
        flaws: &[
            ("a_name_elsewhere", |template| {
                template.properties("ApiAccessLogs")["LogGroupName"] = json!({"Fn::Sub": [
                    "/access/${AWS::StackName}-${Part}",
                    {"Part": {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}},
                ]});
            }),
            ("a_name_made_up_by_aws", |template| {
                template.remove("ApiAccessLogs", "LogGroupName")
            }),
            ("another_log_group", |template| {
                template.properties("ApiStage")["AccessLogSettings"]["DestinationArn"] =
                    json!({"Fn::GetAtt": ["WebhookLogs", "Arn"]});
            }),
        ],
    },
];

/// The length of the longest name of a stack.
const LONGEST_STACK_NAME: usize = 128;

/// A stack as the template sees it.
struct Stack {
    name: String,
    id: String,
}

impl Stack {
    fn new(name: &str, unique: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: format!("arn:aws:cloudformation:us-east-1:000000000000:stack/{name}/{unique}"),
        }
    }

    /// What the template's pseudo parameters stand for in this stack.
    fn pseudo_parameter(&self, name: &str) -> Option<String> {
        match name {
            "AWS::StackName" => Some(self.name.clone()),
            "AWS::StackId" => Some(self.id.clone()),
            _ => None,
        }
    }
}

/// Which property of a type of resource holds its name, and how long that may be.
fn name_of(kind: &str) -> Option<(&'static str, usize)> {
    Some(match kind {
        "AWS::Events::Archive" => ("/ArchiveName", 48),
        "AWS::Events::EventBus" => ("/Name", 256),
        "AWS::Events::Rule" | "AWS::Scheduler::Schedule" | "AWS::Scheduler::ScheduleGroup" => {
            ("/Name", 64)
        }
        "AWS::CloudWatch::Alarm" => ("/AlarmName", 255),
        "AWS::DynamoDB::Table" => ("/TableName", 255),
        "AWS::IAM::Role" => ("/RoleName", 64),
        "AWS::KMS::Alias" => ("/AliasName", 256),
        "AWS::Lambda::Function" => ("/FunctionName", 64),
        "AWS::Logs::LogGroup" => ("/LogGroupName", 512),
        "AWS::SQS::Queue" => ("/QueueName", 80),
        "AWS::SecretsManager::Secret" => ("/Name", 512),
        _ => return None,
    })
}

/// Names that the template sets differ from those of every other stack. That includes an earlier stack of the same
/// name, of which resources may remain. They begin with the stack's name and are never too long. AWS chooses the other
/// names.
fn stacks_fit_in_one_account_with_each_other_and_with_leftovers(
    template: &Template,
) -> Vec<String> {
    let stack = Stack::new("whoop", "51af3dc0-da77-11e4-872e-1234567db123");
    let earlier = Stack::new("whoop", "7c2e9a10-da77-11e4-872e-1234567db123");
    let other = Stack::new("other", "93b0f2e0-da77-11e4-872e-1234567db123");
    let longest = Stack::new(
        &"n".repeat(LONGEST_STACK_NAME),
        "51af3dc0-da77-11e4-872e-1234567db123",
    );
    let mut complaints = Vec::new();
    for resource in template.resources() {
        let Some((pointer, limit)) = name_of(resource.kind()) else {
            continue;
        };
        let name = resource.property(pointer);
        if name.is_null() {
            continue;
        }
        let in_stack = |stack: &Stack| resolved(name, &|pseudo| stack.pseudo_parameter(pseudo));
        let [Some(here), Some(before), Some(there), Some(long)] =
            [&stack, &earlier, &other, &longest].map(in_stack)
        else {
            complaints.push(format!("{}: what is {name}?", resource.id));
            continue;
        };
        if here == before || here == there {
            complaints.push(format!("{} may be called {here} twice", resource.id));
        }
        if !here.contains(&stack.name) {
            complaints.push(format!("{here} does not name its stack"));
        }
        if long.len() > limit {
            complaints.push(format!("{} may be too long a name", resource.id));
        }
    }
    complaints
}

/// In a list of all secrets or schedules of an account, one sees the stack of each. AWS names a secret without the
/// stack's name but shows its description; the name of a schedule group begins with the stack's.
fn secrets_and_schedules_name_their_stack(template: &Template) -> Vec<String> {
    let stack = Stack::new("whoop", "51af3dc0-da77-11e4-872e-1234567db123");
    let mut complaints = Vec::new();
    for secret in template.of_type("AWS::SecretsManager::Secret") {
        let description = resolved(secret.property("/Description"), &|pseudo| {
            stack.pseudo_parameter(pseudo)
        });
        if description.is_none_or(|description| !description.starts_with("whoop: ")) {
            complaints.push(format!("{} does not name its stack", secret.id));
        }
    }
    for schedule in template.of_type("AWS::Scheduler::Schedule") {
        let group = template.target(schedule.property("/GroupName"));
        let is_of_the_stack = group.is_some_and(|group| {
            group.kind() == "AWS::Scheduler::ScheduleGroup" && group.property("/Name").is_null()
        });
        if !is_of_the_stack {
            complaints.push(format!("{} is in no group of the stack", schedule.id));
        }
    }
    complaints
}

/// The name of the access log's group makes an entry in the account's resource policy for logs unnecessary. That policy
/// has a size limit.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html>
fn access_logs_are_delivered_without_another_resource_policy(template: &Template) -> Vec<String> {
    let stack = Stack::new("whoop", "51af3dc0-da77-11e4-872e-1234567db123");
    let name = |group: Resource<'_>| {
        resolved(group.property("/LogGroupName"), &|pseudo| {
            stack.pseudo_parameter(pseudo)
        })
    };
    template
        .of_type("AWS::ApiGatewayV2::Stage")
        .filter(|stage| {
            let group = template.target(stage.property("/AccessLogSettings/DestinationArn"));
            let name = group.and_then(name).unwrap_or_default();
            !name.starts_with("/aws/vendedlogs/whoop")
        })
        .map(|stage| format!("{} logs to a group of another name", stage.id))
        .collect()
}
