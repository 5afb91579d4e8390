//! Proofs over the transformed template: they cover what the local AWS does not enforce, and what AWS would show only
//! in production. They need no running stack, and run in parallel.
//!
//! A proof is a function from a template to complaints. To show that it can fail, it also gets templates with one flaw
//! each, and must complain about every one.

mod admission;
mod bus_dead_letters;
mod documentation;
mod event_processor;
mod leftovers;
mod limits;
mod names;
mod outputs;
mod permissions;
mod policy;
mod provisioned_concurrency;
mod roles;
mod settings;
mod setup;
mod versions;

use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use template::checkout;

use template::Template;

static TEMPLATE: LazyLock<Result<Template, String>> =
    LazyLock::new(|| Template::transformed(&checkout().join("template.yaml")));

/// A statement about the template, and flaws that break it.
struct Proof {
    name: &'static str,
    /// The types of resources that it is about. Without a resource of one of them it would prove nothing.
    concerns: &'static [&'static str],
    complaints: fn(&Template) -> Vec<String>,
    flaws: &'static [Flaw],
}

impl Proof {
    /// The complaints about a template, including missing types of resources.
    fn complaints(&self, template: &Template) -> Vec<String> {
        let missing = self
            .concerns
            .iter()
            .filter(|kind| template.of_type(kind).next().is_none())
            .map(|kind| format!("there is no {kind}"));
        missing.chain((self.complaints)(template)).collect()
    }

    /// Checks that it holds for `template`.
    fn holds(&self, template: &Template) -> Result<(), Failed> {
        match self.complaints(template).as_slice() {
            [] => Ok(()),
            complaints => Err(complaints.join("\n").into()),
        }
    }

    /// Checks that it notices what `spoil` does to the template.
    fn notices(&self, spoil: fn(&mut Flawed)) -> Result<(), Failed> {
        let mut flawed = Flawed(template()?.0.clone());
        spoil(&mut flawed);
        match self.complaints(&Template(flawed.0)).is_empty() {
            true => Err("the proof did not notice the flaw".into()),
            false => Ok(()),
        }
    }
}

/// The name of a flaw, and how it gets into a template.
type Flaw = (&'static str, fn(&mut Flawed));

/// A template without resources: a flaw that every proof must notice.
const NOTHING: Flaw = ("that_there_is_nothing", |template| {
    template.0["Resources"] = json!({});
});

fn main() -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), trials()).exit_code()
}

/// One trial for each proof, and one for each flaw that it must notice.
fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    let tables = [
        permissions::PROOFS,
        setup::PROOFS,
        names::PROOFS,
        leftovers::PROOFS,
        outputs::PROOFS,
        limits::PROOFS,
        event_processor::PROOFS,
        bus_dead_letters::PROOFS,
        provisioned_concurrency::PROOFS,
        versions::PROOFS,
    ];
    for proof in tables.into_iter().flatten() {
        let name = proof.name;
        trials.push(Trial::test(name, || proof.holds(template()?)));
        for &(flaw, spoil) in proof.flaws.iter().chain([&NOTHING]) {
            trials.push(Trial::test(format!("{name}::notices_{flaw}"), move || {
                proof.notices(spoil)
            }));
        }
    }
    trials.push(Trial::test(
        "another_property_is_another_version",
        versions::another_property_is_another_version,
    ));
    trials.extend(documentation::trials());
    trials
}

fn template() -> Result<&'static Template, Failed> {
    TEMPLATE.as_ref().map_err(Failed::from)
}

/// A template that gets a flaw.
struct Flawed(Value);

impl Flawed {
    /// The properties of a resource.
    fn properties(&mut self, resource: &str) -> &mut Value {
        let properties = self
            .0
            .pointer_mut(&format!("/Resources/{resource}/Properties"));
        properties.unwrap_or_else(|| panic!("the template has no {resource}"))
    }

    /// The statement `sid` of a role's policy, or of the key's.
    fn statement(&mut self, resource: &str, sid: &str) -> &mut Value {
        let properties = self.properties(resource);
        let pointer = match properties["KeyPolicy"].is_null() {
            true => "/Policies/0/PolicyDocument/Statement",
            false => "/KeyPolicy/Statement",
        };
        let statements = properties
            .pointer_mut(pointer)
            .and_then(Value::as_array_mut);
        let statement =
            statements.and_then(|all| all.iter_mut().find(|statement| statement["Sid"] == sid));
        statement.unwrap_or_else(|| panic!("{resource} has no statement {sid}"))
    }

    /// Removes a property, which must exist.
    fn remove(&mut self, resource: &str, property: &str) {
        let removed = self
            .properties(resource)
            .as_object_mut()
            .and_then(|all| all.remove(property));
        assert!(removed.is_some(), "{resource} has no {property}");
    }
}
