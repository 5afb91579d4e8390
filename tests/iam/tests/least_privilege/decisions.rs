//! The template as it is.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use iam::evaluator::{Decisions, Evaluator};
use iam::policies::{Kind, Policy, policies, unknown};
use iam::requests::{Requests, SERVICES};
use iam::stack::Stack;
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use template::{Template, checkout};

/// How many requests a failure shows.
const SHOWN: usize = 20;

static TEMPLATE: LazyLock<Result<Template, String>> =
    LazyLock::new(|| Template::transformed(&checkout().join("template.yaml")));

/// One process decides everything.
static EVALUATOR: LazyLock<Result<Mutex<Evaluator>, String>> = LazyLock::new(|| {
    let evaluator = Evaluator::start();
    evaluator.map(Mutex::new).map_err(|error| error.to_string())
});

/// The trials of the template as it is.
pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("nothing_else_gives_rights", nothing_else_gives_rights),
        Trial::test("what_is_needed_is_allowed_and_nothing_else", || {
            decided_as_expected(false)
        }),
        Trial::test("traces_are_allowed_if_the_stack_has_tracing", || {
            decided_as_expected(true)
        }),
        Trial::test(
            "every_action_in_a_policy_is_of_a_service_that_is_tried",
            every_service_is_tried,
        ),
    ]
}

/// The process.
pub fn evaluator() -> Result<MutexGuard<'static, Evaluator>, Failed> {
    let evaluator = EVALUATOR.as_ref().map_err(Failed::from)?;
    Ok(evaluator.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A stack, with or without tracing, its policies and the requests.
pub fn set_up(tracing: bool) -> Result<(Vec<Policy>, Requests), Failed> {
    let stack = Stack::new(TEMPLATE.as_ref().map_err(Failed::from)?, tracing);
    let policies = policies(&stack);
    let requests = Requests::new(&stack, &policies, tracing);
    Ok((policies, requests))
}

fn decided_as_expected(tracing: bool) -> Result<(), Failed> {
    let (policies, requests) = set_up(tracing)?;
    let question = requests.question(&policies, SHOWN);
    let decisions = evaluator()?.decide(&question)?;
    if !decisions.differences.is_empty() {
        return Err(in_words(&decisions).into());
    }
    // for example because a context has another name
    if let [unasked, ..] = decisions.unasked.as_slice() {
        return Err(format!("nobody tries what is needed: {unasked:?}").into());
    }
    println!(
        "{} requests decided, {} of them allowed",
        decisions.asked, decisions.allowed
    );
    Ok(())
}

/// The differences, one a line.
pub fn in_words(decisions: &Decisions) -> String {
    let differences = decisions.differences.iter().map(|one| {
        let verb = if one.allowed { "may" } else { "may not" };
        format!(
            "{} {verb} {} on {} {}",
            one.asker, one.action, one.resource, one.context
        )
    });
    differences.collect::<Vec<_>>().join("\n")
}

/// Nothing gives rights but the policies that are evaluated. A right that comes another way is noticed.
fn nothing_else_gives_rights() -> Result<(), Failed> {
    let template = TEMPLATE.as_ref().map_err(Failed::from)?;
    let unknown_in = |template: &Template| unknown(&Stack::new(template, true));
    if let [first, ..] = unknown_in(template).as_slice() {
        return Err(first.clone().into());
    }
    let flaws: [fn(&mut Value); 3] = [
        |resources| {
            resources["Topics"] = json!({"Type": "AWS::SNS::TopicPolicy", "Properties": {}});
        },
        |resources| {
            let role = &mut resources["WebhookRole"]["Properties"];
            role["ManagedPolicyArns"] = json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
        },
        |resources| {
            resources["Door"] = json!({"Type": "AWS::Lambda::Url", "Properties": {}});
        },
    ];
    for flaw in flaws {
        let mut flawed = template.clone();
        flaw(&mut flawed.0["Resources"]);
        if unknown_in(&flawed).len() != 1 {
            return Err("a right is not noticed".into());
        }
    }
    Ok(())
}

fn every_service_is_tried() -> Result<(), Failed> {
    let (policies, _) = set_up(true)?;
    for policy in &policies {
        if let Kind::Identity(_) = policy.kind {
            for statement in policy.statements() {
                for action in iam::policies::actions(statement) {
                    let service = action.split(':').next().unwrap_or_default();
                    if !SERVICES.contains(&service) {
                        return Err(format!("{}: {action} is not tried", policy.name).into());
                    }
                }
            }
        }
    }
    Ok(())
}
