//! The share of a CPU that Lambda gives a memory size: one vCPU at 1,769 MB, less in proportion below (AWS Lambda Developer
//! Guide, "Configure Lambda function memory").

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The memory size with one whole vCPU, in MB.
const ONE_VCPU_MB: u32 = 1769;

/// The slices that the quota is handed out in. Lambda's are not documented; measurements from within say 20 ms.
const PERIOD: Duration = Duration::from_millis(20);

/// How much of a CPU a function has from its first event on; until then all of it, as on Lambda.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
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

impl TryFrom<String> for Cpu {
    type Error = String;

    fn try_from(value: String) -> Result<Self, String> {
        value.parse()
    }
}

/// A cgroup with the CPU quota of a memory size, for one process: of several in turn, each would pay for what the one before
/// it overdrew. Removed when dropped, after the process.
pub struct CpuQuota {
    folder: PathBuf,
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
        let quota = Self {
            folder: hierarchy.root().join(name),
        };
        fs::create_dir(&quota.folder)?;
        let period = PERIOD.as_micros();
        let share = period * u128::from(mb) / u128::from(ONE_VCPU_MB);
        match hierarchy {
            Hierarchy::V1 => {
                quota.set("cpu.cfs_period_us", &period.to_string())?;
                quota.set("cpu.cfs_quota_us", &share.to_string())?;
            }
            Hierarchy::V2 => quota.set("cpu.max", &format!("{share} {period}"))?,
        }
        Ok(quota)
    }

    /// From now on the process, with all its threads, has no more than this.
    pub fn apply(&self, pid: u32) -> Result<()> {
        self.set("cgroup.procs", &pid.to_string())
    }

    fn set(&self, file: &str, value: &str) -> Result<()> {
        let path = self.folder.join(file);
        fs::write(&path, value).with_context(|| format!("writing {}", path.display()))
    }
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
        for found in [Self::V1, Self::V2] {
            if found.root().join(found.marker()).exists() {
                return Ok(found);
            }
        }
        bail!("no cgroups with a CPU controller in /sys/fs/cgroup")
    }

    fn root(&self) -> &'static Path {
        Path::new(match self {
            Self::V1 => "/sys/fs/cgroup/cpu",
            Self::V2 => "/sys/fs/cgroup",
        })
    }

    /// What lies there if the machine has this generation.
    fn marker(&self) -> &'static str {
        match self {
            Self::V1 => "cgroup.procs",
            Self::V2 => "cgroup.controllers",
        }
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
