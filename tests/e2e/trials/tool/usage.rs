//! What every command has: help, refusal of wrong use, completions, a manual page. It finds the commands by their help, so that
//! none is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::checkout;
use tokio::process::Command;

use super::{Said, say};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.beside_without_stack;
        every_command_has_help,
        every_command_refuses_wrong_use,
        completions_know_every_command_and_option,
        every_command_has_a_manual_page,
        output_that_nobody_takes_is_a_failure_and_no_panic,
    ]
}

/// The help of every command by its words: `[]` is the tool itself, `["webhook", "send"]` a command below a command.
type Commands = BTreeMap<Vec<String>, String>;

async fn run(arguments: &[&str]) -> Result<Said, Failed> {
    let mut command = Command::new(checkout().join("target/debug/whoop-partner"));
    command.args(arguments).env_clear();
    say(command, "").await
}

/// Reads the help of the tool, of the commands that it lists, and of those that they list.
async fn commands() -> Result<Commands, Failed> {
    let mut commands = Commands::new();
    let mut unread = vec![Vec::new()];
    while let Some(words) = unread.pop() {
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("--help");
        let said = run(&arguments).await?;
        assert_eq!(
            (said.status, said.stderr.as_str()),
            (0, ""),
            "{arguments:?}"
        );
        for (name, _) in listed(&said.stdout, "Commands:") {
            if name != "help" {
                unread.push([&words[..], &[name]].concat());
            }
        }
        commands.insert(words, said.stdout);
    }
    assert!(commands.len() > 10, "{:?}", commands.keys());
    Ok(commands)
}

/// The lines of a section of a help text: what stands at their beginning, and what is said about it.
fn listed(help: &str, section: &str) -> Vec<(String, String)> {
    let lines = help.lines().skip_while(|line| *line != section).skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    let words = lines.filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
    let words = words.filter(|(name, _)| !name.is_empty());
    words
        .map(|(name, about)| (name.into(), about.trim().into()))
        .collect()
}

/// The long options that a help text, a manual page or a script mentions.
fn options(text: &str) -> BTreeSet<String> {
    let text = text.replace("\\-", "-");
    let mut options = BTreeSet::new();
    for (start, _) in text.match_indices("--") {
        let rest = &text[start + 2..];
        let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        let name = &rest[..end.unwrap_or(rest.len())];
        // `--` alone, and a hyphen in front: part of something else
        if name.starts_with(|c: char| c.is_ascii_lowercase()) {
            options.insert(format!("--{}", name.trim_end_matches('-')));
        }
    }
    options
}

/// The options that the help of a command defines: each begins a line.
fn defined_options(help: &str) -> BTreeSet<String> {
    let lines = help.lines().map(str::trim_start);
    let lines = lines.filter(|line| line.starts_with('-'));
    lines
        .filter_map(|line| {
            let first: String = line.split("  ").next()?.into();
            options(&first).into_iter().next()
        })
        .collect()
}

async fn every_command_has_help() -> Outcome {
    for (words, help) in commands().await? {
        let about = help.lines().next().unwrap_or_default();
        assert!(!about.is_empty(), "{words:?} says nothing about itself");
        // the first line of the tool itself is a sentence among others
        assert!(
            words.is_empty() || !about.ends_with('.'),
            "{words:?}: {about}"
        );
        assert!(help.contains("\nUsage: whoop-partner"), "{words:?}: {help}");
        for (name, about) in listed(&help, "Commands:") {
            assert!(!about.is_empty(), "{words:?} {name}");
            assert!(!about.ends_with('.'), "{words:?} {name}: {about}");
        }
        let defined = defined_options(&help);
        for option in ["--help", "--stack", "--profile", "--region", "--json"] {
            assert!(defined.contains(option), "{words:?} {option}: {defined:?}");
        }
        // the short help is shorter, and lists the same options
        let mut arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        arguments.push("-h");
        let short = run(&arguments).await?;
        short.assert(0, &[]);
        assert_eq!(defined_options(&short.stdout), defined, "{words:?}");
    }
    Ok(())
}

async fn every_command_refuses_wrong_use() -> Outcome {
    for (words, help) in commands().await? {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = run(&[&words[..], &["--no-such-option"]].concat()).await?;
        said.assert(2, &["--no-such-option"]);
        assert_eq!(said.stdout, "", "{words:?}");
        let surplus = vec!["surplus"; 9];
        let said = run(&[&words[..], &surplus].concat()).await?;
        assert_eq!(said.status, 2, "{words:?}: {said:?}");
        assert_eq!(said.stdout, "", "{words:?}");
        if !listed(&help, "Commands:").is_empty() {
            let said = run(&words).await?;
            said.assert(2, &["Usage: "]);
            assert_eq!(said.stdout, "", "{words:?}");
        }
    }
    Ok(())
}

async fn completions_know_every_command_and_option() -> Outcome {
    let commands = commands().await?;
    for shell in ["bash", "zsh", "fish"] {
        let said = run(&["completions", shell]).await?;
        said.assert(0, &[]);
        // fish names options without the hyphens, and its script knows two levels of commands only
        let known = match shell {
            "fish" => said.stdout.replace("-l ", "--"),
            _ => said.stdout.clone(),
        };
        let known = options(&known);
        for (words, help) in &commands {
            for word in words {
                assert!(said.stdout.contains(word.as_str()), "{shell}: {words:?}");
            }
            for option in defined_options(help) {
                assert!(known.contains(&option), "{shell}: {words:?} {option}");
            }
        }
        if shell == "bash" {
            let mut bash = Command::new("bash");
            bash.args(["-n", "/dev/stdin"]);
            let checked = say(bash, &said.stdout).await?;
            assert_eq!((checked.status, checked.stderr.as_str()), (0, ""));
        }
    }
    run(&["completions"]).await?.assert(2, &["<SHELL>"]);
    run(&["completions", "cmd"])
        .await?
        .assert(2, &["possible values: "]);
    Ok(())
}

async fn every_command_has_a_manual_page() -> Outcome {
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("man/man1");
    let path = pages.to_str().ok_or("the path is no text")?;
    run(&["man", path]).await?.assert(0, &[]);
    for (words, help) in commands().await? {
        let name = [&["whoop-partner".to_owned()], &words[..]]
            .concat()
            .join("-");
        let page = std::fs::read_to_string(pages.join(format!("{name}.1")));
        let page = page.map_err(|error| format!("{name}.1: {error}"))?;
        let known = options(&page);
        for option in defined_options(&help) {
            assert!(known.contains(&option), "{name}.1 lacks {option}");
        }
    }
    run(&["man"]).await?.assert(2, &["<FOLDER>"]);
    run(&["man", "/dev/null/man"])
        .await?
        .assert(1, &["/dev/null/man"]);
    Ok(())
}

async fn output_that_nobody_takes_is_a_failure_and_no_panic() -> Outcome {
    let tool = checkout().join("target/debug/whoop-partner");
    let tool = tool.to_str().ok_or("the path is no text")?;
    for (command, words) in [
        // nothing fits onto this device
        ("completions bash >/dev/full", "standard output: "),
        // the other end of the pipe is closed; the error goes into it as well
        ("man /dev/null/man 2>&1 | true; exit ${PIPESTATUS[0]}", ""),
    ] {
        let mut bash = Command::new("bash");
        bash.args(["-c", &format!("'{tool}' {command}")]);
        let said = say(bash, "").await?;
        said.assert(1, &[words]);
        assert!(!said.text().contains("panicked"), "{said:?}");
    }
    Ok(())
}
