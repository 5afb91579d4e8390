//! The needs of the code are those that its sources name.

use std::collections::BTreeSet;

use iam::code::{FUNCTIONS, actions, services, unknown_crates};
use iam::needs::{Caller, NEEDS};
use libtest_mimic::{Failed, Trial};

use super::decisions::evaluator;

/// The trials of the sources.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test(
            "the_sources_name_the_calls_that_are_listed",
            the_sources_name_the_listed_calls,
        ),
        Trial::test("functions_use_no_other_crate_of_the_sdk", || {
            let unknown = unknown_crates()?;
            match unknown.is_empty() {
                true => Ok(()),
                false => Err(format!("nobody knows what these crates call: {unknown:?}").into()),
            }
        }),
    ]
}

fn the_sources_name_the_listed_calls() -> Result<(), Failed> {
    let operations = evaluator()?.operations(&services())?;
    for (package, role) in FUNCTIONS {
        let named = actions(package, &operations)?;
        let listed: BTreeSet<_> = NEEDS
            .iter()
            .filter(|(who, _, _, caller)| *who == role && *caller == Caller::Code)
            .map(|(_, action, _, _)| (*action).to_owned())
            .collect();
        if named != listed {
            return Err(format!("{package} names {named:?}, but the list has {listed:?}").into());
        }
        let mut called = operations
            .iter()
            .filter(|operation| named.contains(&operation.action));
        if let Some(operation) = called.find(|operation| !operation.has_action) {
            return Err(format!("{} is authorized as another action", operation.action).into());
        }
    }
    Ok(())
}
