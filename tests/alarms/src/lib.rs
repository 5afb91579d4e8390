//! Evaluates CloudWatch alarms without AWS: a test puts series of metrics under the alarms of `template.yaml` and asks when
//! they change their state.

mod assumptions;
mod emf;
mod filter_pattern;
mod math;
mod metric_filter;
mod metrics;

pub use assumptions::{Assumptions, EXTRA_PERIODS, FillOfNothing, OneSided};
pub use emf::EmfError;
pub use filter_pattern::{FilterPattern, PatternError};
pub use math::{Expression, MathError, Series};
pub use metric_filter::{MetricFilter, MetricFilterError};
pub use metrics::{MetricId, Metrics, Statistic};
