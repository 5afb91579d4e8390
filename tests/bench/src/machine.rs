//! What the figures were taken on, and with which versions.

use std::process::Command;

use anyhow::{Context, Result};
use procfs::sys::kernel::Version;
use procfs::{CpuInfo, Current, Meminfo};
use serde::Serialize;

/// The machine and the versions of what runs on it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// The processor's own name.
    pub processor: String,
    /// How many of its threads there are.
    pub cores: usize,
    /// In GiB.
    pub memory_gib: u64,
    /// Of Linux.
    pub kernel: String,
    /// Of Node.
    pub node: String,
    /// Of the crate `aws-lc-sys`, AWS-LC, in the tutorial function.
    pub aws_lc_sys: String,
}

impl Machine {
    /// Asks the machine; `baselines_lock` is the text of the baselines' `Cargo.lock`.
    pub fn this(baselines_lock: &str) -> Result<Self> {
        let processors = CpuInfo::current()?;
        let kernel = Version::current()?;
        let node = Command::new("node")
            .arg("--version")
            .output()
            .context("node")?;
        Ok(Self {
            processor: processors.model_name(0).unwrap_or("unknown").to_owned(),
            cores: processors.num_cores(),
            memory_gib: Meminfo::current()?.mem_total.div_ceil(1 << 30),
            kernel: format!("{}.{}", kernel.major, kernel.minor),
            node: String::from_utf8_lossy(&node.stdout).trim().to_owned(),
            aws_lc_sys: locked_version(baselines_lock, "aws-lc-sys")
                .context("the tutorial function has no AWS-LC")?,
        })
    }
}

fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = ")?;
    Some(version.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_lockfile() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[[package]]\nname = \"aws-lc-sys\"\nversion = \"0.35.0\"\n";
        assert_eq!(
            locked_version(lock, "aws-lc-sys").as_deref(),
            Some("0.35.0")
        );
        assert_eq!(locked_version(lock, "aws-lc"), None);
    }
}
