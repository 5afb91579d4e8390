//! The cold starts as a bar chart in SVG: plain rectangles and text, on a ground of its own, so that it reads on any page.

use crate::candidate::Function;
use crate::results::{Results, Share};
use crate::table::{short, title};

const WIDTH: f64 = 760.0;
const MARGIN: f64 = 20.0;
/// Where the bars begin.
const LEFT: f64 = 190.0;
/// How long the longest bar is; its figure stands behind it.
const LONGEST: f64 = 460.0;
const BAR_HEIGHT: f64 = 20.0;
const BAR_STEP: f64 = 28.0;
const GROUP_STEP: f64 = 34.0;

/// A bar: what it is about, and its two parts in ms, the second of them the first call.
struct Bar {
    name: &'static str,
    parts: [f64; 2],
}

/// Draws a group of bars for each share of a CPU.
pub fn render(results: &Results) -> String {
    let mut y = MARGIN + 14.0;
    let mut drawn = text(
        MARGIN,
        y,
        16,
        "bold",
        "Cold start: from the process's start to its first answer, in ms",
    );
    let groups: Vec<_> = results
        .shares
        .iter()
        .map(|share| (share.memory, bars(share)))
        .collect();
    let longest = groups
        .iter()
        .flat_map(|(_, bars)| bars)
        .map(Bar::total)
        .fold(0.0, f64::max);
    for (memory, bars) in groups {
        y += GROUP_STEP;
        drawn += &text(MARGIN, y, 13, "bold", &title(memory));
        y += 10.0;
        for bar in bars {
            drawn += &bar.draw(y, LONGEST / longest);
            y += BAR_STEP;
        }
    }
    y += 20.0;
    drawn += &legend(y);
    y += MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" height=\"{y}\" \
         font-family=\"system-ui, sans-serif\">\n\
         <title>Cold starts of the webhook function and of its baselines</title>\n\
         <rect width=\"{WIDTH}\" height=\"{y}\" rx=\"8\" fill=\"#ffffff\"/>\n{drawn}</svg>\n"
    )
}

/// Ours first, then the least that is possible, then what people write today.
fn bars(share: &Share) -> [Bar; 4] {
    let of = |function: Function| {
        let figures = share.functions[&function];
        Bar {
            name: function.name(),
            parts: [
                figures.start.init_ms,
                figures.start.cold_ms - figures.start.init_ms,
            ],
        }
    };
    let limit = Bar {
        name: "floor + bare client",
        parts: [
            share.functions[&Function::Floor].start.cold_ms,
            share.bare_client.cold_ms,
        ],
    };
    [
        of(Function::Webhook),
        limit,
        of(Function::Tutorial),
        of(Function::Node),
    ]
}

const FIRST_PART: &str = "#9db7d5";
const SECOND_PART: &str = "#1f5fa8";

impl Bar {
    fn total(&self) -> f64 {
        self.parts.iter().sum()
    }

    fn draw(&self, y: f64, scale: f64) -> String {
        let [first, second] = self.parts.map(|part| part * scale);
        let baseline = y + 14.0;
        rectangle(LEFT, y, first, FIRST_PART)
            + &rectangle(LEFT + first, y, second, SECOND_PART)
            + &text(MARGIN, baseline, 13, "normal", self.name)
            + &text(
                LEFT + first + second + 8.0,
                baseline,
                13,
                "normal",
                &short(self.total()),
            )
    }
}

fn legend(y: f64) -> String {
    let swatch = |x, colour, meaning| {
        rectangle(x, y - 14.0, BAR_HEIGHT, colour) + &text(x + 28.0, y, 12, "normal", meaning)
    };
    swatch(LEFT, FIRST_PART, "init (of the limit: the floor)")
        + &swatch(
            LEFT + 240.0,
            SECOND_PART,
            "first call (of the limit: two AWS calls)",
        )
}

fn rectangle(x: f64, y: f64, width: f64, fill: &str) -> String {
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR_HEIGHT}\" fill=\"{fill}\"/>\n"
    )
}

fn text(x: f64, y: f64, size: u32, weight: &str, text: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"#1c1c1c\">{text}</text>\n"
    )
}
