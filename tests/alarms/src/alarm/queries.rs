//! What an alarm computes its data points from: one metric, or metrics and expressions with ids.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{AlarmError, MINUTE, Members};
use crate::assumptions::Assumptions;
use crate::math::{Expression, MathError, Series};
use crate::metrics::{MetricId, Metrics, Statistic};

/// How many metrics an alarm may have ("Alarms on math expressions").
const MAX_METRICS: usize = 10;

/// The properties of an alarm on one metric, in place of `Metrics`.
const OF_ONE_METRIC: [&str; 5] = [
    "Dimensions",
    "MetricName",
    "Namespace",
    "Period",
    "Statistic",
];

/// Ordered so that each expression refers only to those before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Queries {
    queries: Vec<Query>,
    /// The id of the series that the threshold applies to.
    watched: String,
    /// In seconds.
    pub(super) period: u64,
}

#[derive(Debug, Clone, PartialEq)]
struct Query {
    id: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Metric(MetricId, Statistic),
    Expression(Expression),
}

impl Queries {
    pub(super) fn of_alarm(properties: Members<'_>) -> Result<Self, AlarmError> {
        if !properties.has("Metrics") {
            let metric = metric(properties)?;
            let statistic = statistic(properties, "Statistic")?;
            return Ok(Self {
                queries: vec![Query {
                    id: "metric".to_owned(),
                    source: Source::Metric(metric, statistic),
                }],
                watched: "metric".to_owned(),
                period: period(properties)?,
            });
        }
        if let Some(name) = OF_ONE_METRIC.into_iter().find(|name| properties.has(name)) {
            let message = format!("property {name} excludes property Metrics");
            return Err(AlarmError::Invalid(message));
        }
        let mut queries: Vec<Query> = Vec::new();
        let mut watched = Vec::new();
        let mut periods = Vec::new();
        for entry in properties.list("Metrics")? {
            let entry = Members(entry);
            let query = Query::of_entry(entry, &mut periods)?;
            if queries.iter().any(|other| other.id == query.id) {
                return Err(AlarmError::Invalid(format!(
                    "id {} is used twice",
                    query.id
                )));
            }
            if entry.truth_or_true("ReturnData")? {
                watched.push(query.id.clone());
            }
            queries.push(query);
        }
        let Ok([watched]) = <[String; 1]>::try_from(watched) else {
            let message = "exactly one entry of Metrics must return data";
            return Err(AlarmError::Invalid(message.to_owned()));
        };
        let period = *periods.first().ok_or(AlarmError::Property("Period"))?;
        if periods.iter().any(|other| *other != period) {
            let message = "all entries of Metrics must have the same period";
            return Err(AlarmError::Invalid(message.to_owned()));
        }
        let queries = Self {
            queries: ordered(queries)?,
            watched,
            period,
        };
        if queries.metrics().count() > MAX_METRICS {
            let message = format!("an alarm has at most {MAX_METRICS} metrics");
            return Err(AlarmError::Invalid(message));
        }
        queries.check()?;
        Ok(queries)
    }

    pub(super) fn metrics(&self) -> impl Iterator<Item = &MetricId> {
        self.queries.iter().filter_map(|query| match &query.source {
            Source::Metric(metric, _) => Some(metric),
            Source::Expression(_) => None,
        })
    }

    /// The data points of the watched series, one for each window.
    pub(super) fn series(
        &self,
        windows: &[Range<u64>],
        metrics: &Metrics,
        assumptions: Assumptions,
    ) -> Result<Series, AlarmError> {
        let mut known: BTreeMap<&str, Series> = BTreeMap::new();
        for query in &self.queries {
            let series = match &query.source {
                Source::Metric(metric, statistic) => windows
                    .iter()
                    .map(|window| metrics.statistic(metric, *statistic, window.clone()))
                    .collect(),
                Source::Expression(expression) => expression
                    .evaluate(&|id| known.get(id).cloned(), windows.len(), assumptions)
                    .map_err(|error| query.error(error))?,
            };
            known.insert(&query.id, series);
        }
        let watched = known.remove(self.watched.as_str());
        Ok(watched.expect("the watched id is among the queries"))
    }

    /// Finds the errors of expressions, which do not depend on data.
    fn check(&self) -> Result<(), AlarmError> {
        let window = 0..self.period;
        self.series(&[window], &Metrics::new(), Assumptions::default())?;
        Ok(())
    }
}

impl Query {
    /// Reads an entry of `Metrics` and adds its period, if it has one, to `periods`.
    fn of_entry(entry: Members<'_>, periods: &mut Vec<u64>) -> Result<Self, AlarmError> {
        entry.only(&[
            "Expression",
            "Id",
            "Label",
            "MetricStat",
            "Period",
            "ReturnData",
        ])?;
        let id = entry.text("Id")?;
        let is_valid = id.starts_with(|first: char| first.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_valid {
            return Err(AlarmError::Property("Id"));
        }
        if entry.has("Period") {
            periods.push(period(entry)?);
        }
        let source = match (entry.has("MetricStat"), entry.text_if_any("Expression")?) {
            (true, None) => {
                let stat = entry.member("MetricStat");
                stat.only(&["Metric", "Period", "Stat"])?;
                periods.push(period(stat)?);
                let members = stat.member("Metric");
                members.only(&["Dimensions", "MetricName", "Namespace"])?;
                Source::Metric(metric(members)?, statistic(stat, "Stat")?)
            }
            (false, Some(text)) => {
                let expression = Expression::parse(text);
                Source::Expression(expression.map_err(|error| AlarmError::Expression {
                    id: id.to_owned(),
                    error,
                })?)
            }
            _ => {
                let message = format!("{id} must have either MetricStat or Expression");
                return Err(AlarmError::Invalid(message));
            }
        };
        let id = id.to_owned();
        Ok(Self { id, source })
    }

    fn error(&self, error: MathError) -> AlarmError {
        let id = self.id.clone();
        AlarmError::Expression { id, error }
    }

    /// The id of a query that must come before this one and is not among `before`.
    fn lacks<'a>(&'a self, before: &[Query]) -> Option<&'a str> {
        let ids = match &self.source {
            Source::Metric(..) => return None,
            Source::Expression(expression) => expression.ids(),
        };
        let is_there = |id: &str| before.iter().any(|query| query.id == id);
        ids.into_iter().find(|id| !is_there(id))
    }
}

/// The queries in an order in which each refers only to those before it.
fn ordered(mut rest: Vec<Query>) -> Result<Vec<Query>, AlarmError> {
    let mut ordered = Vec::new();
    while !rest.is_empty() {
        let next = rest
            .iter()
            .position(|query| query.lacks(&ordered).is_none());
        let Some(next) = next else {
            let unknown = rest.iter().find_map(|query| {
                let id = query.lacks(&ordered)?;
                let is_later = rest.iter().any(|other| other.id == id);
                (!is_later).then(|| query.error(MathError::UnknownId(id.to_owned())))
            });
            let circle =
                AlarmError::Invalid("the expressions refer to each other in a circle".into());
            return Err(unknown.unwrap_or(circle));
        };
        ordered.push(rest.remove(next));
    }
    Ok(ordered)
}

fn metric(members: Members<'_>) -> Result<MetricId, AlarmError> {
    let namespace = members.text("Namespace")?;
    let name = members.text("MetricName")?;
    let dimensions = members.list("Dimensions")?.iter().map(|dimension| {
        let dimension = Members(dimension);
        Ok((dimension.text("Name")?, dimension.text("Value")?))
    });
    let dimensions = dimensions.collect::<Result<Vec<_>, AlarmError>>()?;
    Ok(MetricId::new(namespace, name, &dimensions))
}

fn statistic(members: Members<'_>, name: &'static str) -> Result<Statistic, AlarmError> {
    let name = members.text(name)?;
    let statistic = Statistic::named(name);
    statistic.ok_or_else(|| AlarmError::Unsupported(format!("statistic {name}")))
}

/// A multiple of a minute. Shorter periods need high-resolution metrics.
fn period(members: Members<'_>) -> Result<u64, AlarmError> {
    match members.whole("Period")? {
        period if period % MINUTE == 0 => Ok(period),
        period @ (10 | 20 | 30) => Err(AlarmError::Unsupported(format!("period {period}"))),
        _ => Err(AlarmError::Property("Period")),
    }
}
