//! The end-to-end tests: every trial works from outside, against the stack deployed on the local AWS.
//!
//! Run `make stack` first; `--list` and filters work as usual. The trials begin in the order given here. A stack is deployed
//! only if a selected trial needs it, and removed at the end.

mod alarms;
mod binaries;
mod deletion;
mod demo;
mod docs;
mod generated_client;
mod harness;
mod in_memory_dynamodb;
mod leaks;
mod least_privilege;
mod local_aws;
mod orders;
mod soak;
mod token_refresh;
mod tool;
mod webhook;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use crate::harness::Harness;

/// A trial that waits for its stack keeps its thread, so this is far more than the trials that run at the same time.
const THREADS: usize = 64;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(THREADS);
    let harness = Harness::new();
    let alone = [
        binaries::trials(&harness),
        generated_client::trials(&harness),
        local_aws::trials(&harness),
        deletion::trials(&harness),
        webhook::trials(&harness),
        soak::webhook_trials(&harness),
    ];
    let beside = in_turn([
        [orders::trials(&harness), soak::whole_trials(&harness)]
            .into_iter()
            .flatten()
            .collect(),
        // on one stack
        [
            soak::by_hand_trials(&harness),
            orders::by_hand_trials(&harness),
            alarms::trials(&harness),
        ]
        .into_iter()
        .flatten()
        .collect(),
        in_memory_dynamodb::trials(&harness),
        demo::trials(&harness),
        token_refresh::trials(&harness),
        tool::trials(&harness),
        docs::trials(&harness),
    ]);
    let trials = alone.into_iter().flatten();
    let last = [least_privilege::trials(&harness), leaks::trials(&harness)];
    let trials = trials.chain(beside).chain(last.into_iter().flatten());
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// All lists as one, in which they take turns.
fn in_turn<const N: usize>(lists: [Vec<Trial>; N]) -> Vec<Trial> {
    let mut lists = lists.map(Vec::into_iter);
    let mut trials = Vec::new();
    loop {
        let before = trials.len();
        trials.extend(lists.iter_mut().filter_map(Iterator::next));
        if trials.len() == before {
            return trials;
        }
    }
}
