//! Reads the pages of the documentation: their blocks of code, headings and links.
//!
//! A block that begins with three backticks and `sh` holds commands. The trials in `tests/e2e/trials/docs` run it word for word
//! against the stack on the local AWS, unless a comment directly above it says why not:
//!
//! ````md
//! <!-- not run: the local AWS has no service quotas -->
//! ```sh
//! ````
//!
//! The tests of this package check the blocks that are not run, the links, and the blocks in other languages.

mod page;

use std::path::PathBuf;

pub use page::{Block, Link, Page};
use template::checkout;

/// The folder with the AWS CLI, and with a Python that can read YAML. `make setup` makes it.
#[must_use]
pub fn aws_cli() -> PathBuf {
    checkout().join(".venv/aws-cli/bin")
}

/// The folder with the tool `whoop-partner`.
#[must_use]
pub fn tool() -> PathBuf {
    checkout().join("target/debug")
}
