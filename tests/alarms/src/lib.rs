//! Evaluates CloudWatch alarms without AWS: a test puts series of metrics under the alarms of `template.yaml` and asks when
//! they change their state.

mod emf;
mod filter_pattern;
mod metric_filter;
mod metrics;

pub use emf::EmfError;
pub use filter_pattern::{FilterPattern, PatternError};
pub use metric_filter::{MetricFilter, MetricFilterError};
pub use metrics::{MetricId, Metrics, Statistic};
