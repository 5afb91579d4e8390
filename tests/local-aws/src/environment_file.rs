//! The file that lets another terminal use the stack on the local AWS.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::aws_command;
use crate::ministack::checkout;
use crate::world::World;

/// A file with shell commands that set the variables of the local AWS, and put `whoop-partner` and `aws` into the path. Both are removed
/// when this is dropped.
pub struct EnvironmentFile {
    path: PathBuf,
    commands: PathBuf,
}

impl EnvironmentFile {
    /// Writes the file `environment` in `folder`, and the command `aws` beside it.
    ///
    /// # Errors
    ///
    /// If the AWS CLI is not installed, or one of them can't be written.
    pub fn write(world: &World, folder: &Path) -> io::Result<Self> {
        let commands = folder.join("bin");
        aws_command::write(&commands)?;
        let tool = checkout().join("target/debug");
        let mut text = String::new();
        for (name, value) in world.aws.environment() {
            text += &format!("export {name}='{value}'\n");
        }
        text += &format!("export WHOOP_SIMULATOR_URL='{}'\n", world.simulator.url());
        text += &format!("export WHOOP_PARTNER_STACK='{}'\n", world.stack.name);
        text += &format!(
            "export PATH='{}':'{}':\"$PATH\"\n",
            commands.display(),
            tool.display()
        );
        let path = folder.join("environment");
        fs::write(&path, text)?;
        Ok(Self { path, commands })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for EnvironmentFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir_all(&self.commands);
    }
}
