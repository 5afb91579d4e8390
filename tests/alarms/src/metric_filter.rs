//! A metric filter of CloudWatch Logs: it makes values of a metric from the lines of a log group.
//!
//! Follows AWS's pages "Filter pattern syntax for metric filters" and "AWS::Logs::MetricFilter".

use serde_json::Value;
use thiserror::Error;

use crate::filter_pattern::{FilterPattern, PatternError, Selector};
use crate::metrics::{MetricId, Metrics};

/// How many dimensions the metric of a filter may have.
const MAX_DIMENSIONS: usize = 3;

/// A metric filter.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFilter {
    /// The log group whose lines it takes.
    pub log_group: String,
    pattern: FilterPattern,
    namespace: String,
    name: String,
    value: Published,
    dimensions: Vec<(String, Selector)>,
    default: Option<f64>,
}

/// What a matching line adds to the metric.
#[derive(Debug, Clone, PartialEq)]
enum Published {
    Number(f64),
    Field(Selector),
}

/// Why CloudWatch Logs would not take a metric filter, or why it cannot be evaluated here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MetricFilterError {
    /// A property is absent, or not as it should be.
    #[error("property {0} is missing or not valid")]
    Property(&'static str),
    /// The filter has dimensions, which exclude a default value.
    #[error("a metric with dimensions cannot have a default value")]
    DefaultWithDimensions,
    /// The pattern, or a selector, cannot be read.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl MetricFilter {
    /// Reads the properties of an `AWS::Logs::MetricFilter` without intrinsic functions.
    ///
    /// # Errors
    ///
    /// If CloudWatch Logs would reject the properties, or the pattern is of a kind that is not supported.
    pub fn from_properties(properties: &Value) -> Result<Self, MetricFilterError> {
        let transformations = properties["MetricTransformations"].as_array();
        let Some([transformation]) = transformations.map(Vec::as_slice) else {
            return Err(MetricFilterError::Property("MetricTransformations"));
        };
        let default = &transformation["DefaultValue"];
        let filter = Self {
            log_group: text(properties, "LogGroupName")?.to_owned(),
            pattern: FilterPattern::parse(text(properties, "FilterPattern")?)?,
            namespace: text(transformation, "MetricNamespace")?.to_owned(),
            name: text(transformation, "MetricName")?.to_owned(),
            value: published(&transformation["MetricValue"])?,
            dimensions: dimensions(&transformation["Dimensions"])?,
            default: match default {
                Value::Null => None,
                given => Some(number(given).ok_or(MetricFilterError::Property("DefaultValue"))?),
            },
        };
        if filter.default.is_some() && !filter.dimensions.is_empty() {
            return Err(MetricFilterError::DefaultWithDimensions);
        }
        Ok(filter)
    }

    /// Takes one line of the log group, and returns whether it matches.
    ///
    /// A line that does not match adds the default value, if there is one, to a minute in which no line matches. A line
    /// that matches adds nothing if the field of the value is not a number. A dimension is left out if the line lacks its
    /// field.
    pub fn ingest(&self, metrics: &mut Metrics, time: u64, line: &str) -> bool {
        let matches = self.pattern.matches(line);
        if matches {
            let event = serde_json::from_str(line).unwrap_or_default();
            if let Some(value) = self.value.of(&event) {
                metrics.add(self.metric(&event), time, value);
            }
        } else if let Some(default) = self.default {
            metrics.add_default(self.metric(&Value::Null), time, default);
        }
        matches
    }

    fn metric(&self, event: &Value) -> MetricId {
        let dimensions = self.dimensions.iter();
        let dimensions = dimensions.filter_map(|(name, selector)| {
            let value = match selector.select(event)? {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return None,
            };
            Some((name.clone(), value))
        });
        MetricId {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            dimensions: dimensions.collect(),
        }
    }
}

impl Published {
    fn of(&self, event: &Value) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Field(selector) => selector.select(event)?.as_f64(),
        }
    }
}

fn text<'a>(value: &'a Value, name: &'static str) -> Result<&'a str, MetricFilterError> {
    let text = value[name].as_str();
    text.ok_or(MetricFilterError::Property(name))
}

/// CloudFormation takes a number as text too.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| number.is_finite())
}

fn published(value: &Value) -> Result<Published, MetricFilterError> {
    match value.as_str().filter(|text| text.starts_with('$')) {
        Some(selector) => Ok(Published::Field(Selector::parse(selector)?)),
        None => number(value)
            .map(Published::Number)
            .ok_or(MetricFilterError::Property("MetricValue")),
    }
}

fn dimensions(value: &Value) -> Result<Vec<(String, Selector)>, MetricFilterError> {
    let list = match value {
        Value::Null => &[][..],
        Value::Array(list) if list.len() <= MAX_DIMENSIONS => list,
        _ => return Err(MetricFilterError::Property("Dimensions")),
    };
    list.iter()
        .map(|dimension| {
            let selector = Selector::parse(text(dimension, "Value")?)?;
            Ok((text(dimension, "Key")?.to_owned(), selector))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::metrics::Statistic;

    fn throttled() -> Value {
        json!({
            "LogGroupName": "ApiAccessLogs",
            "FilterPattern": "{ $.status = \"429\" }",
            "MetricTransformations": [
                {"MetricNamespace": "Api", "MetricName": "Throttled", "MetricValue": "1"},
            ],
        })
    }

    /// The throttled calls that the filter counts in the first minute.
    fn data_point(properties: &Value, lines: &[&str], dimensions: &[(&str, &str)]) -> Option<f64> {
        let filter = MetricFilter::from_properties(properties).unwrap();
        let mut metrics = Metrics::new();
        for line in lines {
            filter.ingest(&mut metrics, 30, line);
        }
        let metric = MetricId::new("Api", "Throttled", dimensions);
        metrics.statistic(&metric, Statistic::Sum, 0..60)
    }

    const HIT: &str = r#"{"status":"429","routeKey":"POST /","latency":7}"#;
    const MISS: &str = r#"{"status":"204","routeKey":"POST /"}"#;

    #[test]
    fn counts_the_lines_that_match() {
        let filter = MetricFilter::from_properties(&throttled()).unwrap();
        assert_eq!(filter.log_group, "ApiAccessLogs");
        assert!(filter.ingest(&mut Metrics::new(), 0, HIT));
        assert!(!filter.ingest(&mut Metrics::new(), 0, MISS));
        assert_eq!(data_point(&throttled(), &[HIT, MISS, HIT], &[]), Some(2.0));
        assert_eq!(data_point(&throttled(), &[MISS], &[]), None);
    }

    #[test]
    fn a_default_fills_minutes_with_lines_but_without_a_match() {
        let mut properties = throttled();
        properties["MetricTransformations"][0]["DefaultValue"] = json!(5);
        assert_eq!(data_point(&properties, &[], &[]), None);
        assert_eq!(data_point(&properties, &[MISS, "not JSON"], &[]), Some(5.0));
        assert_eq!(data_point(&properties, &[MISS, HIT], &[]), Some(1.0));
    }

    #[test]
    fn takes_the_value_from_a_field() {
        let mut properties = throttled();
        properties["MetricTransformations"][0]["MetricValue"] = json!("$.latency");
        assert_eq!(data_point(&properties, &[HIT], &[]), Some(7.0));
        let text = r#"{"status":"429","latency":"7"}"#;
        assert_eq!(data_point(&properties, &[text], &[]), None);
    }

    #[test]
    fn takes_dimensions_from_fields_that_exist() {
        let mut properties = throttled();
        properties["MetricTransformations"][0]["Dimensions"] = json!([
            {"Key": "Route", "Value": "$.routeKey"},
            {"Key": "Stage", "Value": "$.stage"},
        ]);
        let route = [("Route", "POST /")];
        assert_eq!(data_point(&properties, &[HIT], &route), Some(1.0));
        assert_eq!(data_point(&properties, &[HIT], &[]), None);
    }

    #[track_caller]
    fn rejected(pointer: &str, value: Value, message: &str) {
        let mut properties = throttled();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        properties.pointer_mut(parent).unwrap()[name] = value;
        let error = MetricFilter::from_properties(&properties).unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn rejects_properties_that_are_not_valid() {
        let transformation = "/MetricTransformations/0";
        for name in ["LogGroupName", "FilterPattern", "MetricTransformations"] {
            let message = format!("property {name} is missing or not valid");
            rejected(&format!("/{name}"), Value::Null, &message);
        }
        for name in ["MetricNamespace", "MetricName", "MetricValue"] {
            let message = format!("property {name} is missing or not valid");
            rejected(&format!("{transformation}/{name}"), Value::Null, &message);
        }
        let four = json!(vec![json!({"Key": "a", "Value": "$.a"}); 4]);
        let message = "property Dimensions is missing or not valid";
        rejected(&format!("{transformation}/Dimensions"), four, message);
        let message = "property DefaultValue is missing or not valid";
        rejected(
            &format!("{transformation}/DefaultValue"),
            json!("none"),
            message,
        );
        let message = "filter pattern ERROR: only patterns for JSON are supported";
        rejected("/FilterPattern", json!("ERROR"), message);
        let message = "filter pattern $status: expected the name of a member before `status`";
        rejected(
            &format!("{transformation}/MetricValue"),
            json!("$status"),
            message,
        );
    }

    #[test]
    fn rejects_a_default_for_a_metric_with_dimensions() {
        let mut properties = throttled();
        let transformation = &mut properties["MetricTransformations"][0];
        transformation["Dimensions"] = json!([{"Key": "Route", "Value": "$.routeKey"}]);
        transformation["DefaultValue"] = json!(0);
        let error = MetricFilter::from_properties(&properties).unwrap_err();
        assert_eq!(error, MetricFilterError::DefaultWithDimensions);
    }
}
