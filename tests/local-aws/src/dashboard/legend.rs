//! The legend below a chart: what each colour means, and which metrics have nothing to draw.

use super::svg::{Anchor, Area, Font, Svg, width_of};

const FONT_SIZE: u32 = 11;
const ROW_HEIGHT: f64 = 15.0;
/// Between the coloured stroke and its text.
const INDENT: f64 = 16.0;
/// Between two entries.
const GAP: f64 = 14.0;

const TEXT: Font = Font {
    size: FONT_SIZE,
    bold: false,
    colour: "#333333",
};

/// For what is not drawn.
const FAINT: &str = "#767676";

/// What a colour means.
pub(super) struct Entry {
    pub(super) text: String,
    /// Without a colour, nothing is drawn.
    pub(super) colour: Option<&'static str>,
}

/// Entries in rows.
pub(super) struct Legend {
    rows: Vec<Vec<(f64, Entry)>>,
}

impl Legend {
    /// Puts as many entries into each row as `width` allows.
    pub(super) fn new(entries: impl IntoIterator<Item = Entry>, width: f64) -> Self {
        let mut rows = Vec::<Vec<_>>::new();
        let mut x = 0.0;
        for entry in entries {
            let wide = INDENT + width_of(&entry.text, FONT_SIZE);
            if rows.is_empty() || x + wide > width {
                rows.push(Vec::new());
                x = 0.0;
            }
            let row = rows.last_mut().expect("there is one");
            row.push((x, entry));
            x += wide + GAP;
        }
        Self { rows }
    }

    pub(super) fn height(&self) -> f64 {
        self.rows.len() as f64 * ROW_HEIGHT
    }

    /// Draws the rows from the upper left corner of `area` on.
    pub(super) fn draw(&self, area: Area, svg: &mut Svg) {
        for (row, y) in self.rows.iter().zip(1..) {
            let baseline = area.top + f64::from(y) * ROW_HEIGHT - 3.0;
            for (x, entry) in row {
                let x = area.left + x;
                let (stroke, font) = match entry.colour {
                    Some(colour) => (colour, TEXT),
                    None => (
                        FAINT,
                        Font {
                            colour: FAINT,
                            ..TEXT
                        },
                    ),
                };
                let middle = baseline - 4.0;
                if entry.colour.is_some() {
                    let swatch = Area {
                        left: x,
                        top: middle - 1.5,
                        width: 12.0,
                        height: 3.0,
                    };
                    svg.area(swatch, stroke);
                } else {
                    svg.line([x, middle], [x + 12.0, middle], stroke, "2 2");
                }
                svg.text([x + INDENT, baseline], Anchor::Start, font, &entry.text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_not_wider_than_the_chart() {
        let entries = [
            "short",
            "another short one",
            "one that needs a row of its own",
        ];
        let entries = entries.map(|text| Entry {
            text: text.into(),
            colour: None,
        });
        let legend = Legend::new(entries, 180.0);
        let rows: Vec<_> = legend.rows.iter().map(Vec::len).collect();
        assert_eq!(rows, [2, 1]);
        assert_eq!(legend.height(), 30.0);
        let places: Vec<_> = legend.rows.iter().map(|row| row[0].0).collect();
        assert_eq!(places, [0.0, 0.0]);
    }
}
