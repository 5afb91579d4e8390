//! One widget as a chart: title, axes, lines, annotations, legend.

use super::figures::{Figures, Points, period_of_run};
use super::legend::{Entry, Legend};
use super::scale::Scale;
use super::svg::{Anchor, Area, Font, Svg};
use super::widget::{Axis, Side, Widget};

/// Dark enough on white, and different for eyes that do not tell red from green.
const COLOURS: [&str; 6] = [
    "#1f6fb4", "#c8500a", "#1a7f5a", "#b0307a", "#6b55b5", "#7a5c2e",
];

const FRAME: &str = "#d5d9dd";
const GRID: &str = "#e8eaed";
const LIMIT: &str = "#c62828";
/// Lies behind the time of an incident.
const SHADE: &str = "#f1f3f5";

const TITLE: Font = font(13, true, "#1c1c1c");
const TICK: Font = font(10, false, "#555555");
const NOTHING: Font = font(12, false, "#767676");

/// Between the frame and everything in it.
const PADDING: f64 = 12.0;
/// For the ticks of a vertical axis.
const TICKS_WIDTH: f64 = 34.0;
/// Between the ticks of the horizontal axis, in seconds.
const TICK_SECONDS: u64 = 30;

const fn font(size: u32, bold: bool, colour: &'static str) -> Font {
    Font { size, bold, colour }
}

/// A line of a widget with its points and its colour.
struct Curve<'a> {
    label: &'a str,
    side: Side,
    colour: &'static str,
    points: Points,
}

/// A vertical axis with its scale.
struct Ruler<'a> {
    axis: &'a Axis,
    scale: Scale,
}

/// Draws a widget into `area`. `incident` is the time that is shaded, in seconds of the run.
pub(super) fn draw(
    widget: &Widget,
    figures: &Figures,
    incident: [f64; 2],
    area: Area,
    svg: &mut Svg,
) {
    let curves = widget.lines.iter().zip(COLOURS.iter().cycle());
    let curves: Vec<_> = curves
        .map(|(line, colour)| Curve {
            label: &line.label,
            side: line.side,
            colour,
            points: figures.points(line, widget.period),
        })
        .collect();
    let mut entries: Vec<_> = curves.iter().map(Curve::entry).collect();
    // what is drawn comes first
    entries.sort_by_key(|entry| entry.colour.is_none());
    let legend = Legend::new(entries, area.width - 2.0 * PADDING);
    let is_drawn = |side| {
        let mut curves = curves.iter().filter(|curve| curve.side == side);
        curves.any(|curve| curve.values().next().is_some())
    };
    let has_right = is_drawn(Side::Right);
    let right = if has_right { TICKS_WIDTH } else { 6.0 };
    let plot = Area {
        left: area.left + PADDING + TICKS_WIDTH,
        top: area.top + 44.0,
        width: area.width - 2.0 * PADDING - TICKS_WIDTH - right,
        height: area.height - 44.0 - 22.0 - legend.height() - 8.0,
    };
    let chart = Chart {
        left: Ruler::new(&widget.left, Side::Left, &curves, widget),
        right: has_right.then(|| Ruler::new(&widget.right, Side::Right, &curves, widget)),
        plot,
        seconds: figures.seconds() as f64,
    };
    svg.frame(area, FRAME);
    svg.text(
        [area.left + PADDING, area.top + 20.0],
        Anchor::Start,
        TITLE,
        &widget.title,
    );
    chart.draw_ground(incident, svg);
    for annotation in &widget.annotations {
        let y = chart.y(Side::Left, annotation.value);
        svg.line([plot.left, y], [plot.right(), y], LIMIT, "5 3");
        let font = Font {
            colour: LIMIT,
            ..TICK
        };
        svg.text(
            [plot.right() - 2.0, y - 3.0],
            Anchor::End,
            font,
            &annotation.label,
        );
    }
    for curve in &curves {
        chart.draw_curve(curve, period_of_run(widget.period), svg);
    }
    if curves
        .iter()
        .all(|curve| matches!(curve.points, Points::NotTold))
    {
        let middle = [plot.left + plot.width / 2.0, plot.top + plot.height / 2.0];
        svg.text(middle, Anchor::Middle, NOTHING, "no data on the local AWS");
    }
    let below = Area {
        left: area.left + PADDING,
        top: plot.bottom() + 22.0,
        ..area
    };
    legend.draw(below, svg);
}

impl Curve<'_> {
    fn entry(&self) -> Entry {
        let side = match self.side {
            Side::Left => "",
            Side::Right => " (right)",
        };
        let missing = match self.points {
            Points::Some(_) => "",
            Points::NoneInThisRun => ": none",
            Points::NotTold => ": no data on the local AWS",
        };
        Entry {
            text: format!("{}{side}{missing}", self.label),
            colour: missing.is_empty().then_some(self.colour),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let points = match &self.points {
            Points::Some(points) => points.as_slice(),
            Points::NoneInThisRun | Points::NotTold => &[],
        };
        points.iter().copied().flatten()
    }
}

impl<'a> Ruler<'a> {
    fn new(axis: &'a Axis, side: Side, curves: &[Curve<'_>], widget: &Widget) -> Self {
        let curves = curves.iter().filter(|curve| curve.side == side);
        let mut values: Vec<_> = curves.flat_map(Curve::values).collect();
        if side == Side::Left {
            values.extend(widget.annotations.iter().map(|annotation| annotation.value));
        }
        let scale = Scale::over(&values, axis.min);
        Self { axis, scale }
    }
}

/// Where everything is.
struct Chart<'a> {
    left: Ruler<'a>,
    right: Option<Ruler<'a>>,
    plot: Area,
    seconds: f64,
}

impl Chart<'_> {
    fn x(&self, second: f64) -> f64 {
        self.plot.left + second / self.seconds * self.plot.width
    }

    fn y(&self, side: Side, value: f64) -> f64 {
        let ruler = match side {
            Side::Left => &self.left,
            Side::Right => self.right.as_ref().unwrap_or(&self.left),
        };
        self.plot.bottom() - ruler.scale.part(value) * self.plot.height
    }

    /// Draws everything that lies behind the lines.
    fn draw_ground(&self, incident: [f64; 2], svg: &mut Svg) {
        let plot = self.plot;
        let [from, to] = incident.map(|second| self.x(second));
        let shade = Area {
            left: from,
            width: to - from,
            ..plot
        };
        svg.area(shade, SHADE);
        for tick in self.left.scale.ticks() {
            let y = self.y(Side::Left, tick);
            svg.line([plot.left, y], [plot.right(), y], GRID, "");
            let label = self.left.scale.label(tick);
            svg.text([plot.left - 5.0, y + 3.5], Anchor::End, TICK, &label);
        }
        let top = plot.top - 9.0;
        let outside = plot.left - TICKS_WIDTH;
        svg.text([outside, top], Anchor::Start, TICK, &self.left.axis.label);
        if let Some(right) = &self.right {
            for tick in right.scale.ticks() {
                let y = self.y(Side::Right, tick);
                let label = right.scale.label(tick);
                svg.text([plot.right() + 5.0, y + 3.5], Anchor::Start, TICK, &label);
            }
            let outside = plot.right() + TICKS_WIDTH;
            svg.text([outside, top], Anchor::End, TICK, &right.axis.label);
        }
        svg.line(
            [plot.left, plot.bottom()],
            [plot.right(), plot.bottom()],
            "#9aa0a6",
            "",
        );
        for second in (0..=self.seconds as u64).step_by(TICK_SECONDS as usize) {
            let x = self.x(second as f64);
            svg.line([x, plot.bottom()], [x, plot.bottom() + 3.0], "#9aa0a6", "");
            let label = format!("{second} s");
            svg.text([x, plot.bottom() + 14.0], Anchor::Middle, TICK, &label);
        }
    }

    /// Draws a line, which has a gap where a period has no value. A point between two gaps is a dot.
    fn draw_curve(&self, curve: &Curve<'_>, period: u64, svg: &mut Svg) {
        let Points::Some(points) = &curve.points else {
            return;
        };
        let place = |(index, point): (usize, &Option<f64>)| {
            let second = (index as f64 + 0.5) * period as f64;
            point.map(|value| [self.x(second), self.y(curve.side, value)])
        };
        let places: Vec<_> = points.iter().enumerate().map(place).collect();
        for run in places.split(Option::is_none) {
            let run: Vec<_> = run.iter().copied().flatten().collect();
            match run[..] {
                [] => {}
                [only] => svg.dot(only, 3.0, curve.colour),
                _ => svg.path(&run, curve.colour),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alarms::MetricId;

    use super::*;
    use crate::dashboard::figures::Figure;
    use crate::dashboard::statistic::Statistic;
    use crate::dashboard::widget::{Annotation, Line, Place};

    const START: u64 = 1_800_000_000;

    fn line(name: &str, side: Side) -> Line {
        let namespace = if name == "Errors" {
            "AWS/Lambda"
        } else {
            "WhoopPartner"
        };
        Line {
            metric: MetricId::new(namespace, name, &[("Stack", "private-name")]),
            label: name.to_lowercase(),
            statistic: Statistic::named("Sum").unwrap(),
            side,
        }
    }

    /// The picture of a chart whose plot is 400 pixels wide, of a run of 20 s with values of `Accepted`.
    fn picture(lines: Vec<Line>, annotations: Vec<Annotation>, values: &[(u64, f64)]) -> String {
        let mut figures = Figures::new(START, 20);
        figures.extend(values.iter().map(|&(second, value)| Figure {
            metric: line("Accepted", Side::Left).metric,
            at: START + second,
            value,
        }));
        let [x, y, width, height] = [0, 0, 8, 6];
        let widget = Widget {
            title: "Orders & more".into(),
            place: Place {
                x,
                y,
                width,
                height,
            },
            period: 300,
            lines,
            left: Axis::default(),
            right: Axis::default(),
            annotations,
        };
        let width = 400.0 + 2.0 * PADDING + TICKS_WIDTH + 6.0;
        let area = Area {
            left: 0.0,
            top: 0.0,
            width,
            height: 189.0,
        };
        let mut svg = Svg::default();
        draw(&widget, &figures, [5.0, 10.0], area, &mut svg);
        let picture = svg.document(500.0, 200.0, "t");
        roxmltree::Document::parse(&picture).unwrap();
        picture
    }

    #[track_caller]
    fn contains(picture: &str, part: &str) {
        assert!(picture.contains(part), "no {part} in {picture}");
    }

    #[test]
    fn a_line_goes_through_the_middle_of_each_period() {
        let values = [(0, 1.0), (1, 1.0), (6, 4.0), (11, 0.0), (19, 2.0)];
        let picture = picture(vec![line("Accepted", Side::Left)], vec![], &values);
        // the plot is 100 pixels high and begins at 46, 44
        contains(&picture, r#"points="96,94 196,44 296,144 396,94""#);
        contains(&picture, ">accepted</text>");
        contains(&picture, "Orders &amp; more");
        assert!(!picture.contains("private-name"));
    }

    #[test]
    fn a_period_without_a_value_is_a_gap() {
        let values = [(0, 1.0), (6, 4.0), (19, 2.0)];
        let picture = picture(vec![line("Accepted", Side::Left)], vec![], &values);
        contains(&picture, r#"points="96,119 196,44""#);
        contains(&picture, r#"<circle cx="396" cy="94""#);
    }

    #[test]
    fn the_scale_reaches_over_annotations() {
        let annotations = vec![Annotation {
            label: "too many".into(),
            value: 8.0,
        }];
        let picture = picture(vec![line("Accepted", Side::Left)], annotations, &[(6, 4.0)]);
        contains(&picture, r#"<circle cx="196" cy="94""#);
        contains(&picture, ">too many</text>");
        contains(&picture, ">8</text>");
    }

    #[test]
    fn a_metric_without_data_says_so_and_draws_nothing() {
        let lines = || {
            vec![
                line("QueueUnavailable", Side::Left),
                line("Errors", Side::Right),
            ]
        };
        let empty = picture(lines(), vec![], &[]);
        contains(&empty, ">queueunavailable: none</text>");
        contains(&empty, ">errors (right): no data on the local AWS</text>");
        assert!(!empty.contains("<polyline") && !empty.contains("<circle"));
        let untold = picture(vec![line("Errors", Side::Left)], vec![], &[]);
        contains(
            &untold,
            r#"text-anchor="middle">no data on the local AWS</text>"#,
        );
    }
}
