//! The binaries that `make build` has made and that are deployed.

use std::fs;
use std::process::Command;
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
        hold_no_path_of_the_machine_that_built_them,
        a_path_is_noticed,
    ]
}

async fn need_no_newer_glibc_than_amazon_linux_has() -> Outcome {
    each_binary(runs_on_amazon_linux)
}

async fn a_newer_glibc_is_noticed() -> Outcome {
    match runs_on_amazon_linux(b"\x7fELF\0GLIBC_2.17\0GLIBC_2.35\0") {
        Err(_) => Ok(()),
        Ok(()) => Err("the newer glibc was not noticed".into()),
    }
}

async fn hold_no_path_of_the_machine_that_built_them() -> Outcome {
    let paths = paths_of_this_machine()?;
    each_binary(|binary| holds_none_of(&paths, binary))
}

async fn a_path_is_noticed() -> Outcome {
    let paths = paths_of_this_machine()?;
    for path in &paths {
        let binary = [b"\x7fELF\0", path.as_bytes(), b"/src/lib.rs\0"].concat();
        if holds_none_of(&paths, &binary).is_ok() {
            return Err(format!("{path} was not noticed").into());
        }
    }
    Ok(())
}

/// Checks every binary that is built.
fn each_binary(check: impl Fn(&[u8]) -> Result<(), String>) -> Outcome {
    let mut binaries = 0;
    for entry in fs::read_dir(checkout().join(".aws-sam/build"))? {
        let path = entry?.path().join("bootstrap");
        if path.is_file() {
            binaries += 1;
            check(&fs::read(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    match binaries {
        0 => Err("nothing is built: run `make build`".into()),
        _ => Ok(()),
    }
}

/// Where sources lie on this machine: the checkout, Cargo's home with the dependencies, and Rust's standard library.
fn paths_of_this_machine() -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let sysroot = Command::new("rustc")
        .args(["--print", "sysroot"])
        .output()?;
    let home = std::env::var("HOME")?;
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    Ok(vec![
        checkout()
            .to_str()
            .ok_or("the checkout's path is not UTF-8")?
            .to_owned(),
        cargo_home,
        String::from_utf8(sysroot.stdout)?.trim().to_owned(),
    ])
}

fn holds_none_of(paths: &[String], binary: &[u8]) -> Result<(), String> {
    let text = String::from_utf8_lossy(binary);
    match paths.iter().find(|path| text.contains(*path)) {
        Some(path) => Err(format!("holds {path}")),
        None => Ok(()),
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
