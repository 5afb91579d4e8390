//! `SECURITY.md` names trials that exist, and links to places that exist.

use std::path::{Path, PathBuf};

use template::checkout;

/// Where the trials of a package are, below the checkout.
fn sources_of(package: &str) -> Option<PathBuf> {
    let folder = match package {
        "e2e" => "tests/e2e/trials",
        "iam" => "tests/iam/tests",
        "template" => "tests/template/tests/proofs",
        "whoop-partner" => "shared/src",
        _ => return None,
    };
    Some(checkout().join(folder))
}

fn page() -> String {
    std::fs::read_to_string(checkout().join("SECURITY.md")).unwrap()
}

/// The trials that a page names as `-p PACKAGE TRIAL`.
fn trials(page: &str) -> Vec<(&str, &str)> {
    let spans = page.split('`').skip(1).step_by(2);
    let commands = spans.filter_map(|span| span.strip_prefix("-p "));
    commands
        .map(|command| command.split_once(' ').expect("a package and a trial"))
        .collect()
}

/// Whether a package has this trial: as a function in the file of its module, or as a text in a table of trials.
fn exists(package: &str, trial: &str) -> bool {
    let Some(folder) = sources_of(package) else {
        return false;
    };
    if let "iam" | "template" = package {
        let first = trial.split("::").next().unwrap_or_default();
        // the rest is the name of a policy
        let quoted = [format!("\"{first}\""), format!("\"{first}::")];
        let sources = sources_in(&folder);
        let mut named = sources.iter();
        let rest = trial.strip_prefix(first).unwrap_or_default();
        let rest = format!("\"{}\"", rest.trim_start_matches("::"));
        return named.any(|source| quoted.iter().any(|name| source.contains(name)))
            && (rest == "\"\"" || sources.iter().any(|source| source.contains(&rest)));
    }
    let mut modules: Vec<_> = trial.split("::").filter(|part| *part != "tests").collect();
    let Some(name) = modules.pop() else {
        return false;
    };
    let file = folder.join(modules.join("/")).with_extension("rs");
    let source = std::fs::read_to_string(file).unwrap_or_default();
    source.contains(&format!("fn {name}("))
}

/// The texts of all sources below a folder, without this one.
fn sources_in(folder: &Path) -> Vec<String> {
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources.extend(sources_in(&path));
        } else if !path.ends_with(file!().rsplit('/').next().unwrap()) {
            sources.push(std::fs::read_to_string(path).unwrap());
        }
    }
    sources
}

#[test]
fn every_named_trial_exists() {
    let page = page();
    let trials = trials(&page);
    assert!(trials.len() > 20, "the page names {} trials", trials.len());
    for (package, trial) in trials {
        assert!(
            exists(package, trial),
            "there is no trial {package} {trial}"
        );
    }
}

#[test]
fn a_trial_that_does_not_exist_is_noticed() {
    for (package, trial) in [
        ("e2e", "webhook::rotation::keys_are_never_rotated"),
        ("e2e", "webhook::both_keys_are_good"),
        ("e2e", "both_keys_are_good"),
        ("iam", "every_change_is_noticed::NoRole"),
        ("iam", "nothing_is_allowed"),
        ("template", "the_api_is_open"),
        ("whoop-partner", "signature::tests::accepts_anything"),
        ("no-package", "the_api_is_throttled"),
    ] {
        assert!(!exists(package, trial), "{package} {trial}");
    }
    assert!(exists("e2e", "webhook::rotation::both_keys_are_good"));
}

/// Where links lead that do not leave the repository.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.starts_with("https:"))
}

/// The anchors that GitHub makes of the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let text = line.trim_start_matches('#').trim().to_lowercase();
            let kept = text
                .chars()
                .filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter));
            kept.map(|letter| if letter == ' ' { '-' } else { letter })
                .collect()
        })
        .collect()
}

fn leads_somewhere(target: &str) -> bool {
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let file = if file.is_empty() { "SECURITY.md" } else { file };
    let Ok(text) = std::fs::read_to_string(checkout().join(file)) else {
        return false;
    };
    anchor.is_empty() || anchors(&text).iter().any(|known| known == anchor)
}

#[test]
fn every_link_leads_somewhere() {
    let page = page();
    for target in links(&page) {
        assert!(leads_somewhere(target), "{target}");
    }
    assert!(!leads_somewhere("docs/nothing.md"));
    assert!(!leads_somewhere("docs/data.md#nothing"));
}
