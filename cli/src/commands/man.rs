//! `man`: the manual pages.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::arguments::Arguments;
use crate::error::ToolError;

/// Write the manual pages, one for each command
///
/// For example: `whoop-partner man ~/.local/share/man/man1`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder for the pages; it is made if it is missing
    folder: PathBuf,
}

impl Man {
    pub fn run(self) -> Result<(), ToolError> {
        std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(Arguments::command(), &self.folder))
            .map_err(|error| ToolError::Failed(format!("{}: {error}", self.folder.display())))
    }
}
