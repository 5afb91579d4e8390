//! What remains of a stack that was deleted, or whose first deployment failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_sqs::error::DisplayErrorContext;
use libtest_mimic::{Failed, Trial};
use local_aws::stack::{CloudFormation, Resource, Stack};
use local_aws::steps::Steps;
use local_aws::world::World;
use local_aws::{LocalAws, checkout};
use serde_json::json;
use template::Template;
use uuid::Uuid;

use crate::harness::{Harness, Outcome, soon, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_local_aws;
        a_deleted_stack_leaves_webhooks_secrets_and_key_to_a_new_one_of_its_name,
        a_first_deployment_that_fails_leaves_nothing,
    ]
}

/// The logical ids of the resources that must survive the deletion of their stack, in order.
const KEPT: [&str; 6] = [
    "EventBusDeadLetterQueue",
    "Key",
    "PartnerCredentialsSecret",
    "WebhookDeadLetterQueue",
    "WebhookQueue",
    "WebhookSigningSecret",
];

/// Resources by their logical ids: their types and physical ids.
type Resources = BTreeMap<String, (String, String)>;

async fn a_deleted_stack_leaves_webhooks_secrets_and_key_to_a_new_one_of_its_name(
    aws: Arc<LocalAws>,
) -> Outcome {
    let name = "short-lived";
    let first = World::set_up_on(Arc::clone(&aws), name, &[], &Steps::silent()).await?;
    let resources = resources(&first.stack).await?;
    let kept = kept(&resources);
    assert_eq!(kept.keys().collect::<Vec<_>>(), KEPT);
    first.stack.enable_event_processor(false).await?;
    let webhook = event();
    let answer = first
        .stack
        .deliver(webhook.clone(), &first.signing_secret)
        .await?;
    assert_eq!(answer.status, 204);
    let dead_letters = ["WebhookDeadLetterQueueUrl", "EventBusDeadLetterQueueUrl"];
    for queue in dead_letters {
        let send = first.stack.sqs.send_message();
        let send = send.queue_url(first.stack.output(queue));
        send.message_body(queue).send().await?;
    }

    first.stack.delete().await?;
    let second = World::set_up_on(Arc::clone(&aws), name, &[], &Steps::silent()).await?;

    for (id, (kind, physical_id)) in &resources {
        if let Some(is_there) = is_there(&aws, kind, physical_id).await? {
            assert_eq!(is_there, kept.contains_key(id), "{id} is there: {is_there}");
        }
    }
    let found = second
        .stack
        .receive(first.stack.output("WebhookQueueUrl"))
        .await?;
    let found = found.ok_or("the accepted webhook is gone")?;
    assert_eq!(found.body(), Some(webhook.as_str()));
    for queue in dead_letters {
        let found = second.stack.receive(first.stack.output(queue)).await?;
        assert_eq!(found.ok_or("a dead letter is gone")?.body(), Some(queue));
    }
    for (secret, value) in [
        ("WebhookSigningSecretArn", &first.signing_secret),
        ("PartnerCredentialsSecretArn", &first.client_secret),
    ] {
        let get = second.stack.secrets_manager.get_secret_value();
        let answer = get.secret_id(first.stack.output(secret)).send().await?;
        let found = answer.secret_string().unwrap_or_default();
        assert!(found.contains(value), "{secret} holds another value");
    }

    for (id, (_, physical_id)) in self::kept(&self::resources(&second.stack).await?) {
        assert_ne!(kept[&id].1, physical_id, "{id} is that of the first stack");
    }
    second.stack.enable_event_processor(false).await?;
    let webhook = event();
    let answer = second
        .stack
        .deliver(webhook.clone(), &second.signing_secret)
        .await?;
    assert_eq!(answer.status, 204);
    let queued = second
        .stack
        .receive(second.stack.output("WebhookQueueUrl"))
        .await?;
    let queued = queued.ok_or("the new stack queues nothing")?;
    assert_eq!(queued.body(), Some(webhook.as_str()));
    Ok(())
}

/// Makes only the resources that a deleted stack keeps, because only those could be left over, then one that is
/// refused.
async fn a_first_deployment_that_fails_leaves_nothing(aws: Arc<LocalAws>) -> Outcome {
    let mut template = Template::transformed(&checkout().join("template.yaml"))?.0;
    let all = template["Resources"].as_object_mut();
    let all = all.ok_or("the template has no resources")?;
    all.retain(|id, _| KEPT.contains(&id.as_str()));
    let refused = json!({
        "Type": "AWS::Logs::LogStream",
        "Properties": {"LogGroupName": "/no/such/group"},
        "DependsOn": KEPT,
    });
    all.insert("Refused".into(), refused);
    template["Outputs"] = json!({});
    let api = aws.api();
    let cloudformation = CloudFormation(&api);
    let name = "never-made-whole";

    cloudformation.create(name, &template.to_string()).await?;
    soon("the deployment is rolled back", async || {
        let status = cloudformation.describe(name).await?.status;
        match status.as_str() {
            "CREATE_COMPLETE" => Err("nothing was refused".into()),
            _ => Ok(status == "ROLLBACK_COMPLETE"),
        }
    })
    .await?;

    let mut made = cloudformation.events(name).await?;
    made.retain(|event| event.status == "CREATE_COMPLETE");
    let made = by_logical_id(made);
    assert_eq!(made.keys().collect::<Vec<_>>(), KEPT);
    for (id, (kind, physical_id)) in &made {
        let is_there = is_there(&aws, kind, physical_id).await?;
        assert_eq!(is_there, Some(false), "{id} is left");
    }
    Ok(())
}

/// The resources of a deployed stack.
async fn resources(stack: &Stack) -> Result<Resources, Failed> {
    let resources = stack.cloudformation().resources(&stack.name).await?;
    Ok(by_logical_id(resources))
}

fn by_logical_id(resources: Vec<Resource>) -> Resources {
    let resources = resources.into_iter();
    resources
        .map(|resource| (resource.logical_id, (resource.kind, resource.physical_id)))
        .collect()
}

/// The resources that must survive the deletion of their stack.
fn kept(resources: &Resources) -> Resources {
    let resources = resources.clone().into_iter();
    resources
        .filter(|(id, _)| KEPT.contains(&id.as_str()))
        .collect()
}

/// Whether a queue, secret or key exists and can be used; `None` for other types.
async fn is_there(aws: &LocalAws, kind: &str, physical_id: &str) -> Result<Option<bool>, Failed> {
    let config = aws.sdk_config();
    Ok(Some(match kind {
        "AWS::SQS::Queue" => {
            let sqs = aws_sdk_sqs::Client::new(&config);
            let answer = sqs
                .get_queue_attributes()
                .queue_url(physical_id)
                .send()
                .await;
            match answer.map_err(|error| error.into_service_error()) {
                Ok(_) => true,
                Err(error) if error.is_queue_does_not_exist() => false,
                Err(error) => return Err(DisplayErrorContext(error).to_string().into()),
            }
        }
        "AWS::SecretsManager::Secret" => {
            let secrets_manager = aws_sdk_secretsmanager::Client::new(&config);
            let answer = secrets_manager
                .describe_secret()
                .secret_id(physical_id)
                .send()
                .await;
            match answer.map_err(|error| error.into_service_error()) {
                Ok(secret) => secret.deleted_date().is_none(),
                Err(error) if error.is_resource_not_found_exception() => false,
                Err(error) => return Err(DisplayErrorContext(error).to_string().into()),
            }
        }
        "AWS::KMS::Key" => {
            let key = json!({"KeyId": physical_id});
            let describe = aws
                .api()
                .json("kms", "TrentService.DescribeKey", key)
                .await?;
            describe["KeyMetadata"]["KeyState"] == "Enabled"
        }
        _ => return Ok(None),
    }))
}

/// A webhook about a resource of its own.
fn event() -> String {
    json!({"event_type": "lab_requisition.created", "resource_id": Uuid::new_v4()}).to_string()
}
