//! The stack's bus and its rules.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::{Rule, RuleState};

use crate::error::ToolError;
use crate::session::Session;

/// The bus of a stack.
pub struct Bus {
    pub client: Client,
    pub stack: String,
    pub name: String,
    pub arn: String,
}

impl Bus {
    /// # Errors
    ///
    /// If the stack has no bus, or can't be described.
    pub async fn of(session: &Session) -> Result<Self, ToolError> {
        let stack = session.stack().await?;
        if !stack.has_event_processor() {
            return Err(ToolError::Remediable {
                message: format!(
                    "the stack {} has no bus, because it was deployed without the event processor",
                    stack.name
                ),
                remedy: "deploy the stack with the parameter DeployEventProcessor=true".into(),
            });
        }
        Ok(Self {
            client: Client::new(session.config()),
            stack: stack.name.clone(),
            name: stack.output("EventBusName")?.into(),
            arn: stack.output("EventBusArn")?.into(),
        })
    }

    /// The rules whose names begin with `prefix`, without those of AWS itself, such as the archive's.
    ///
    /// # Errors
    ///
    /// If EventBridge refuses.
    pub async fn rules(&self, prefix: Option<&str>) -> Result<Vec<Rule>, ToolError> {
        let mut rules = Vec::new();
        let mut next_token = None;
        loop {
            let answer = self
                .client
                .list_rules()
                .event_bus_name(&self.name)
                .set_name_prefix(prefix.map(str::to_owned))
                .set_next_token(next_token)
                .send()
                .await
                .map_err(ToolError::aws("ListRules"))?;
            rules.extend(answer.rules.unwrap_or_default());
            next_token = answer.next_token;
            if next_token.is_none() {
                break;
            }
        }
        rules.retain(|rule| rule.managed_by().is_none_or(str::is_empty));
        Ok(rules)
    }
}

/// Whether a rule gets events at all.
pub fn is_enabled(rule: &Rule) -> bool {
    !matches!(rule.state(), Some(RuleState::Disabled))
}
