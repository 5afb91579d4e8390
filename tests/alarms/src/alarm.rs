//! A metric alarm.
//!
//! Follows AWS's pages "AWS::CloudWatch::Alarm", "PutMetricAlarm" and "Alarm evaluation".

mod members;
mod queries;

use std::ops::Range;

use serde_json::Value;
use thiserror::Error;

use crate::assumptions::Assumptions;
use crate::math::{MathError, Series};
use crate::metrics::{MetricId, Metrics};
use crate::state::{MissingData, Rule, State};
use members::Members;
use queries::Queries;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The properties that have no influence on the state.
pub(crate) const WITHOUT_INFLUENCE: &[&str] = &[
    "ActionsEnabled",
    "AlarmActions",
    "AlarmDescription",
    "AlarmName",
    "InsufficientDataActions",
    "OKActions",
    "Tags",
];

/// The other properties that are supported.
const SUPPORTED: &[&str] = &[
    "ComparisonOperator",
    "DatapointsToAlarm",
    "Dimensions",
    "EvaluationPeriods",
    "MetricName",
    "Metrics",
    "Namespace",
    "Period",
    "Statistic",
    "Threshold",
    "TreatMissingData",
];

/// A metric alarm, based on one metric or on metric math.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    queries: Queries,
    comparison: Comparison,
    threshold: f64,
    rule: Rule,
    assumptions: Assumptions,
}

/// Why CloudWatch would not take an alarm, or why it cannot be evaluated here.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AlarmError {
    /// A property is absent, or not as it should be.
    #[error("property {0} is missing or not valid")]
    Property(&'static str),
    /// The alarm uses something that is not supported.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// CloudWatch would reject the alarm.
    #[error("{0}")]
    Invalid(String),
    /// An expression cannot be evaluated.
    #[error("expression {id}: {error}")]
    Expression {
        /// Its id.
        id: String,
        /// What is wrong with it.
        error: MathError,
    },
}

/// How a data point breaches the threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Alarm {
    /// Reads the properties of an `AWS::CloudWatch::Alarm` without intrinsic functions.
    ///
    /// # Errors
    ///
    /// If CloudWatch would reject the alarm, or it uses something that is not supported.
    pub fn from_properties(properties: &Value) -> Result<Self, AlarmError> {
        let properties = Members(properties);
        properties.only(&[SUPPORTED, WITHOUT_INFLUENCE].concat())?;
        let queries = Queries::of_alarm(properties)?;
        let periods = properties.whole("EvaluationPeriods")?;
        let to_alarm = properties.whole_or("DatapointsToAlarm", periods)?;
        if !(1..=periods).contains(&to_alarm) {
            return Err(AlarmError::Property("DatapointsToAlarm"));
        }
        let longest = if queries.period < HOUR { DAY } else { 7 * DAY };
        if periods * queries.period > longest {
            let message = format!("{periods} periods of {} s are too long", queries.period);
            return Err(AlarmError::Invalid(message));
        }
        let missing_data = match properties.text_if_any("TreatMissingData")? {
            Some(name) => {
                MissingData::named(name).ok_or(AlarmError::Property("TreatMissingData"))?
            }
            // "Alarms that evaluate metrics in the AWS/DynamoDB namespace default to ignore missing data."
            None if queries
                .metrics()
                .any(|metric| metric.namespace == "AWS/DynamoDB") =>
            {
                MissingData::Ignore
            }
            None => MissingData::Missing,
        };
        Ok(Self {
            comparison: Comparison::named(properties.text("ComparisonOperator")?)?,
            threshold: properties.number("Threshold")?,
            rule: Rule {
                to_alarm: to_alarm as usize,
                periods: periods as usize,
                missing_data,
            },
            assumptions: Assumptions::default(),
            queries,
        })
    }

    /// The same alarm, evaluated under these assumptions.
    #[must_use]
    pub fn assuming(mut self, assumptions: Assumptions) -> Self {
        self.assumptions = assumptions;
        self
    }

    /// The metrics that the alarm watches.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricId> {
        self.queries.metrics()
    }

    /// The length of a period in seconds.
    #[must_use]
    pub fn period(&self) -> u64 {
        self.queries.period
    }

    /// How often the alarm is evaluated, in seconds: once a minute. If its evaluation periods together exceed one day, it is
    /// evaluated once an hour, with the data up to the full hour.
    #[must_use]
    pub fn evaluation_interval(&self) -> u64 {
        if self.rule.periods as u64 * self.period() > DAY {
            HOUR
        } else {
            MINUTE
        }
    }

    /// The data points of the evaluation range at `now`, the oldest first. The periods are windows before the last full
    /// minute, or the last full hour of an alarm that is evaluated once an hour. They move with `now`.
    #[must_use]
    pub fn data_points(&self, metrics: &Metrics, now: u64) -> Series {
        let end = now - now % self.evaluation_interval();
        let periods = (self.rule.periods + self.assumptions.extra_periods) as u64;
        let before = |periods: u64| end.saturating_sub(periods * self.period());
        let windows: Vec<Range<u64>> = (0..periods)
            .rev()
            .map(|index| before(index + 1)..before(index))
            .collect();
        let series = self.queries.series(&windows, metrics, self.assumptions);
        series
            .expect("errors do not depend on the data, and none was found when the alarm was read")
    }

    /// The state that an evaluation at `now` gives to an alarm that is in the state `previous`.
    #[must_use]
    pub fn state_at(&self, metrics: &Metrics, now: u64, previous: State) -> State {
        let points = self.data_points(metrics, now).into_iter();
        let breaches = |value| self.comparison.breaches(value, self.threshold);
        let points: Vec<_> = points.map(|value| value.map(breaches)).collect();
        self.rule.state(&points, previous)
    }
}

impl Comparison {
    fn named(name: &str) -> Result<Self, AlarmError> {
        match name {
            "GreaterThanThreshold" => Ok(Self::Greater),
            "GreaterThanOrEqualToThreshold" => Ok(Self::GreaterOrEqual),
            "LessThanThreshold" => Ok(Self::Less),
            "LessThanOrEqualToThreshold" => Ok(Self::LessOrEqual),
            other => Err(AlarmError::Unsupported(format!("operator {other}"))),
        }
    }

    fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }
}

#[cfg(test)]
mod tests;
