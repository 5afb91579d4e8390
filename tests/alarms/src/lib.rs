//! Evaluates CloudWatch alarms without AWS: a test puts series of metrics under the alarms of `template.yaml` and asks when
//! they change their state.
//!
//! ```
//! use alarms::{Metrics, Stack, State, Watch};
//! use serde_json::json;
//! # use template::Template;
//! # let template = Template(json!({"Resources": {
//! #     "Queue": {"Type": "AWS::SQS::Queue"},
//! #     "OldMessages": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
//! #         "Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage", "Statistic": "Maximum",
//! #         "Dimensions": [{"Name": "QueueName", "Value": {"Fn::GetAtt": ["Queue", "QueueName"]}}],
//! #         "Period": 60, "EvaluationPeriods": 2, "Threshold": 300, "ComparisonOperator": "GreaterThanThreshold",
//! #         "TreatMissingData": "notBreaching"}}}}));
//!
//! // In a test of the real template: Template::transformed(&template::checkout().join("template.yaml"))
//! let stack = Stack::new(&template, "whoop", &[])?;
//! let alarms = stack.alarms()?;
//! let mut metrics = Metrics::new();
//! for (time, age) in [(0, 250.0), (60, 310.0), (120, 370.0), (180, 0.0)] {
//!     let queue = [("QueueName", "Queue.QueueName")];
//!     metrics.put("AWS/SQS", "ApproximateAgeOfOldestMessage", &queue, time, age);
//! }
//! let transitions = Watch::new(&alarms["OldMessages"]).run(&metrics, 60, 3600);
//! let transitions: Vec<_> = transitions.iter().map(|change| (change.at, change.state)).collect();
//! assert_eq!(transitions, [(60, State::Ok), (180, State::Alarm), (240, State::Ok)]);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # From a log line to a state
//!
//! 1. [`Metrics`] holds the data points. A test puts AWS's own metrics with [`Metrics::put`], and lines of a function's log with
//!    [`Metrics::ingest_emf_at`]. A [`MetricFilter`] makes data points from other log lines.
//! 2. [`Stack`] resolves the template's intrinsic functions and reads its alarms and metric filters.
//! 3. [`Alarm`] turns the metrics into one data point for each period, where needed with metric math ([`Expression`]), and the
//!    data points into a [`State`].
//! 4. [`Watch`] evaluates an alarm minute by minute and returns its transitions.
//!
//! # What it follows
//!
//! These pages of AWS: "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data", "Using math expressions with
//! CloudWatch metrics", "Specification: Embedded metric format", "Using filter patterns to match terms in JSON log events" and
//! "Filter pattern syntax for metric filters". Both tables about missing data and the examples of `IF`, of comparisons and of
//! filter patterns are tests. [`Assumptions`] lists what the pages leave open.
//!
//! # What it does not do
//!
//! It does not know anomaly detection, percentiles and other extended statistics, composite alarms, periods below a minute,
//! units, metrics of other accounts, Metrics Insights queries, and most functions of metric math. An alarm that uses one of them
//! is an error; a composite alarm is left out. It does not carry out actions, and it does not delay metrics as AWS does.

mod alarm;
mod assumptions;
mod emf;
mod filter_pattern;
mod math;
mod metric_filter;
mod metrics;
mod resolver;
mod stack;
mod state;
mod watch;

pub use alarm::{Alarm, AlarmError};
pub use assumptions::{Assumptions, EXTRA_PERIODS, FillOfNothing, OneSided};
pub use emf::EmfError;
pub use filter_pattern::{FilterPattern, PatternError};
pub use math::{Expression, MathError, Series};
pub use metric_filter::{MetricFilter, MetricFilterError};
pub use metrics::{MetricId, Metrics, Statistic};
pub use resolver::ResolveError;
pub use stack::{Stack, StackError};
pub use state::{MissingData, State};
pub use watch::{Transition, Watch};
