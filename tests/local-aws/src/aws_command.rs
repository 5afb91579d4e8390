//! The AWS CLI for the local AWS.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::ministack::checkout;

/// The folder with the AWS CLI that `make setup` installs, version 1.
#[must_use]
pub fn installed() -> PathBuf {
    checkout().join(".venv/aws-cli/bin")
}

/// Makes a command `aws` in `folder` that uses `AWS_ENDPOINT_URL` for all services. Version 1 of the AWS CLI does not do so for all
/// calls of SQS.
///
/// # Errors
///
/// If the AWS CLI is not installed, or the command can't be written.
pub fn write(folder: &Path) -> io::Result<()> {
    let aws = installed().join("aws");
    if !aws.exists() {
        let message = format!("{} is missing: run `make setup`", aws.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    fs::create_dir_all(folder)?;
    let command = folder.join("aws");
    let script = format!(
        "#!/bin/sh\nexec '{}' --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n",
        aws.display()
    );
    fs::write(&command, script)?;
    fs::set_permissions(&command, fs::Permissions::from_mode(0o755))
}
