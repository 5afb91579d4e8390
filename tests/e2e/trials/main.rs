//! The end-to-end tests: every trial works from outside, against the stack deployed on the local AWS.
//!
//! Run `make build` first; `--list` and filters work as usual. The trials begin in the order given here. A stack is deployed
//! only if a selected trial needs it, and removed at the end.

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

use libtest_mimic::{Arguments, Trial};

use crate::harness::Harness;

/// One trial for each stack, and one that waits for its turn.
const THREADS: usize = 3;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(THREADS);
    let harness = Harness::new();
    let alone = [
        binaries::trials(&harness),
        generated_client::trials(&harness),
        local_aws::trials(&harness),
        deletion::trials(&harness),
        demo::trials(&harness),
        webhook::trials(&harness),
    ];
    let mut on_no_or_the_webhook_stack = in_memory_dynamodb::trials(&harness);
    on_no_or_the_webhook_stack.extend(token_refresh::trials(&harness));
    let beside = in_turn(orders::trials(&harness), on_no_or_the_webhook_stack);
    let trials = alone.into_iter().flatten();
    let trials = trials.chain(beside).chain(leaks::trials(&harness));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Both lists as one, in which they take turns.
fn in_turn(first: Vec<Trial>, second: Vec<Trial>) -> Vec<Trial> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut trials = Vec::new();
    loop {
        match (first.next(), second.next()) {
            (None, None) => return trials,
            (first, second) => trials.extend(first.into_iter().chain(second)),
        }
    }
}
