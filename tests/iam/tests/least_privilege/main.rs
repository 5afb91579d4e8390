//! Each role may do what it needs and nothing else; nobody else may use the stack's resources.

mod decisions;
mod mutation;
mod sources;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let areas = [decisions::trials(), mutation::trials(), sources::trials()];
    let trials = areas.into_iter().flatten().collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}
