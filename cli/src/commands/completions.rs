//! `completions`: a script that completes commands in a shell.

use std::io::{self, Write};

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::error::ToolError;

/// Print a script that completes commands in your shell
///
/// For example: `source <(whoop-partner completions bash)`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<(), ToolError> {
        let mut script = Vec::new();
        let mut command = Arguments::command();
        clap_complete::generate(self.shell, &mut command, "whoop-partner", &mut script);
        // the generator itself would panic if standard output took nothing
        let mut out = io::stdout().lock();
        out.write_all(&script)
            .and_then(|()| out.flush())
            .map_err(|error| ToolError::Failed(format!("standard output: {error}")))
    }
}
