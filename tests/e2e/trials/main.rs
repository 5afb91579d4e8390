//! The end-to-end tests: every trial from outside, against the stack deployed on the local AWS.
//!
//! One after the other, in the order given here, as they share the deployed stacks. Each is deployed only when a trial that
//! needs it is selected, and all is torn down at the end. `make build` comes first; `--list` and filters work as usual.

mod binaries;
mod deletion;
mod demo;
mod generated_client;
mod harness;
mod in_memory_dynamodb;
mod leaks;
mod local_aws;
mod orders;
mod token_refresh;
mod webhook;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use crate::harness::Harness;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let harness = Harness::new();
    let areas = [
        binaries::trials(&harness),
        generated_client::trials(&harness),
        local_aws::trials(&harness),
        deletion::trials(&harness),
        in_memory_dynamodb::trials(&harness),
        demo::trials(&harness),
        webhook::trials(&harness),
        token_refresh::trials(&harness),
        orders::trials(&harness),
        leaks::trials(&harness),
    ];
    let trials = areas.into_iter().flatten().collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}
