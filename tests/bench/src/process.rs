//! What the kernel knows about a process.

use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::ClockId;
use nix::unistd::Pid;
use procfs::process::Process;

/// CPU time of all its threads since its start, those that have ended included.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(pid.try_into()?))?;
    Ok(clock.now()?.into())
}

/// The most memory it ever had resident, in bytes.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let status = Process::new(pid.try_into()?)?.status()?;
    Ok(status.vmhwm.context("a process without memory")? * 1024)
}
