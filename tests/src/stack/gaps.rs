//! What the local AWS leaves undone of a template, done by hand.

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use serde_json::Value;

use super::{Stack, StackError};

impl Stack {
    /// Does what CloudFormation does on AWS and MiniStack's does not, as the template says: a table's time to live.
    ///
    /// Encryption, point-in-time recovery, throttling, access logs and resource policies are ignored by MiniStack too, but
    /// nothing here could make them work: those are proved over the template instead.
    pub(super) async fn apply_what_the_local_aws_ignores(&self) -> Result<(), StackError> {
        let answer = self
            .cloudformation
            .get_template()
            .stack_name(&self.name)
            .send()
            .await
            .map_err(StackError::aws("GetTemplate"))?;
        let template: Value = serde_json::from_str(answer.template_body().unwrap_or_default())
            .map_err(|error| StackError::Unexpected(format!("processed template: {error}")))?;
        let resources = template["Resources"].as_object();
        for (logical_id, resource) in resources.into_iter().flatten() {
            if resource["Type"] == "AWS::DynamoDB::Table" {
                self.apply_time_to_live(logical_id, &resource["Properties"])
                    .await?;
            }
        }
        Ok(())
    }

    async fn apply_time_to_live(
        &self,
        logical_id: &str,
        properties: &Value,
    ) -> Result<(), StackError> {
        let Some(attribute) = properties["TimeToLiveSpecification"]["AttributeName"].as_str()
        else {
            return Ok(());
        };
        let table = self.physical_id(logical_id).await?;
        let already = self
            .dynamodb
            .describe_time_to_live()
            .table_name(&table)
            .send()
            .await
            .map_err(StackError::aws("DescribeTimeToLive"))?;
        if already
            .time_to_live_description()
            .is_some_and(|ttl| ttl.attribute_name() == Some(attribute))
        {
            return Ok(());
        }
        let time_to_live = TimeToLiveSpecification::builder()
            .attribute_name(attribute)
            .enabled(true)
            .build()
            .expect("both fields are set");
        self.dynamodb
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(time_to_live)
            .send()
            .await
            .map_err(StackError::aws("UpdateTimeToLive"))?;
        Ok(())
    }
}
