//! Draws the stack's CloudWatch dashboard with the figures of a run on the local AWS: what the functions print, what the senders
//! measure, and what the local AWS tells. Nothing is invented: a metric that nobody tells is drawn as "no data".
//!
//! `make dashboard-picture` runs this.

mod chart;
mod drawing;
mod figures;
mod functions;
mod legend;
mod plan;
mod queues;
mod scale;
mod statistic;
mod svg;
mod traffic;
mod widget;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alarms::{EmfError, MetricId};
use serde_json::json;
use tokio::time::Instant;

use crate::aws_api::ApiError;
use crate::stack::{Stack, StackError};
use crate::steps::Steps;
use crate::world::World;

use figures::{Figures, Points};
use plan::RUN;
use widget::Widget;

pub use widget::BodyError;

/// Metrics of ours without a value in a run in which everything works as planned.
const NOT_IN_A_RUN: [&str; 3] = ["KeysUnavailable", "QueueUnavailable", "ShutOut"];

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// A call of the stack failed.
    #[error(transparent)]
    Stack(#[from] StackError),
    /// CloudWatch does not return the dashboard.
    #[error("GetDashboard: {0}")]
    Dashboard(#[from] ApiError),
    /// The dashboard can't be drawn.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The file with the lines that the functions printed can't be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// CloudWatch would not take the metrics of a line.
    #[error("a line that a function printed: {0}")]
    Line(#[from] EmfError),
    /// The run lacks something that its plan should have led to.
    #[error("the run has no value of {0}")]
    Missing(String),
}

/// When a run takes place.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: Instant,
    /// The same moment in Unix seconds.
    start_unix: u64,
}

impl Run {
    /// Begins at the next full second.
    fn soon() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.unwrap_or_default();
        let start_unix = now.as_secs() + 1;
        Self {
            start: Instant::now() + (Duration::from_secs(start_unix) - now),
            start_unix,
        }
    }

    fn seconds(self) -> u64 {
        RUN.as_secs()
    }

    fn end(self) -> Instant {
        self.start + RUN
    }
}

/// Lets WHOOP, the schedules and strangers use the stack for two minutes, and returns the dashboard of that time as SVG.
///
/// # Errors
///
/// If a call fails, the dashboard uses something that is not known here, or the run lacks a metric that it should have.
pub async fn picture(world: &Arc<World>, steps: &Steps) -> Result<String, DashboardError> {
    let stack = &world.stack;
    // the plan invokes their functions, once in each period
    stack.stop_schedules().await?;
    let widgets = widget::widgets(&body(stack).await?)?;
    let lines = widgets.iter().flat_map(|widget| &widget.lines);
    let metrics: BTreeSet<&MetricId> = lines.map(|line| &line.metric).collect();
    let metrics: Vec<_> = metrics.into_iter().collect();
    let figures = steps
        .run(
            "Using the stack for two minutes",
            "the stack has been used for two minutes",
            figures(world, &metrics),
        )
        .await?;
    check(&widgets, &figures)?;
    Ok(drawing::draw(&widgets, &figures))
}

/// The body of the deployed dashboard.
async fn body(stack: &Stack) -> Result<String, DashboardError> {
    let name = stack.output("DashboardName");
    let target = "GraniteServiceVersion20100801.GetDashboard";
    let request = json!({"DashboardName": name});
    let answer = stack.api.json("monitoring", target, request).await?;
    let body = answer["DashboardBody"].as_str();
    let body = body.ok_or_else(|| ApiError::Malformed("it has no body".into()))?;
    Ok(body.to_owned())
}

/// Does everything that is planned, and collects the figures of these metrics.
async fn figures(world: &Arc<World>, metrics: &[&MetricId]) -> Result<Figures, DashboardError> {
    let stack = &world.stack;
    let gateway = metrics
        .iter()
        .find_map(|metric| metric.dimensions.get("ApiId"));
    let gateway = gateway.map(String::as_str).unwrap_or_default();
    let run = Run::soon();
    let (sent, queued) = tokio::try_join!(
        traffic::send(world, run, gateway),
        queues::watch(stack, run, metrics)
    )?;
    let mut figures = Figures::new(run.start_unix, run.seconds());
    figures.extend(sent);
    figures.extend(queued);
    figures.extend(functions::look_up(stack, run, metrics).await?);
    for printed in world.aws.function_output()? {
        figures.take(&printed.line)?;
    }
    Ok(figures)
}

/// Checks that everything planned has left its trace, so that a picture never shows less than it should.
fn check(widgets: &[Widget], figures: &Figures) -> Result<(), DashboardError> {
    for widget in widgets {
        for line in &widget.lines {
            let ours = line.metric.namespace == "WhoopPartner";
            let planned = ours && !NOT_IN_A_RUN.contains(&line.metric.name.as_str());
            let points = figures.points(line, widget.period);
            if planned && !matches!(points, Points::Some(_)) {
                return Err(DashboardError::Missing(line.metric.name.clone()));
            }
        }
    }
    Ok(())
}

/// A time in Unix seconds.
fn unix_seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
