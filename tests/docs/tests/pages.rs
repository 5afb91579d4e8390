//! Blocks, links and markers of the pages.

use std::fs;
use std::path::{Component, Path, PathBuf};

use docs::Page;
use template::checkout;

/// What a block can be. Each is checked by some test: commands by the trials, `rust` and `python` as `the_examples_are_run` says.
const LANGUAGES: [&str; 10] = [
    "sh", "json", "yaml", "toml", "sql", "python", "rust", "insights", "mermaid", "text",
];

fn pages() -> Vec<Page> {
    Page::all().expect("the pages can be read")
}

#[test]
fn each_block_says_what_it_is() {
    for page in pages() {
        for block in &page.blocks {
            let language = block.language.as_str();
            let place = format!("{}:{}", page.path, block.line);
            assert!(LANGUAGES.contains(&language), "{place}: {language:?}");
        }
    }
}

#[test]
fn each_block_that_is_not_run_says_why() {
    for page in pages() {
        let stray = &page.stray_markers;
        assert!(
            stray.is_empty(),
            "{}: no block follows {stray:?}",
            page.path
        );
        for block in page.commands() {
            let reason = block.not_run.as_deref();
            let place = format!("{}:{}", page.path, block.line);
            assert!(reason.is_none_or(|reason| reason.len() >= 10), "{place}");
        }
    }
}

#[test]
fn no_command_needs_jq_or_has_a_gap_to_fill_in() {
    for page in pages() {
        for block in page.commands() {
            let place = format!("{}:{}", page.path, block.line);
            let words = block
                .text
                .split(|char: char| !char.is_alphanumeric() && char != '_');
            for word in words {
                let is_gap = ["VALUE_OF_", "NAME_OF_", "ARN_OF_", "URL_OF_", "ID_OF_"]
                    .iter()
                    .any(|gap| word.starts_with(gap));
                assert!(!is_gap && word != "jq", "{place}: {word}");
            }
            assert!(!block.text.contains('…'), "{place}");
        }
    }
}

/// The list of `docs/tested.md`.
fn not_run() -> String {
    let mut list = String::from("| page | command | why no test runs it |\n|---|---|---|\n");
    for page in pages() {
        for block in page.commands() {
            let Some(reason) = &block.not_run else {
                continue;
            };
            let link = relative(&page.path);
            let anchor = &block.heading;
            let first = block.text.lines().next().unwrap_or_default();
            let first = first.trim_end_matches(" \\").replace('|', "\\|");
            list += &format!(
                "| [{}]({link}#{anchor}) | `{first}` | {reason} |\n",
                page.path
            );
        }
    }
    list
}

/// The path of a page as a link from `docs`.
fn relative(path: &str) -> String {
    match path.strip_prefix("docs/") {
        Some(name) => name.into(),
        None => format!("../{path}"),
    }
}

/// Run this test with `ACCEPT=1` to write the list.
#[test]
fn the_list_of_what_is_not_run_is_complete() {
    let path = checkout().join("docs/tested.md");
    let page = fs::read_to_string(&path).expect("docs/tested.md can be read");
    let begin = page
        .find("| page | command |")
        .expect("the page has a list");
    let text = format!("{}{}", &page[..begin], not_run());
    if std::env::var_os("ACCEPT").is_some() {
        fs::write(&path, &text).expect("docs/tested.md can be written");
    } else {
        assert!(
            page == text,
            "write the list with `ACCEPT=1 cargo test -p docs`; it has to be\n{}",
            not_run()
        );
    }
}

#[test]
fn each_link_leads_somewhere() {
    let mut pages = pages();
    for path in ["ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md"] {
        pages.push(Page::read(path).expect("the page can be read"));
    }
    let mut complaints = Vec::new();
    for page in &pages {
        let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
        for link in &page.links {
            if link.target.starts_with("http") || link.target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.target.split_once('#').unwrap_or((&link.target, ""));
            let file = match file {
                "" => page.path.clone(),
                file => normal(&folder.join(file)).to_string_lossy().into_owned(),
            };
            let is_there = checkout().join(&file).exists();
            let has_anchor = || {
                let target = pages.iter().find(|page| page.path == file);
                target.is_some_and(|page| page.anchors.iter().any(|there| there == anchor))
            };
            if !is_there || !(anchor.is_empty() || has_anchor()) {
                complaints.push(format!("{}:{}: {}", page.path, link.line, link.target));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Remedies of the tool, and descriptions of alarms, name sections of the pages.
#[test]
fn each_section_that_the_code_names_is_there() {
    let pages = pages();
    let mut files = vec![checkout().join("template.yaml")];
    let mut folders = ["cli/src", "functions", "shared/src"]
        .map(|folder| checkout().join(folder))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    for file in files {
        let text = fs::read_to_string(&file).expect("the file can be read");
        for rest in text.split("docs/").skip(1) {
            let end =
                rest.find(|char: char| !(char.is_ascii_alphanumeric() || "-_.#".contains(char)));
            let target = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            let Some((page, anchor)) = target.split_once(".md#") else {
                continue;
            };
            // the code fills it in
            if anchor.is_empty() {
                continue;
            }
            let path = format!("docs/{page}.md");
            let page = pages.iter().find(|page| page.path == path);
            let is_there =
                page.is_some_and(|page| page.anchors.iter().any(|there| there == anchor));
            assert!(is_there, "{}: docs/{target}", file.display());
        }
    }
}

/// The path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                normal.pop();
            }
            other => normal.push(other),
        }
    }
    normal
}

#[test]
fn the_examples_are_run() {
    let consumer = include_str!("../../../functions/event-processor/examples/consumer.rs");
    for page in pages() {
        for block in &page.blocks {
            let place = format!("{}:{}", page.path, block.line);
            match (block.language.as_str(), page.path.as_str()) {
                // compiled as doctests
                ("rust", "shared/README.md" | "tests/simulator/README.md") => {}
                ("rust", "docs/consumers.md") => assert!(block.text == consumer, "{place}"),
                // the trials of `docs/consumers.md` take it from the page
                ("python", "docs/consumers.md") => {}
                ("rust" | "python", _) => panic!("{place}: nothing runs it"),
                _ => {}
            }
        }
    }
}

#[test]
fn the_example_in_python_saves_by_the_statement_of_its_page() {
    let page = Page::read("docs/consumers.md").expect("the page can be read");
    let text = |language| {
        let mut blocks = page.blocks.iter();
        let block = blocks.find(|block| block.language == language);
        &block.expect("the page has such a block").text
    };
    assert!(text("python").contains(text("sql")));
}
