//! The few shapes that a picture is made of, as SVG text. Nothing in it refers to anything outside.

use std::fmt::Write;

/// Where a text stands to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// To its right.
    Start,
    /// Around it.
    Middle,
    /// To its left.
    End,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Area {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    pub(super) size: u32,
    pub(super) bold: bool,
    pub(super) colour: &'static str,
}

/// A picture that grows shape by shape.
#[derive(Default)]
pub(super) struct Svg(String);

impl Svg {
    pub(super) fn text(&mut self, [x, y]: [f64; 2], anchor: Anchor, font: Font, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let Font { size, colour, .. } = font;
        self.push(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}{weight}>{}</text>",
            short(x),
            short(y),
            escaped(text)
        ));
    }

    /// A filled rectangle.
    pub(super) fn area(&mut self, area: Area, fill: &str) {
        self.push(format_args!("<rect {} fill=\"{fill}\"/>", sides(area)));
    }

    /// The outline of a rectangle with round corners, filled white.
    pub(super) fn frame(&mut self, area: Area, stroke: &str) {
        let sides = sides(area);
        self.push(format_args!(
            "<rect {sides} rx=\"4\" fill=\"#ffffff\" stroke=\"{stroke}\"/>"
        ));
    }

    /// A straight line; `dashes` as SVG names them, or nothing.
    pub(super) fn line(&mut self, from: [f64; 2], to: [f64; 2], stroke: &str, dashes: &str) {
        let [x1, y1] = from.map(short);
        let [x2, y2] = to.map(short);
        let dashes = match dashes {
            "" => String::new(),
            dashes => format!(" stroke-dasharray=\"{dashes}\""),
        };
        self.push(format_args!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{stroke}\"{dashes}/>"
        ));
    }

    /// A line through these points.
    pub(super) fn path(&mut self, points: &[[f64; 2]], stroke: &str) {
        let points = points
            .iter()
            .map(|&[x, y]| format!("{},{}", short(x), short(y)));
        let points = points.collect::<Vec<_>>().join(" ");
        self.push(format_args!(
            "<polyline points=\"{points}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.8\" stroke-linejoin=\"round\"/>"
        ));
    }

    pub(super) fn dot(&mut self, [x, y]: [f64; 2], radius: f64, fill: &str) {
        let [x, y, radius] = [x, y, radius].map(short);
        self.push(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>"
        ));
    }

    /// The whole picture.
    pub(super) fn document(self, width: f64, height: f64, title: &str) -> String {
        let [width, height] = [width, height].map(short);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"system-ui, sans-serif\">\n<title>{}</title>\n{}</svg>\n",
            escaped(title),
            self.0
        )
    }

    fn push(&mut self, shape: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{shape}").expect("a text takes everything");
    }
}

/// How wide a text is at most in a usual font without serifs.
pub(super) fn width_of(text: &str, size: u32) -> f64 {
    let ems = text.chars().map(|character| match character {
        'i' | 'j' | 'l' | ' ' | '.' | ',' | ':' | '\'' | '|' => 0.33,
        'f' | 'r' | 't' | 'I' | '(' | ')' | '-' => 0.41,
        'm' | 'w' | 'M' | 'W' => 0.98,
        'A'..='Z' => 0.72,
        _ => 0.63,
    });
    ems.sum::<f64>() * f64::from(size)
}

fn sides(area: Area) -> String {
    let [x, y, width, height] = [area.left, area.top, area.width, area.height].map(short);
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

/// To a tenth, without a needless zero.
fn short(value: f64) -> String {
    let tenths = (value * 10.0).round() / 10.0;
    format!("{}", tenths + 0.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_can_not_become_markup() {
        let mut svg = Svg::default();
        let font = Font {
            size: 11,
            bold: false,
            colour: "#000000",
        };
        svg.text([1.04, -0.01], Anchor::End, font, "a < b & c");
        let text = "<text x=\"1\" y=\"0\" font-size=\"11\" fill=\"#000000\" text-anchor=\"end\">a &lt; b &amp; c</text>";
        let document = svg.document(10.0, 20.5, "<title>");
        assert!(document.contains(text), "{document}");
        assert!(
            document.contains("<title>&lt;title&gt;</title>"),
            "{document}"
        );
        assert!(document.contains("viewBox=\"0 0 10 20.5\""), "{document}");
        roxmltree::Document::parse(&document).unwrap();
    }
}
