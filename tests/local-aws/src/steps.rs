//! Shows a line for each step that is done. On a terminal, a spinner turns while a step is under way.

use std::fmt::Display;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// A step shorter than this is shown without its time.
const WORTH_TELLING: Duration = Duration::from_millis(100);

/// Shows steps to a person, or to nobody.
pub struct Steps {
    shown: bool,
    spinning: bool,
}

impl Steps {
    /// Shows each step on standard output.
    #[must_use]
    pub fn shown() -> Self {
        Self {
            shown: true,
            spinning: std::io::stdout().is_terminal() && std::io::stderr().is_terminal(),
        }
    }

    /// Shows nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            shown: false,
            spinning: false,
        }
    }

    /// Does `work`, then shows that it is done and how long it took.
    ///
    /// # Errors
    ///
    /// If `work` fails; the error is its own.
    pub async fn run<T, E>(
        &self,
        doing: &str,
        done: impl Display,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let started = Instant::now();
        let spinner = self.spinner(doing);
        let result = work.await;
        spinner.finish_and_clear();
        if result.is_err() {
            self.print(format_args!("✗ {doing}"));
            return result;
        }
        let elapsed = started.elapsed();
        if elapsed < WORTH_TELLING {
            self.done(done);
        } else {
            self.done(format_args!("{done} ({:.1} s)", elapsed.as_secs_f32()));
        }
        result
    }

    /// Shows that something is done.
    pub fn done(&self, what: impl Display) {
        self.print(format_args!("✓ {what}"));
    }

    /// Shows a text of several lines below the step that is done.
    pub fn show(&self, text: &str) {
        for line in text.lines().filter(|line| !line.is_empty()) {
            self.print(format_args!("  {line}"));
        }
    }

    fn print(&self, line: impl Display) {
        if self.shown {
            println!("{line}");
        }
    }

    fn spinner(&self, doing: &str) -> ProgressBar {
        if !self.spinning {
            // a log shows at least what we are waiting for
            self.print(format_args!("  {doing} …"));
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{spinner} {msg} … {elapsed}");
        let spinner = ProgressBar::new_spinner()
            .with_style(style.expect("the template is well-formed"))
            .with_message(doing.to_owned());
        spinner.enable_steady_tick(WORTH_TELLING);
        spinner
    }
}
