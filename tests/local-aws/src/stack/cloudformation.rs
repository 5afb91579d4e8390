//! The stack as CloudFormation sees it.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use crate::aws_api::{ApiError, AwsApi, QueryService};

/// A resource of a stack, or what has happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name on the local AWS.
    pub physical_id: String,
    /// Its type, such as `AWS::SQS::Queue`.
    pub kind: String,
    /// Its status, such as `CREATE_COMPLETE`.
    pub status: String,
}

/// What CloudFormation says about a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The stack's id. A deleted stack can be found by its id only.
    pub id: String,
    /// Its status, such as `DELETE_COMPLETE`.
    pub status: String,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// CloudFormation, as far as tests and demo need it. A stack is named by its name or id.
pub struct CloudFormation<'a>(pub &'a AwsApi);

impl CloudFormation<'_> {
    /// Begins to create a stack.
    ///
    /// # Errors
    ///
    /// If CloudFormation refuses the template.
    pub async fn create(&self, stack: &str, template: &str) -> Result<(), ApiError> {
        let parameters = [("StackName", stack), ("TemplateBody", template)];
        self.call("CreateStack", &parameters, |_| ()).await
    }

    /// Begins to delete a stack.
    ///
    /// # Errors
    ///
    /// If CloudFormation refuses.
    pub async fn delete(&self, stack: &str) -> Result<(), ApiError> {
        let parameters = [("StackName", stack)];
        self.call("DeleteStack", &parameters, |_| ()).await
    }

    /// Describes a stack.
    ///
    /// # Errors
    ///
    /// If there is no such stack.
    pub async fn describe(&self, stack: &str) -> Result<Description, ApiError> {
        let parameters = [("StackName", stack)];
        let read = |document: &Document<'_>| {
            let stack = members(document.root_element(), "Stacks").next()?;
            let outputs = members(stack, "Outputs").filter_map(|output| {
                Some((text(output, "OutputKey")?, text(output, "OutputValue")?))
            });
            Some(Description {
                id: text(stack, "StackId")?,
                status: text(stack, "StackStatus")?,
                outputs: outputs.collect(),
            })
        };
        let description = self.call("DescribeStacks", &parameters, read);
        let description = description.await?;
        description.ok_or_else(|| ApiError::Malformed(format!("there is no stack {stack}")))
    }

    /// The resources of a stack.
    ///
    /// # Errors
    ///
    /// If there is no such stack.
    pub async fn resources(&self, stack: &str) -> Result<Vec<Resource>, ApiError> {
        self.list("DescribeStackResources", "StackResources", stack)
            .await
    }

    /// What has happened to the resources of a stack.
    ///
    /// # Errors
    ///
    /// If there is no such stack.
    pub async fn events(&self, stack: &str) -> Result<Vec<Resource>, ApiError> {
        self.list("DescribeStackEvents", "StackEvents", stack).await
    }

    /// The template that a stack was made of.
    ///
    /// # Errors
    ///
    /// If there is no such stack.
    pub async fn template(&self, stack: &str) -> Result<String, ApiError> {
        let parameters = [("StackName", stack)];
        let read = |document: &Document<'_>| {
            let body = document
                .descendants()
                .find(|node| has_name(node, "TemplateBody"));
            body.and_then(|body| body.text()).unwrap_or_default().into()
        };
        self.call("GetTemplate", &parameters, read).await
    }

    async fn list(&self, action: &str, list: &str, stack: &str) -> Result<Vec<Resource>, ApiError> {
        let parameters = [("StackName", stack)];
        let read = |document: &Document<'_>| {
            let resources = members(document.root_element(), list).filter_map(|member| {
                Some(Resource {
                    logical_id: text(member, "LogicalResourceId")?,
                    physical_id: text(member, "PhysicalResourceId")?,
                    kind: text(member, "ResourceType")?,
                    status: text(member, "ResourceStatus")?,
                })
            });
            resources.collect()
        };
        self.call(action, &parameters, read).await
    }

    async fn call<T>(
        &self,
        action: &str,
        parameters: &[(&str, &str)],
        read: impl FnOnce(&Document<'_>) -> T,
    ) -> Result<T, ApiError> {
        let service = QueryService::CloudFormation;
        self.0.query(service, action, parameters, read).await
    }
}

fn has_name(node: &Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name() == name
}

/// The members of the first list of this name below `node`.
fn members<'a, 'input>(
    node: Node<'a, 'input>,
    list: &str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    let list = node.descendants().find(|node| has_name(node, list));
    list.into_iter()
        .flat_map(|list| list.children())
        .filter(|child| child.is_element())
}

/// The text of a child.
fn text(node: Node<'_, '_>, child: &str) -> Option<String> {
    let child = node.children().find(|node| has_name(node, child))?;
    Some(child.text().unwrap_or_default().to_owned())
}
