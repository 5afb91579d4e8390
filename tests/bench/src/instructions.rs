//! Counting instructions under callgrind: repeatable for the same binary, whatever else the machine does.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// How many deliveries are counted.
const DELIVERIES: u64 = 1000;

/// What valgrind takes from the environment; where it is not installed but unpacked, it has to be told where its tools are.
const VALGRIND_NEEDS: [&str; 2] = ["PATH", "VALGRIND_LIB"];

/// Instructions of verifying and decoding one delivery; `program` does so as often as its argument says.
///
/// The difference of two runs leaves out the program's start and what happens at the first delivery only.
pub fn of_one_delivery(program: &Path) -> Result<u64> {
    let once = count(program, 1)?;
    let often = count(program, 1 + DELIVERIES)?;
    Ok((often - once) / DELIVERIES)
}

fn count(program: &Path, deliveries: u64) -> Result<u64> {
    let profile = tempfile::NamedTempFile::new()?;
    let output = Command::new("valgrind")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", profile.path().display()))
        .arg(program)
        .arg(deliveries.to_string())
        // the environment lies on the stack and moves it
        .env_clear()
        .envs(
            VALGRIND_NEEDS
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .output()
        .context("starting valgrind")?;
    ensure!(
        output.status.success(),
        "{} under callgrind: {}\n{}",
        program.display(),
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let profile = std::fs::read_to_string(profile.path())?;
    let total = profile
        .lines()
        .find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("callgrind counted nothing")?.trim().parse()?)
}
