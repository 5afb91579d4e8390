//! How far a long command has come.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::report::Output;

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows progress on standard error, if that is a terminal and the reports are for people. `length` is how much there is to do,
/// if that is known.
pub(crate) fn progress(output: &Output, doing: &'static str, length: Option<u64>) -> ProgressBar {
    if output.is_json() || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (bar, template) = match length {
        Some(length) => (
            ProgressBar::new(length),
            "{msg} {wide_bar} {pos} of about {len}, {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {pos}"),
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
    bar.set_message(doing);
    bar.enable_steady_tick(TICK);
    bar
}
