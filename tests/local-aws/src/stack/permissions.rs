//! Permissions: takes them from the roles of the functions, and makes users that have few.

use serde_json::json;

use super::{Stack, StackError};
use crate::aws_api::QueryService;

/// The name of the policy that denies something.
const DENIAL: &str = "denied-by-a-trial";

/// The access key of a user.
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Stack {
    /// Denies a role of the stack some actions, such as `sqs:SendMessage`, until [`Self::allow_again`].
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn deny(&self, role: &str, actions: &[&str]) -> Result<(), StackError> {
        let document = policy("Deny", actions);
        let role = self.role(role).await?;
        self.iam(
            "PutRolePolicy",
            &[
                ("RoleName", &role),
                ("PolicyName", DENIAL),
                ("PolicyDocument", &document),
            ],
        )
        .await
    }

    /// Ends what [`Self::deny`] began.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn allow_again(&self, role: &str) -> Result<(), StackError> {
        let role = self.role(role).await?;
        self.iam(
            "DeleteRolePolicy",
            &[("RoleName", &role), ("PolicyName", DENIAL)],
        )
        .await
    }

    /// Makes a user who may do these actions and nothing else.
    ///
    /// # Errors
    ///
    /// If the local AWS refuses.
    pub async fn make_user(&self, name: &str, actions: &[&str]) -> Result<AccessKey, StackError> {
        let user = ("UserName", name);
        let of_user = [user];
        self.iam("CreateUser", &of_user).await?;
        if !actions.is_empty() {
            let document = policy("Allow", actions);
            let parameters = [
                user,
                ("PolicyName", "some"),
                ("PolicyDocument", document.as_str()),
            ];
            self.iam("PutUserPolicy", &parameters).await?;
        }
        let create = "CreateAccessKey";
        let key = self
            .api
            .query(QueryService::Iam, create, &of_user, |answer| {
                let text = |name| {
                    let mut nodes = answer.descendants();
                    let node = nodes.find(|node| node.tag_name().name() == name)?;
                    node.text().map(str::to_owned)
                };
                Some(AccessKey {
                    id: text("AccessKeyId")?,
                    secret: text("SecretAccessKey")?,
                })
            });
        let key = key.await.map_err(StackError::aws(create))?;
        key.ok_or_else(|| StackError::Unexpected("an access key without an id".into()))
    }

    async fn role(&self, logical_id: &str) -> Result<String, StackError> {
        let resources = self.cloudformation().resources(&self.name).await;
        let resources = resources.map_err(StackError::aws("DescribeStackResources"))?;
        let mut resources = resources.into_iter();
        let role = resources.find(|resource| resource.logical_id == logical_id);
        let role = role.map(|resource| resource.physical_id);
        role.ok_or_else(|| StackError::Unexpected(format!("there is no role {logical_id}")))
    }

    async fn iam(
        &self,
        action: &'static str,
        parameters: &[(&str, &str)],
    ) -> Result<(), StackError> {
        let service = QueryService::Iam;
        let call = self.api.query(service, action, parameters, |_| ());
        call.await.map_err(StackError::aws(action))
    }
}

fn policy(effect: &str, actions: &[&str]) -> String {
    let statement = json!({"Effect": effect, "Action": actions, "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}
