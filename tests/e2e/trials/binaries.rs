//! The binaries that `make build` has made and that are deployed.

use std::fs;
use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::checkout;

use crate::harness::{Harness, Outcome, trials};

/// The C library of Amazon Linux 2023, on which `provided.al2023` runs.
const AMAZON_LINUX: Version = (2, 34);

/// Major and minor version of glibc.
type Version = (u32, u32);

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.without_stack;
        need_no_newer_glibc_than_amazon_linux_has,
        a_newer_glibc_is_noticed,
    ]
}

async fn need_no_newer_glibc_than_amazon_linux_has() -> Outcome {
    let mut binaries = 0;
    for entry in fs::read_dir(checkout().join(".aws-sam/build"))? {
        let path = entry?.path().join("bootstrap");
        if path.is_file() {
            binaries += 1;
            runs_on_amazon_linux(&fs::read(&path)?)
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    match binaries {
        0 => Err("nothing is built: run `make build`".into()),
        _ => Ok(()),
    }
}

async fn a_newer_glibc_is_noticed() -> Outcome {
    match runs_on_amazon_linux(b"\x7fELF\0GLIBC_2.17\0GLIBC_2.35\0") {
        Err(_) => Ok(()),
        Ok(()) => Err("the newer glibc was not noticed".into()),
    }
}

/// Checks the glibc versions that a binary asks for. They are in it as texts such as `GLIBC_2.17`.
fn runs_on_amazon_linux(binary: &[u8]) -> Result<(), String> {
    let newest = binary
        .split(|&byte| byte == 0)
        .filter_map(|text| std::str::from_utf8(text).ok()?.strip_prefix("GLIBC_"))
        .filter_map(version)
        .max();
    match newest {
        Some(newest) if newest <= AMAZON_LINUX => Ok(()),
        Some((major, minor)) => Err(format!("needs glibc {major}.{minor}")),
        None => Err("is not linked with glibc".to_owned()),
    }
}

/// Reads versions such as `2.17` and `2.2.5`; `PRIVATE` is none.
fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}
