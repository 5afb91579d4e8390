//! The schedules of the local AWS.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Stack, StackError};

impl Stack {
    /// Stops every schedule, so that no function runs unless a trial invokes it.
    ///
    /// # Errors
    ///
    /// If the local AWS does not list a schedule or does not take the change.
    pub async fn stop_schedules(&self) -> Result<(), StackError> {
        let list = self.scheduler(Method::GET, "/schedules", None).await?;
        for listed in list["Schedules"].as_array().into_iter().flatten() {
            let (name, group) = (&listed["Name"], &listed["GroupName"]);
            let [Some(name), Some(group)] = [name.as_str(), group.as_str()] else {
                return Err(StackError::Unexpected(format!("a schedule: {listed}")));
            };
            let path = format!("/schedules/{name}?groupName={group}");
            let mut schedule = self.scheduler(Method::GET, &path, None).await?;
            schedule["State"] = json!("DISABLED");
            self.scheduler(Method::PUT, &path, Some(&schedule)).await?;
        }
        Ok(())
    }

    async fn scheduler(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, StackError> {
        let answer = self.api.rest("scheduler", method, path, body).await;
        answer.map_err(StackError::aws("EventBridge Scheduler"))
    }
}
