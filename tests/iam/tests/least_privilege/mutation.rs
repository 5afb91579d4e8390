//! Each change of a policy is noticed.

use iam::evaluator::Decisions;
use iam::mutants::{EQUIVALENT, Mutant, mutants};
use iam::policies::{Policy, actions};
use iam::requests::Requests;
use libtest_mimic::{Failed, Trial};

use super::decisions::{evaluator, set_up};

/// The policies of the template. A further one fails a trial until it is listed.
const POLICIES: [&str; 15] = [
    "EventBusDeadLetterQueue",
    "EventProcessorRole",
    "EventProcessorRole.trust",
    "HeartbeatRole",
    "HeartbeatRole.trust",
    "HeartbeatScheduleRole",
    "HeartbeatScheduleRole.trust",
    "Key",
    "TokenRefreshRole",
    "TokenRefreshRole.trust",
    "TokenRefreshScheduleRole",
    "TokenRefreshScheduleRole.trust",
    "WebhookFunction",
    "WebhookRole",
    "WebhookRole.trust",
];

/// One trial for each policy, and one that they are all policies.
pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("every_policy_is_changed", every_policy_is_changed),
        Trial::test(
            "every_equivalent_change_is_one",
            every_equivalent_change_is_one,
        ),
    ];
    trials.extend(POLICIES.map(|name| {
        Trial::test(format!("every_change_is_noticed::{name}"), || {
            every_change_is_noticed(name)
        })
    }));
    trials
}

fn every_policy_is_changed() -> Result<(), Failed> {
    let (policies, _) = set_up(true)?;
    let mut names: Vec<_> = policies.iter().map(|policy| policy.name.as_str()).collect();
    names.sort_unstable();
    match names == POLICIES {
        true => Ok(()),
        false => Err(format!("the template has other policies: {names:?}").into()),
    }
}

fn every_change_is_noticed(name: &str) -> Result<(), Failed> {
    let (policies, requests) = set_up(true)?;
    let place = policies.iter().position(|policy| policy.name == name);
    let mutants = mutants(&policies, place.ok_or("the template has no such policy")?);
    let mut survivors = Vec::new();
    for mutant in &mutants {
        let is_noticed = !decide(&policies, &requests, mutant)?.differences.is_empty();
        if is_noticed == is_equivalent(name, mutant) {
            survivors.push(format!(
                "{}: {} (noticed: {is_noticed})",
                mutant.statement, mutant.change
            ));
        }
    }
    match survivors.is_empty() {
        true => {
            println!("{name}: {} changes", mutants.len());
            Ok(())
        }
        false => Err(survivors.join("\n").into()),
    }
}

/// Every change that is listed as equivalent can be made.
fn every_equivalent_change_is_one() -> Result<(), Failed> {
    let (policies, _) = set_up(true)?;
    for (name, statement, change, _) in EQUIVALENT {
        let place = policies.iter().position(|policy| policy.name == *name);
        let mut mutants =
            mutants(&policies, place.ok_or("the template has no such policy")?).into_iter();
        if !mutants.any(|mutant| mutant.statement == *statement && mutant.change == *change) {
            return Err(format!("{name} {statement}: nobody makes the change {change:?}").into());
        }
    }
    Ok(())
}

fn is_equivalent(name: &str, mutant: &Mutant) -> bool {
    let mut equivalent = EQUIVALENT.iter();
    equivalent.any(|one| {
        (one.0, one.1, one.2) == (name, mutant.statement.as_str(), mutant.change.as_str())
    })
}

/// How requests are decided with a change.
fn decide(policies: &[Policy], requests: &Requests, mutant: &Mutant) -> Result<Decisions, Failed> {
    let mut changed = policies.to_vec();
    changed[mutant.policy].document = mutant.document.clone();
    let original = &policies[mutant.policy];
    let statement = &original.statements()[mutant.place];
    let services: Vec<_> = actions(statement)
        .filter_map(|action| action.split(':').next())
        .collect();
    let question = requests.question_about(&changed, original, &services);
    Ok(evaluator()?.decide(&question)?)
}
