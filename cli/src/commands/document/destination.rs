//! Where a download goes: to a file that appears when it is whole, or to standard output.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::ToolError;

/// Where a download goes.
pub(super) enum Destination {
    /// A file that only its owner can read. Until the download is whole, it has another name; if it is never whole, it is
    /// removed.
    File {
        path: PathBuf,
        part: NamedTempFile,
        force: bool,
    },
    StandardOutput,
}

/// Checks that a file may be written here.
///
/// # Errors
///
/// If something is here that must not be overwritten.
pub(super) fn check(path: &Path, force: bool) -> Result<(), ToolError> {
    let Ok(found) = fs::symlink_metadata(path) else {
        // nothing is here; or the folder can't be read, which is told when the file is made
        return Ok(());
    };
    if !found.is_file() {
        return Err(ToolError::Failed(format!(
            "{} is there already, and is no ordinary file",
            path.display()
        )));
    }
    if force {
        return Ok(());
    }
    Err(is_there(path))
}

fn is_there(path: &Path) -> ToolError {
    ToolError::Remediable {
        message: format!("{} is there already", path.display()),
        remedy: "give another --output, or --force to overwrite it".into(),
    }
}

impl Destination {
    /// Makes the file under another name, beside the final one.
    ///
    /// # Errors
    ///
    /// If something is there already, or the folder takes no file.
    pub fn file(path: PathBuf, force: bool) -> Result<Self, ToolError> {
        check(&path, force)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // only its owner can read it
        let part = tempfile::Builder::new()
            .prefix(".whoop-partner-")
            .suffix(".part")
            .tempfile_in(folder)
            .map_err(|error| {
                ToolError::Failed(format!("{}: {}", folder.display(), error.kind()))
            })?;
        Ok(Self::File { path, part, force })
    }

    /// Standard output.
    ///
    /// # Errors
    ///
    /// [`ToolError::WrongUse`] if it is a terminal, which bytes of a document would confuse.
    pub fn standard_output() -> Result<Self, ToolError> {
        if io::stdout().is_terminal() {
            return Err(ToolError::WrongUse(
                "a document is not for a terminal: give --output with a file, or redirect standard output".into(),
            ));
        }
        Ok(Self::StandardOutput)
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    ///
    /// If the disk is full, or nobody reads standard output any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), ToolError> {
        match self {
            Self::File { part, path, .. } => part.write_all(bytes).map_err(failed(path)),
            Self::StandardOutput => io::stdout()
                .write_all(bytes)
                .map_err(failed("standard output".as_ref())),
        }
    }

    /// Gives the file its name, because the download is whole. Returns the name.
    ///
    /// # Errors
    ///
    /// If a file of that name has appeared meanwhile, or the disk is full.
    pub fn finish(self) -> Result<Option<PathBuf>, ToolError> {
        match self {
            Self::File { path, part, force } => {
                part.as_file().sync_all().map_err(failed(&path))?;
                let named = if force {
                    part.persist(&path)
                } else {
                    part.persist_noclobber(&path)
                };
                named.map_err(|error| match error.error.kind() {
                    io::ErrorKind::AlreadyExists => is_there(&path),
                    _ => failed(&path)(error.error),
                })?;
                Ok(Some(path))
            }
            Self::StandardOutput => {
                io::stdout()
                    .flush()
                    .map_err(failed("standard output".as_ref()))?;
                Ok(None)
            }
        }
    }
}

fn failed(path: &Path) -> impl Fn(io::Error) -> ToolError {
    move |error| ToolError::Failed(format!("{}: {error}", path.display()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_appears_when_it_is_whole_and_only_its_owner_can_read_it() {
        let folder = folder();
        let path = folder.path().join("d.pdf");
        let mut destination = Destination::file(path.clone(), false).unwrap();
        destination.write(b"%PDF").unwrap();
        assert!(!path.exists());
        assert_eq!(destination.finish().unwrap(), Some(path.clone()));
        assert_eq!(fs::read(&path).unwrap(), b"%PDF");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(names(folder.path()), ["d.pdf"]);
    }

    #[test]
    fn of_a_broken_download_nothing_is_left() {
        let folder = folder();
        let mut destination = Destination::file(folder.path().join("d.pdf"), false).unwrap();
        destination.write(b"%P").unwrap();
        drop(destination);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_is_overwritten_by_force_only() {
        let folder = folder();
        let path = folder.path().join("d.pdf");
        fs::write(&path, "old").unwrap();
        assert!(matches!(
            Destination::file(path.clone(), false),
            Err(ToolError::Remediable { .. })
        ));
        let mut destination = Destination::file(path.clone(), true).unwrap();
        destination.write(b"new").unwrap();
        destination.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_appears_meanwhile_is_not_overwritten() {
        let folder = folder();
        let path = folder.path().join("d.pdf");
        let destination = Destination::file(path.clone(), false).unwrap();
        fs::write(&path, "other").unwrap();
        assert!(matches!(
            destination.finish(),
            Err(ToolError::Remediable { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), b"other");
        assert_eq!(names(folder.path()), ["d.pdf"]);
    }

    #[test]
    fn folders_links_and_devices_are_never_overwritten() {
        let folder = folder();
        let link = folder.path().join("link");
        symlink("/nowhere", &link).unwrap();
        for path in [folder.path(), &link, Path::new("/dev/null")] {
            assert!(
                matches!(check(path, true), Err(ToolError::Failed(_))),
                "{path:?}"
            );
        }
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let path = folder().path().join("nowhere/d.pdf");
        let error = Destination::file(path, false).err().unwrap();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }
}
