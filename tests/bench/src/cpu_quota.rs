//! The share of a CPU that Lambda gives a memory size: one vCPU at 1,769 MB, less in proportion below (AWS Lambda Developer
//! Guide, "Configure Lambda function memory").

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tokio::task::JoinHandle;

/// The memory size with one whole vCPU, in MB.
const ONE_VCPU_MB: u32 = 1769;

/// The slices that the quota is handed out in. Lambda's are not documented; measurements from within say 20 ms.
const PERIOD: Duration = Duration::from_millis(20);

/// More than any machine that this runs on has.
const PLENTY_OF_CPUS: u32 = 1024;

/// How much of a CPU a function has from its first event on; until then all of it, as on Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum Cpu {
    /// All that the machine has.
    Full,
    /// That of a memory size in MB.
    OfMemory(u32),
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::OfMemory(mb) => write!(f, "{mb}"),
        }
    }
}

impl FromStr for Cpu {
    type Err = String;

    fn from_str(value: &str) -> Result<Self, String> {
        match (value, value.parse()) {
            ("full", _) => Ok(Self::Full),
            (_, Ok(mb @ 128..=ONE_VCPU_MB)) => Ok(Self::OfMemory(mb)),
            _ => Err(format!(
                "neither `full` nor a memory size from 128 to {ONE_VCPU_MB} MB"
            )),
        }
    }
}

impl From<Cpu> for String {
    fn from(cpu: Cpu) -> Self {
        cpu.to_string()
    }
}

/// A cgroup for one process, with the CPU quota of a memory size once that is applied; removed when dropped, after the process.
///
/// Of several processes in turn, each would pay for what the one before it overdrew.
pub struct CpuQuota {
    hierarchy: Hierarchy,
    folder: PathBuf,
    /// Of each period.
    share: Duration,
}

impl CpuQuota {
    /// Makes the cgroup, or none for all of the CPU.
    pub fn new(cpu: Cpu) -> Result<Option<Self>> {
        let Cpu::OfMemory(mb) = cpu else {
            return Ok(None);
        };
        let quota = Self::make(mb).with_context(|| {
            format!("a CPU quota for {mb} MB takes the right to make cgroups (run as root, or with MEMORY=full)")
        })?;
        Ok(Some(quota))
    }

    fn make(mb: u32) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);

        let hierarchy = Hierarchy::find()?;
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("whoop-bench-{}-{number}", std::process::id());
        let folder = hierarchy.root().join(name);
        hierarchy.hand_cpu_down()?;
        fs::create_dir(&folder)?;
        let quota = Self {
            hierarchy,
            folder,
            share: PERIOD * mb / ONE_VCPU_MB,
        };
        // a quota that limits nothing: the kernel's first one of all is costly, and this is not the time that is measured
        quota.limit(PERIOD * PLENTY_OF_CPUS)?;
        Ok(quota)
    }

    /// Takes a process in, with all its threads. That takes the kernel milliseconds, so it is done aside, while the process
    /// starts: later it would let the process's caches go cold just before its first call.
    pub fn admit(&self, pid: u32) -> JoinHandle<Result<()>> {
        let processes = self.folder.join("cgroup.procs");
        tokio::task::spawn_blocking(move || write(&processes, &pid.to_string()))
    }

    /// From now on the process has no more than its share.
    pub fn apply(&self) -> Result<()> {
        self.limit(self.share)
    }

    /// Hands out so much CPU time each period.
    fn limit(&self, quota: Duration) -> Result<()> {
        let (quota, period) = (quota.as_micros(), PERIOD.as_micros());
        match self.hierarchy {
            Hierarchy::V1 => {
                write(&self.folder.join("cpu.cfs_period_us"), &period.to_string())?;
                write(&self.folder.join("cpu.cfs_quota_us"), &quota.to_string())
            }
            Hierarchy::V2 => write(&self.folder.join("cpu.max"), &format!("{quota} {period}")),
        }
    }
}

fn write(path: &Path, value: &str) -> Result<()> {
    fs::write(path, value).with_context(|| format!("writing {}", path.display()))
}

impl Drop for CpuQuota {
    fn drop(&mut self) {
        // an empty cgroup left behind does no harm
        let _ = fs::remove_dir(&self.folder);
    }
}

/// The two generations of cgroups.
enum Hierarchy {
    V1,
    V2,
}

impl Hierarchy {
    fn find() -> Result<Self> {
        if Self::V1.root().join("cgroup.procs").exists() {
            return Ok(Self::V1);
        }
        let controllers = fs::read_to_string(Self::V2.root().join("cgroup.controllers"));
        if controllers.is_ok_and(|names| names.split_whitespace().any(|name| name == "cpu")) {
            return Ok(Self::V2);
        }
        bail!("no cgroups with a CPU controller in /sys/fs/cgroup")
    }

    /// Lets cgroups below the root have quotas, which in the second generation has to be said.
    fn hand_cpu_down(&self) -> Result<()> {
        if matches!(self, Self::V2) {
            write(&self.root().join("cgroup.subtree_control"), "+cpu")?;
        }
        Ok(())
    }

    fn root(&self) -> &'static Path {
        Path::new(match self {
            Self::V1 => "/sys/fs/cgroup/cpu",
            Self::V2 => "/sys/fs/cgroup",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_size_or_all_of_the_cpu() {
        assert_eq!("full".parse(), Ok(Cpu::Full));
        assert_eq!("256".parse(), Ok(Cpu::OfMemory(256)));
        for value in ["", "64", "1770", "256MB", "-1"] {
            assert!(value.parse::<Cpu>().is_err(), "{value:?}");
        }
    }
}
