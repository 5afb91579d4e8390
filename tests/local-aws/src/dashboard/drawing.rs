//! The whole dashboard as a picture: every widget at its place, and below them how the picture came about.

use super::chart;
use super::figures::{ACCELERATION, Figures};
use super::plan::{OUTAGE, ROTATION};
use super::svg::{Anchor, Area, Font, Svg};
use super::widget::{Place, Widget};

/// Pixels of a column and of a row of the dashboard's grid.
const COLUMN: f64 = 46.0;
const ROW: f64 = 38.0;
const COLUMNS: f64 = 24.0;

/// Around everything, and between two widgets.
const MARGIN: f64 = 12.0;
const GAP: f64 = 8.0;
const HEADER: f64 = 40.0;
const FOOTER: f64 = 68.0;

const HEADING: Font = font(17, true, "#1c1c1c");
const NOTE: Font = font(11, false, "#333333");

const fn font(size: u32, bold: bool, colour: &'static str) -> Font {
    Font { size, bold, colour }
}

/// Draws the widgets with the figures of a run.
pub(super) fn draw(widgets: &[Widget], figures: &Figures) -> String {
    let rows = widgets
        .iter()
        .map(|widget| widget.place.y + widget.place.height);
    let rows = f64::from(rows.max().unwrap_or(0));
    let width = COLUMNS * COLUMN + 2.0 * MARGIN;
    let bottom = HEADER + rows * ROW;
    let height = bottom + FOOTER;
    let mut svg = Svg::default();
    let everything = Area {
        left: 0.0,
        top: 0.0,
        width,
        height,
    };
    svg.area(everything, "#ffffff");
    svg.text(
        [MARGIN + GAP / 2.0, 26.0],
        Anchor::Start,
        HEADING,
        "The stack's CloudWatch dashboard",
    );
    let mut widgets: Vec<_> = widgets.iter().collect();
    widgets.sort_by_key(|widget| (widget.place.y, widget.place.x));
    let incident = [OUTAGE.start, OUTAGE.end].map(|at| at.as_secs_f64());
    for widget in widgets {
        chart::draw(widget, figures, incident, area(widget.place), &mut svg);
    }
    for (note, line) in notes(figures.seconds()).iter().zip(1..) {
        let y = bottom + 4.0 + f64::from(line) * 17.0;
        svg.text([MARGIN + GAP / 2.0, y], Anchor::Start, NOTE, note);
    }
    svg.document(
        width,
        height,
        "The stack's CloudWatch dashboard, with the figures of a run on the local AWS",
    )
}

/// Where a widget is on the picture.
fn area(place: Place) -> Area {
    let [x, y, width, height] = [place.x, place.y, place.width, place.height].map(f64::from);
    Area {
        left: MARGIN + x * COLUMN + GAP / 2.0,
        top: HEADER + y * ROW + GAP / 2.0,
        width: width * COLUMN - GAP,
        height: height * ROW - GAP,
    }
}

/// What the reader has to know about the figures.
fn notes(seconds: u64) -> [String; 3] {
    let period = 300 / ACCELERATION;
    [
        format!(
            "Drawn by make dashboard-picture from a run of {seconds} s on the local AWS; {period} s of it stand for a period of \
             5 minutes."
        ),
        "The senders of the webhooks measured what is said about the gateway, and the local AWS the durations of functions. \
         None: it did not happen."
            .into(),
        format!(
            "In this run: two waves of orders; strangers; a new signing secret at {} s, with which WHOOP signs from {} s on; \
             WHOOP answers 503 from {} s to {} s (grey).",
            ROTATION.start.as_secs(),
            ROTATION.end.as_secs(),
            OUTAGE.start.as_secs(),
            OUTAGE.end.as_secs(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::widget;
    use serde_json::json;

    #[test]
    fn widgets_lie_on_the_grid_and_the_notes_below() {
        let widget = |y: u32, title: &str| {
            json!({"type": "metric", "x": 12, "y": y, "width": 12, "height": 6, "properties": {
                "title": title, "region": "us-east-1", "view": "timeSeries", "stat": "Sum", "period": 300,
                "metrics": [["WhoopPartner", "Accepted"]]}})
        };
        let body = json!({"widgets": [widget(6, "below"), widget(0, "above")]});
        let widgets = widget::widgets(&body.to_string()).unwrap();
        let picture = draw(&widgets, &Figures::new(0, 120));
        // half of 24 columns, and 12 rows
        assert!(picture.contains(r#"<rect x="568" y="44" width="544" height="220""#));
        assert!(picture.contains(r#"<rect x="568" y="272" width="544" height="220""#));
        assert!(picture.find("above") < picture.find("below"));
        assert!(picture.contains(r#"viewBox="0 0 1128 564""#), "{picture}");
        assert!(picture.contains(
            "a run of 120 s on the local AWS; 5 s of it stand for a period of 5 minutes"
        ));
    }
}
