//! The end-to-end tests: every trial works from outside, against the stack deployed on the local AWS.
//!
//! Run `make build` first; `--list` and filters work as usual. The trials run one after the other, in the order given
//! here, because they share the deployed stacks. A stack is deployed only if a selected trial needs it, and removed at
//! the end.

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
