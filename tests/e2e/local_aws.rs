//! The local AWS as the other trials need it: enforcing IAM, and gone without a trace.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use e2e::local_aws::LocalAws;
use libtest_mimic::Trial;

use crate::harness::{Harness, Outcome, trials_without_stack};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials_without_stack![harness;
        a_dropped_local_aws_leaves_no_process_and_no_file,
    ]
}

async fn a_dropped_local_aws_leaves_no_process_and_no_file() -> Outcome {
    let aws = LocalAws::start().await?;
    let directory = aws.directory().to_owned();
    assert_eq!(processes_that_mention(&directory).len(), 1);

    drop(aws);

    assert_eq!(processes_that_mention(&directory), [] as [PathBuf; 0]);
    assert!(!directory.exists(), "{} is left", directory.display());
    Ok(())
}

/// The processes with this directory on their command line or in their environment, as the functions' have it too.
fn processes_that_mention(directory: &Path) -> Vec<PathBuf> {
    let wanted = directory.as_os_str().as_encoded_bytes();
    let mentions = |file: PathBuf| {
        let content = std::fs::read(file).unwrap_or_default();
        content.windows(wanted.len()).any(|window| window == wanted)
    };
    std::fs::read_dir("/proc")
        .expect("the kernel lists its processes")
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| mentions(process.join("cmdline")) || mentions(process.join("environ")))
        .collect()
}
