//! The README quotes what `make soak` has measured.

use std::fs;

use serde_json::Value;
use template::checkout;

/// A trial, one of its figures, and the words of the README around it.
const QUOTED: [(&str, &str, &str); 8] = [
    (
        "Kills of the webhook",
        "processes killed",
        "is killed at {} moments",
    ),
    (
        "Kills of the webhook",
        "answered 204 and not stored",
        "answers 204 without a stored message: {} ",
    ),
    ("Freezes", "freezes", "is frozen {} times"),
    (
        "Freezes",
        "slowest answer, connections silent since, ms",
        "the slowest after {} ms",
    ),
    (
        "Floods",
        "wrong signatures: slowest good one, ms",
        "the slowest of them after {} ms",
    ),
    (
        "Floods",
        "wrong signatures: reads of the secret",
        "{} reads of the secret",
    ),
    (
        "Kills of the event processor",
        "orders not on the bus",
        "orders missing on the bus: {};",
    ),
    (
        "Load with a proof",
        "answered 204 and not on the bus",
        "accepted and not on the bus: {};",
    ),
];

#[test]
fn the_readme_quotes_the_last_soak() {
    let soak = fs::read(checkout().join("docs/reliability/soak.json")).expect("make soak wrote it");
    let soak: Value = serde_json::from_slice(&soak).expect("it is JSON");
    let readme = fs::read_to_string(checkout().join("README.md")).expect("there is a README");
    for (trial, text, words) in QUOTED {
        let value = figure(&soak, trial, text);
        let quoted = words.replace("{}", &format!("{:.0}", value));
        assert!(readme.contains(&quoted), "README.md lacks {quoted:?}");
    }
}

#[test]
fn every_bound_of_the_last_soak_was_met() {
    let page = fs::read_to_string(checkout().join("docs/reliability/soak.md"));
    let page = page.expect("make soak wrote it");
    assert!(page.contains(" met ") && !page.contains("NOT MET"));
}

fn figure(soak: &Value, trial: &str, text: &str) -> f64 {
    let trials = soak["trials"].as_array().into_iter().flatten();
    let mut figures = trials
        .filter(|of| of["title"] == trial)
        .flat_map(|of| of["figures"].as_array().into_iter().flatten());
    let figure = figures.find(|figure| figure["text"] == text);
    let value = figure.and_then(|figure| figure["value"].as_f64());
    value.unwrap_or_else(|| panic!("{trial} has no figure {text:?}"))
}
