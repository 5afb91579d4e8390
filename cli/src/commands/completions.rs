//! `completions`: a script that completes commands in a shell.

use std::io;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;

/// Print a script that completes commands in your shell
///
/// For example: `source <(whoop-partner completions bash)`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) {
        let mut command = Arguments::command();
        clap_complete::generate(self.shell, &mut command, "whoop-partner", &mut io::stdout());
    }
}
