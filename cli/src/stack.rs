//! What CloudFormation says about the stack.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_types::SdkConfig;
use tokio::sync::OnceCell;
use whoop_partner::PartnerApiBaseUrl;

use crate::error::ToolError;

/// The stack that commands work on if none is named.
const DEFAULT_NAME: &str = "whoop-partner";

/// A deployed stack: its outputs, parameters and resources.
pub(crate) struct Stack {
    client: Client,
    pub name: String,
    /// Its status, such as `UPDATE_COMPLETE`.
    pub status: String,
    /// When it was created.
    pub created_at: Option<SystemTime>,
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
    /// The template's parameters, with the values of this stack.
    pub parameters: BTreeMap<String, String>,
    resources: OnceCell<BTreeMap<String, String>>,
}

impl Stack {
    /// Asks CloudFormation for a stack.
    pub async fn describe(config: &SdkConfig, name: &str) -> Result<Self, ToolError> {
        let client = Client::new(config);
        let answer = client.describe_stacks().stack_name(name).send().await;
        let answer = answer.map_err(|error| match error.code() {
            Some("ValidationError") => no_such_stack(name),
            _ => ToolError::aws("DescribeStacks")(error),
        })?;
        let stack = answer.stacks().first().ok_or_else(|| no_such_stack(name))?;
        let pair = |name: Option<&str>, value: Option<&str>| Some((name?.into(), value?.into()));
        Ok(Self {
            name: name.into(),
            status: stack
                .stack_status()
                .map_or_else(String::new, |status| status.as_str().into()),
            created_at: stack
                .creation_time()
                .and_then(|time| SystemTime::try_from(*time).ok()),
            outputs: stack
                .outputs()
                .iter()
                .filter_map(|output| pair(output.output_key(), output.output_value()))
                .collect(),
            parameters: stack
                .parameters()
                .iter()
                .filter_map(|parameter| {
                    pair(parameter.parameter_key(), parameter.parameter_value())
                })
                .collect(),
            resources: OnceCell::new(),
            client,
        })
    }

    /// The value of an output of the template.
    ///
    /// # Errors
    ///
    /// If the stack has no such output: it was deployed from an older template, or from another one.
    pub fn output(&self, name: &str) -> Result<&str, ToolError> {
        let output = self.outputs.get(name).map(String::as_str);
        output.ok_or_else(|| ToolError::Remediable {
            message: format!("the stack {} has no output {name}", self.name),
            remedy: "deploy the stack with the template of this version: make deploy".into(),
        })
    }

    /// A command of this tool on this stack, for people to copy.
    pub fn command(&self, arguments: &str) -> String {
        match self.name.as_str() {
            DEFAULT_NAME => format!("whoop-partner {arguments}"),
            name => format!("whoop-partner {arguments} --stack {name}"),
        }
    }

    /// Whether the stack has the event processor, with its bus and its tables.
    pub fn has_event_processor(&self) -> bool {
        self.outputs.contains_key("EventProcessorFunctionName")
    }

    /// The base URL of WHOOP's Partner API, as the stack's functions use it.
    ///
    /// # Errors
    ///
    /// If the parameter is not a URL that credentials may be sent to.
    pub fn partner_api_base_url(&self) -> Result<PartnerApiBaseUrl, ToolError> {
        match self.parameters.get("PartnerApiBaseUrl") {
            None => Ok(PartnerApiBaseUrl::default()),
            Some(url) => url.parse().map_err(|error| {
                ToolError::Failed(format!("the parameter PartnerApiBaseUrl {error}"))
            }),
        }
    }

    /// The name in AWS of a resource of the template, such as the log group `WebhookLogs`.
    ///
    /// # Errors
    ///
    /// If the stack has no such resource, or CloudFormation does not answer.
    pub async fn resource(&self, logical_id: &str) -> Result<&str, ToolError> {
        let resource = self.resources().await?.get(logical_id).map(String::as_str);
        resource.ok_or_else(|| {
            ToolError::Failed(format!(
                "the stack {} has no resource {logical_id}",
                self.name
            ))
        })
    }

    /// Whether something with this name in AWS is a resource of the stack.
    ///
    /// # Errors
    ///
    /// If CloudFormation does not answer.
    pub async fn has_resource(&self, physical_id: &str) -> Result<bool, ToolError> {
        let mut resources = self.resources().await?.values();
        Ok(resources.any(|resource| resource == physical_id))
    }

    async fn resources(&self) -> Result<&BTreeMap<String, String>, ToolError> {
        let resources = self.resources.get_or_try_init(async || {
            let answer = self.client.describe_stack_resources();
            let answer = answer.stack_name(&self.name).send().await;
            let answer = answer.map_err(ToolError::aws("DescribeStackResources"))?;
            let resources = answer.stack_resources().iter().filter_map(|resource| {
                Some((
                    resource.logical_resource_id()?.to_owned(),
                    resource.physical_resource_id()?.to_owned(),
                ))
            });
            Ok(resources.collect())
        });
        resources.await
    }
}

fn no_such_stack(name: &str) -> ToolError {
    ToolError::Remediable {
        message: format!("there is no stack {name} in this account and region"),
        remedy: "give --stack, --region or --profile; deploy a stack with: make deploy".into(),
    }
}
