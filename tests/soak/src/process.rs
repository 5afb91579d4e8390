//! Signals for a process, and what the kernel knows about it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use procfs::process::Process;

pub use nix::sys::signal::Signal;

/// Sends a signal.
///
/// # Errors
///
/// If the process has ended.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    ensure!(pid != 0, "that would be our own process group");
    let pid = Pid::from_raw(pid.try_into()?);
    kill(pid, signal).with_context(|| format!("{signal} for {pid}"))
}

/// The most memory that a process ever had resident, in MB.
///
/// # Errors
///
/// If the process has ended.
pub fn peak_memory(pid: u32) -> Result<f64> {
    let status = Process::new(pid.try_into()?)?.status()?;
    let kib = status.vmhwm.context("a process without memory")?;
    Ok(kib as f64 * 1024.0 / 1e6)
}

/// CPU time of a process since its start, without its children.
///
/// # Errors
///
/// If the process has ended.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = Process::new(pid.try_into()?)?.stat()?;
    let ticks = (stat.utime + stat.stime) as f64;
    Ok(Duration::from_secs_f64(
        ticks / procfs::ticks_per_second() as f64,
    ))
}
