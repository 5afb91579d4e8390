//! Some seeds as part of the tests. `README.md` says how to run thousands.

use std::process::{Command, Output};

fn simulation(arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_simulation"));
    let output = program.args(["--hours", "4"]).args(arguments).output();
    output.expect("the simulation starts")
}

#[track_caller]
fn assert_right(arguments: &[&str]) {
    let output = simulation(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn nothing_is_lost_with_known_seeds() {
    assert_right(&["--from", "0", "--seeds", "20"]);
}

#[test]
fn nothing_is_lost_with_a_seed_that_nobody_has_chosen() {
    assert_right(&[]);
}

#[test]
fn a_seed_always_leads_to_the_same_run() {
    let run = |seed| {
        let output = simulation(&["--from", seed]);
        String::from_utf8(output.stderr).expect("the report is text")
    };
    let first = run("7");
    assert!(first.contains("trace "), "{first}");
    assert_eq!(first, run("7"));
}
