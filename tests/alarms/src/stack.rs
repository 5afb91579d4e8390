//! A stack before its deployment: its alarms and its metric filters.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use template::{Resource, Template};
use thiserror::Error;

use crate::alarm::{Alarm, AlarmError, WITHOUT_INFLUENCE};
use crate::metric_filter::{MetricFilter, MetricFilterError};
use crate::resolver::{ResolveError, Resolver};

/// A transformed template with a name and the values of its parameters.
#[derive(Clone)]
pub struct Stack {
    template: Template,
    name: String,
}

/// Why a stack, or one of its resources, cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StackError {
    /// The template has no such parameter.
    #[error("the template has no parameter {0}")]
    UnknownParameter(String),
    /// A resource uses an intrinsic function in a way that is not supported.
    #[error("the properties of {id} cannot be resolved")]
    Properties {
        /// The logical id.
        id: String,
        /// What is wrong.
        #[source]
        error: ResolveError,
    },
    /// An alarm is not valid or not supported.
    #[error("the alarm {id} cannot be evaluated")]
    Alarm {
        /// The logical id.
        id: String,
        /// What is wrong.
        #[source]
        error: AlarmError,
    },
    /// A metric filter is not valid or not supported.
    #[error("the metric filter {id} cannot be evaluated")]
    MetricFilter {
        /// The logical id.
        id: String,
        /// What is wrong.
        #[source]
        error: MetricFilterError,
    },
}

impl Stack {
    /// The stack `name` of this template, with these values of parameters and the defaults of the others.
    ///
    /// # Errors
    ///
    /// If the template lacks one of the parameters.
    pub fn new(
        template: &Template,
        name: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Self, StackError> {
        let mut template = template.clone();
        for &(parameter, value) in parameters {
            let Some(known) = template.0["Parameters"].get_mut(parameter) else {
                return Err(StackError::UnknownParameter(parameter.to_owned()));
            };
            known["Default"] = value.into();
        }
        Ok(Self {
            template: template.deployed_with(&[]),
            name: name.to_owned(),
        })
    }

    /// The alarms that the stack contains with its parameters, by logical id. Composite alarms are not among them.
    ///
    /// # Errors
    ///
    /// If CloudWatch would reject one of them, or one uses something that is not supported.
    pub fn alarms(&self) -> Result<BTreeMap<String, Alarm>, StackError> {
        self.all("AWS::CloudWatch::Alarm", |id, properties| {
            Alarm::from_properties(properties).map_err(|error| StackError::Alarm { id, error })
        })
    }

    /// The metric filters that the stack contains with its parameters, by logical id.
    ///
    /// # Errors
    ///
    /// If CloudWatch Logs would reject one of them, or one uses something that is not supported.
    pub fn metric_filters(&self) -> Result<BTreeMap<String, MetricFilter>, StackError> {
        self.all("AWS::Logs::MetricFilter", |id, properties| {
            MetricFilter::from_properties(properties)
                .map_err(|error| StackError::MetricFilter { id, error })
        })
    }

    /// The value without intrinsic functions. A resource has its logical id, such as `WebhookQueue`, and an attribute the id
    /// before it, such as `WebhookQueue.QueueName`.
    ///
    /// # Errors
    ///
    /// If the value refers to something unknown, or uses a function that is not supported.
    pub fn resolve(&self, value: &Value) -> Result<Value, ResolveError> {
        let resolver = Resolver {
            template: &self.template,
            stack_name: &self.name,
        };
        resolver.resolve(value)
    }

    fn all<T>(
        &self,
        kind: &str,
        read: impl Fn(String, &Value) -> Result<T, StackError>,
    ) -> Result<BTreeMap<String, T>, StackError> {
        let resources = self.template.of_type(kind);
        resources
            .filter(|resource| self.template.contains(*resource))
            .map(|resource| {
                let id = resource.id.to_owned();
                let properties = self.properties(resource);
                let properties = properties.map_err(|error| StackError::Properties {
                    id: id.clone(),
                    error,
                })?;
                Ok((id.clone(), read(id, &properties)?))
            })
            .collect()
    }

    /// The resolved properties, without those that have no influence on an alarm's state.
    fn properties(&self, resource: Resource<'_>) -> Result<Value, ResolveError> {
        let properties = resource.property("").as_object().into_iter().flatten();
        let properties = properties
            .filter(|(name, _)| !WITHOUT_INFLUENCE.contains(&name.as_str()))
            .map(|(name, value)| Ok((name.clone(), self.resolve(value)?)));
        properties
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use serde_json::json;

    use super::*;
    use crate::metrics::{MetricId, Metrics};
    use crate::state::State;
    use crate::watch::Watch;

    fn template() -> Template {
        Template(json!({
            "Parameters": {
                "HeartbeatMinutes": {"Type": "Number", "Default": 30},
                "OldestMessage": {"Type": "Number", "Default": 300},
                "WithMessages": {"Type": "String", "Default": "true"},
            },
            "Mappings": {"Heartbeat": {"30": {"Seconds": 1800}, "60": {"Seconds": 3600}}},
            "Conditions": {"Messages": {"Fn::Equals": [{"Ref": "WithMessages"}, "true"]}},
            "Resources": {
                "WebhookQueue": {"Type": "AWS::SQS::Queue"},
                "WebhookFunction": {"Type": "AWS::Lambda::Function"},
                "Logs": {"Type": "AWS::Logs::LogGroup"},
                "OldMessages": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Condition": "Messages",
                    "Properties": {
                        "AlarmDescription": {"Fn::Join": ["", ["is not", "resolved"]]},
                        "AlarmActions": {"Fn::If": ["Messages", ["topic"], {"Ref": "AWS::NoValue"}]},
                        "Namespace": "AWS/SQS",
                        "MetricName": "ApproximateAgeOfOldestMessage",
                        "Dimensions": [
                            {"Name": "QueueName", "Value": {"Fn::GetAtt": ["WebhookQueue", "QueueName"]}},
                        ],
                        "Statistic": "Maximum",
                        "Period": 60,
                        "EvaluationPeriods": "2",
                        "Threshold": {"Ref": "OldestMessage"},
                        "ComparisonOperator": "GreaterThanThreshold",
                        "TreatMissingData": "notBreaching",
                    },
                },
                "NoHeartbeat": {
                    "Type": "AWS::CloudWatch::Alarm",
                    "Properties": {
                        "Metrics": [
                            {
                                "Id": "beats",
                                "ReturnData": false,
                                "MetricStat": {
                                    "Metric": {
                                        "Namespace": {"Fn::Sub": "${AWS::StackName}/Webhook"},
                                        "MetricName": "Heartbeat",
                                        "Dimensions": [
                                            {"Name": "Function", "Value": {"Ref": "WebhookFunction"}},
                                        ],
                                    },
                                    "Period": {
                                        "Fn::FindInMap": ["Heartbeat", {"Ref": "HeartbeatMinutes"}, "Seconds"],
                                    },
                                    "Stat": "Sum",
                                },
                            },
                            {"Id": "filled", "Expression": "FILL(beats, 0)", "Label": "beats"},
                        ],
                        "EvaluationPeriods": 1,
                        "Threshold": 1,
                        "ComparisonOperator": "LessThanThreshold",
                    },
                },
                "Throttled": {
                    "Type": "AWS::Logs::MetricFilter",
                    "Properties": {
                        "LogGroupName": {"Ref": "Logs"},
                        "FilterPattern": "{ $.status = \"429\" }",
                        "MetricTransformations": [{
                            "MetricNamespace": {"Ref": "AWS::StackName"},
                            "MetricName": "Throttled",
                            "MetricValue": "1",
                        }],
                    },
                },
            },
        }))
    }

    fn alarms(parameters: &[(&str, &str)]) -> BTreeMap<String, Alarm> {
        let stack = Stack::new(&template(), "whoop", parameters).unwrap();
        stack.alarms().unwrap()
    }

    fn watched(alarm: &Alarm) -> Vec<&MetricId> {
        alarm.metrics().collect()
    }

    #[test]
    fn an_alarm_on_a_metric_has_its_intrinsic_functions_resolved() {
        let alarm = &alarms(&[])["OldMessages"];
        let dimensions = [("QueueName", "WebhookQueue.QueueName")];
        let name = "ApproximateAgeOfOldestMessage";
        assert_eq!(
            watched(alarm),
            [&MetricId::new("AWS/SQS", name, &dimensions)]
        );
        let mut metrics = Metrics::new();
        for (time, value) in [(0, 300.0), (60, 301.0), (120, 301.0)] {
            metrics.put("AWS/SQS", name, &dimensions, time, value);
        }
        assert_eq!(alarm.state_at(&metrics, 120, State::Ok), State::Ok);
        assert_eq!(alarm.state_at(&metrics, 180, State::Ok), State::Alarm);
        let lenient = &alarms(&[("OldestMessage", "301")])["OldMessages"];
        assert_eq!(lenient.state_at(&metrics, 180, State::Ok), State::Ok);
    }

    #[test]
    fn an_alarm_on_an_expression_has_its_intrinsic_functions_resolved() {
        let alarm = &alarms(&[])["NoHeartbeat"];
        let metric = MetricId::new(
            "whoop/Webhook",
            "Heartbeat",
            &[("Function", "WebhookFunction")],
        );
        assert_eq!(watched(alarm), [&metric]);
        assert_eq!(alarm.period(), 1800);
        let hourly = &alarms(&[("HeartbeatMinutes", "60")])["NoHeartbeat"];
        assert_eq!(hourly.period(), 3600);
        let mut metrics = Metrics::new();
        metrics.put(
            "whoop/Webhook",
            "Heartbeat",
            &[("Function", "WebhookFunction")],
            7200,
            1.0,
        );
        let transitions = Watch::new(alarm).run(&metrics, 7200, 86400);
        let transitions: Vec<_> = transitions
            .iter()
            .map(|change| (change.at, change.state))
            .collect();
        let expected = [
            (7200, State::Alarm),
            (7260, State::Ok),
            (7260 + 1800, State::Alarm),
        ];
        assert_eq!(transitions, expected);
    }

    #[test]
    fn a_resource_whose_condition_does_not_hold_is_left_out() {
        assert_eq!(alarms(&[]).len(), 2);
        let alarms = alarms(&[("WithMessages", "false")]);
        assert_eq!(alarms.into_keys().collect::<Vec<_>>(), ["NoHeartbeat"]);
    }

    #[test]
    fn a_metric_filter_has_its_intrinsic_functions_resolved() {
        let stack = Stack::new(&template(), "whoop", &[]).unwrap();
        let filter = &stack.metric_filters().unwrap()["Throttled"];
        assert_eq!(filter.log_group, "Logs");
        let mut metrics = Metrics::new();
        filter.ingest(&mut metrics, 0, r#"{"status":"429"}"#);
        let ids: Vec<_> = metrics.ids().collect();
        assert_eq!(ids, [&MetricId::new("whoop", "Throttled", &[])]);
    }

    #[test]
    fn names_the_resource_that_it_cannot_read() {
        let mut template = template();
        let unknown = Stack::new(&template, "whoop", &[("Nothing", "1")]).err();
        let message = unknown.map(|error| error.to_string());
        assert_eq!(
            message.as_deref(),
            Some("the template has no parameter Nothing")
        );

        let resources = &mut template.0["Resources"];
        resources["OldMessages"]["Properties"]["Unit"] = "Seconds".into();
        let pattern = &mut resources["Throttled"]["Properties"]["FilterPattern"];
        *pattern = json!({"Ref": "Nothing"});
        let stack = Stack::new(&template, "whoop", &[]).unwrap();
        let error = stack.alarms().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the alarm OldMessages cannot be evaluated"
        );
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, "property Unit is not supported");
        let error = stack.metric_filters().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the properties of Throttled cannot be resolved"
        );
        let cause = error.source().unwrap().to_string();
        assert_eq!(cause, "Nothing is neither a parameter nor a resource");
    }
}
