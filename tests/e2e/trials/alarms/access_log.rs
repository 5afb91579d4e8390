//! The access log of the API, in the very format of the template, and what the metric filter makes of it.

use ::alarms::{MetricFilter, Metrics, Stack};
use serde_json::Value;
use template::Template;

/// Writes lines of the access log.
pub struct AccessLog {
    format: String,
    filter: MetricFilter,
}

impl AccessLog {
    /// The access log of a stack, and the filter on its log group.
    pub fn of(stack: &Stack, template: &Template) -> Self {
        let setting = |pointer| {
            let value = template.property("ApiStage", &format!("/AccessLogSettings/{pointer}"));
            let value = stack.resolve(value).expect("the setting can be resolved");
            value.as_str().expect("the setting is a text").to_owned()
        };
        let filters = stack.metric_filters().expect("the filters are valid");
        let filter = filters["ShutOutFilter"].clone();
        assert_eq!(
            setting("DestinationArn"),
            format!("{}.Arn", filter.log_group)
        );
        Self {
            format: setting("Format"),
            filter,
        }
    }

    /// The gateway has answered a request with this status.
    pub fn answered(&self, metrics: &mut Metrics, time: u64, status: u16) {
        let filtered = self.filter.ingest(metrics, time, &self.line(status));
        assert_eq!(filtered, status == 429, "status {status}");
    }

    /// The line about a request. A variable without a value is a dash.
    fn line(&self, status: u16) -> String {
        let status = status.to_string();
        let line = [
            ("$context.requestId", "JKJaXmPLvHcESHA="),
            ("$context.requestTime", "18/Nov/2026:11:06:40 +0000"),
            ("$context.identity.sourceIp", "198.51.100.7"),
            ("$context.routeKey", "POST /whoop/webhook"),
            ("$context.status", &status),
            ("$context.responseLatency", "42"),
            ("$context.integrationStatus", "-"),
            ("$context.integrationLatency", "-"),
            ("$context.integrationErrorMessage", "-"),
            ("$context.error.message", "-"),
        ]
        .into_iter()
        .fold(self.format.clone(), |line, (variable, value)| {
            line.replace(variable, value)
        });
        assert!(!line.contains('$'), "a variable has no value: {line}");
        let members: Value = serde_json::from_str(&line).expect("the format is JSON");
        assert_eq!(members["status"], status.as_str());
        line
    }
}
