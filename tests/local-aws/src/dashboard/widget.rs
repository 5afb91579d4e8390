//! The widgets of a dashboard, read from its body (Amazon CloudWatch, "Dashboard body structure and syntax").
//!
//! Everything that the template does not use is an error, so that the picture leaves nothing out unnoticed.

use std::collections::BTreeMap;

use alarms::MetricId;
use serde::Deserialize;
use serde_json::Value;

use super::statistic::Statistic;

/// A chart of metrics over time.
#[derive(Debug)]
pub(super) struct Widget {
    pub(super) title: String,
    pub(super) place: Place,
    /// In seconds.
    pub(super) period: u64,
    pub(super) lines: Vec<Line>,
    pub(super) left: Axis,
    pub(super) right: Axis,
    pub(super) annotations: Vec<Annotation>,
}

/// Where a widget is, in the units of the dashboard's grid, which is 24 columns wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A metric in a widget.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) metric: MetricId,
    pub(super) label: String,
    pub(super) statistic: Statistic,
    pub(super) side: Side,
}

/// The vertical axis that a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Side {
    #[default]
    Left,
    Right,
}

/// A vertical axis.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub(super) struct Axis {
    pub(super) label: String,
    pub(super) min: Option<f64>,
    #[serde(rename = "showUnits")]
    _show_units: bool,
}

/// A horizontal line at a value of the left axis.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Annotation {
    pub(super) label: String,
    pub(super) value: f64,
}

/// Why a body can't be drawn.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is not JSON of the known form.
    #[error("the dashboard's body: {0}")]
    Json(#[from] serde_json::Error),
    /// A metric is not an array of texts, perhaps with options at its end.
    #[error("a metric of the widget {0:?} is not of the known form")]
    Metric(String),
    /// The statistic is not known.
    #[error("the widget {title:?} uses the statistic {statistic}, which is not known")]
    Statistic {
        /// The widget's title.
        title: String,
        /// The statistic's name.
        statistic: String,
    },
}

/// Reads a dashboard's body.
pub(super) fn widgets(body: &str) -> Result<Vec<Widget>, BodyError> {
    let body: Body = serde_json::from_str(body)?;
    body.widgets.into_iter().map(Entry::widget).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    widgets: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "type")]
    _kind: Kind,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    properties: Properties,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Metric,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Properties {
    title: String,
    #[serde(rename = "region")]
    _region: String,
    #[serde(rename = "view")]
    _view: View,
    stat: String,
    period: u64,
    #[serde(default)]
    y_axis: Axes,
    #[serde(default)]
    annotations: Annotations,
    metrics: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum View {
    TimeSeries,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Axes {
    left: Axis,
    right: Axis,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Annotations {
    horizontal: Vec<Annotation>,
}

/// What stands at the end of a metric, if anything.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct Options {
    label: Option<String>,
    stat: Option<String>,
    y_axis: Side,
}

impl Entry {
    fn widget(self) -> Result<Widget, BodyError> {
        let properties = self.properties;
        let line = |metric: &Vec<Value>| properties.line(metric);
        let lines: Result<_, _> = properties.metrics.iter().map(line).collect();
        Ok(Widget {
            lines: lines?,
            place: Place {
                x: self.x,
                y: self.y,
                width: self.width,
                height: self.height,
            },
            title: properties.title,
            period: properties.period,
            left: properties.y_axis.left,
            right: properties.y_axis.right,
            annotations: properties.annotations.horizontal,
        })
    }
}

impl Properties {
    fn line(&self, metric: &[Value]) -> Result<Line, BodyError> {
        let malformed = || BodyError::Metric(self.title.clone());
        let (options, texts) = match metric.split_last() {
            Some((options @ Value::Object(_), texts)) => (Options::deserialize(options)?, texts),
            _ => (Options::default(), metric),
        };
        // "." and "..." stand for what the metric before has
        let text = |text: &Value| match text.as_str() {
            Some("." | "...") | None => Err(malformed()),
            Some(text) => Ok(text.to_owned()),
        };
        let texts: Vec<String> = texts.iter().map(text).collect::<Result<_, _>>()?;
        let [namespace, name, dimensions @ ..] = &texts[..] else {
            return Err(malformed());
        };
        let (dimensions, []) = dimensions.as_chunks() else {
            return Err(malformed());
        };
        let dimension = |[name, value]: &[String; 2]| (name.clone(), value.clone());
        let dimensions: BTreeMap<_, _> = dimensions.iter().map(dimension).collect();
        let statistic = options.stat.unwrap_or_else(|| self.stat.clone());
        Ok(Line {
            label: options.label.unwrap_or_else(|| name.clone()),
            statistic: Statistic::named(&statistic).ok_or_else(|| BodyError::Statistic {
                title: self.title.clone(),
                statistic,
            })?,
            side: options.y_axis,
            metric: MetricId {
                namespace: namespace.clone(),
                name: name.clone(),
                dimensions,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn body(metrics: &Value) -> Value {
        json!({"widgets": [{"type": "metric", "x": 8, "y": 6, "width": 12, "height": 5, "properties": {
            "title": "Orders", "region": "us-east-1", "view": "timeSeries", "stat": "Sum", "period": 300,
            "yAxis": {"left": {"label": "s", "showUnits": false, "min": 0}},
            "annotations": {"horizontal": [{"label": "too late", "value": 900}]},
            "metrics": metrics}}]})
    }

    fn widget(metrics: &Value) -> Result<Widget, BodyError> {
        let widgets = widgets(&body(metrics).to_string())?;
        Ok(widgets.into_iter().next().unwrap())
    }

    #[track_caller]
    fn rejected(metrics: Value, message: &str) {
        assert_eq!(widget(&metrics).unwrap_err().to_string(), message);
    }

    #[test]
    fn reads_place_axes_and_annotations() {
        let widget = widget(&json!([])).unwrap();
        let [x, y, width, height] = [8, 6, 12, 5];
        assert_eq!(
            widget.place,
            Place {
                x,
                y,
                width,
                height
            }
        );
        assert_eq!((widget.title.as_str(), widget.period), ("Orders", 300));
        assert_eq!(
            (widget.left.label.as_str(), widget.left.min),
            ("s", Some(0.0))
        );
        assert_eq!((widget.right.label.as_str(), widget.right.min), ("", None));
        assert_eq!(widget.annotations[0].label, "too late");
        assert_eq!(widget.annotations[0].value, 900.0);
    }

    #[test]
    fn a_metric_has_the_widgets_statistic_and_its_own_name_unless_its_options_say_otherwise() {
        let options = json!({"label": "longest", "stat": "p50", "yAxis": "right"});
        let widget = widget(&json!([
            ["Shop", "Orders"],
            ["AWS/SQS", "Age", "QueueName", "q", "City", "Bonn", options],
        ]));
        let lines = widget.unwrap().lines;
        let plain = Line {
            metric: MetricId::new("Shop", "Orders", &[]),
            label: "Orders".into(),
            statistic: Statistic::named("Sum").unwrap(),
            side: Side::Left,
        };
        let with_options = Line {
            metric: MetricId::new("AWS/SQS", "Age", &[("City", "Bonn"), ("QueueName", "q")]),
            label: "longest".into(),
            statistic: Statistic::named("p50").unwrap(),
            side: Side::Right,
        };
        assert_eq!(lines, [plain, with_options]);
    }

    #[test]
    fn rejects_what_would_be_drawn_wrongly() {
        let not_known = r#"a metric of the widget "Orders" is not of the known form"#;
        rejected(json!([["Shop"]]), not_known);
        rejected(json!([["Shop", "Orders", "Store"]]), not_known);
        rejected(json!([["Shop", "Orders"], [".", "Errors"]]), not_known);
        rejected(
            json!([[{"expression": "a + b"}]]),
            "the dashboard's body: unknown field `expression`, expected one of `label`, `stat`, `yAxis`",
        );
        rejected(
            json!([["Shop", "Orders", {"stat": "TM(10%:90%)"}]]),
            r#"the widget "Orders" uses the statistic TM(10%:90%), which is not known"#,
        );
        let mut text = body(&json!([]));
        text["widgets"][0]["type"] = json!("text");
        let error = widgets(&text.to_string()).unwrap_err().to_string();
        assert!(error.contains("unknown variant `text`"), "{error}");
    }
}
