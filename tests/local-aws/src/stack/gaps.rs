//! Does by hand what the local AWS ignores of a template.

use aws_sdk_dynamodb::types::TimeToLiveSpecification;
use serde_json::Value;

use super::{Stack, StackError};

impl Stack {
    /// Sets each table's time to live as the template says. CloudFormation does so on AWS, but not in MiniStack.
    ///
    /// MiniStack also ignores encryption, point-in-time recovery, throttling, access logs, resource policies and the
    /// bus's dead-letter queue. Nothing here could make them work; the package `template` proves them instead.
    pub(super) async fn apply_what_the_local_aws_ignores(&self) -> Result<(), StackError> {
        let template = self.cloudformation().template(&self.name).await;
        let template = template.map_err(StackError::aws("GetTemplate"))?;
        let template: Value = serde_json::from_str(&template)
            .map_err(|error| StackError::Unexpected(format!("processed template: {error}")))?;
        // the stack's tables, not the template's: the template also lists resources that a condition leaves out
        let deployed = self.cloudformation().resources(&self.name).await;
        for resource in deployed.map_err(StackError::aws("DescribeStackResources"))? {
            if resource.kind == "AWS::DynamoDB::Table" {
                let properties = &template["Resources"][&resource.logical_id]["Properties"];
                self.apply_time_to_live(&resource.physical_id, properties)
                    .await?;
            }
        }
        Ok(())
    }

    async fn apply_time_to_live(&self, table: &str, properties: &Value) -> Result<(), StackError> {
        let Some(attribute) = properties["TimeToLiveSpecification"]["AttributeName"].as_str()
        else {
            return Ok(());
        };
        let already = self
            .dynamodb
            .describe_time_to_live()
            .table_name(table)
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
