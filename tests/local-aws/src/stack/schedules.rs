//! The schedules of the local AWS.

use serde_json::{Value, json};

use super::{Stack, StackError};
use crate::ministack::LocalAws;

/// Names account, region and service to the local AWS, which checks no signature.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=test/20260101/us-east-1/scheduler/aws4_request, SignedHeaders=host, Signature=0";

impl Stack {
    /// Stops every schedule, so that no function runs unless a trial invokes it.
    ///
    /// # Errors
    ///
    /// If the local AWS does not list a schedule or does not take the change.
    pub async fn stop_schedules(&self, aws: &LocalAws) -> Result<(), StackError> {
        let schedules = aws.endpoint().to_owned() + "/schedules";
        let list = self.scheduler(self.http.get(&schedules)).await?;
        for listed in list["Schedules"].as_array().into_iter().flatten() {
            let (name, group) = (&listed["Name"], &listed["GroupName"]);
            let [Some(name), Some(group)] = [name.as_str(), group.as_str()] else {
                return Err(StackError::Unexpected(format!("a schedule: {listed}")));
            };
            let url = format!("{schedules}/{name}?groupName={group}");
            let mut schedule = self.scheduler(self.http.get(&url)).await?;
            schedule["State"] = json!("DISABLED");
            self.scheduler(self.http.put(&url).json(&schedule)).await?;
        }
        Ok(())
    }

    async fn scheduler(&self, request: reqwest::RequestBuilder) -> Result<Value, StackError> {
        let answer = request.header("Authorization", AUTHORIZATION).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let json = async { answer?.json().await };
        json.await.map_err(StackError::aws("EventBridge Scheduler"))
    }
}
