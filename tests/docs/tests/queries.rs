//! Queries for CloudWatch Logs Insights: their grammar, as far as the pages use it, and the fields that they name.

use std::collections::BTreeSet;
use std::fs;

use docs::Page;
use template::checkout;
use whoop_partner::lambda::metrics::Metric;

const COMMANDS: [&str; 4] = ["fields", "filter", "stats", "sort"];
const FUNCTIONS: [&str; 11] = [
    "avg",
    "bin",
    "coalesce",
    "count",
    "earliest",
    "ispresent",
    "latest",
    "max",
    "min",
    "pct",
    "sum",
];
const KEYWORDS: [&str; 8] = ["and", "or", "not", "like", "as", "by", "asc", "desc"];

/// Fields that CloudWatch Logs and Lambda add, and those of lines that are no decisions: panics, and lines within a span.
const OTHER_FIELDS: [&str; 7] = [
    "@timestamp",
    "@message",
    "@log",
    "type",
    "record.status",
    "place",
    "span.request_id",
];

/// The names in backticks in the section of `docs/metrics.md` about fields, the metrics, and the fields of the access log.
fn known_fields() -> BTreeSet<String> {
    let read = |path: &str| fs::read_to_string(checkout().join(path)).expect(path);
    let page = read("docs/metrics.md");
    let (_, section) = page
        .split_once("## The fields of the log lines")
        .expect("it is there");
    let (section, _) = section.split_once("### Queries").expect("it is there");
    let mut fields: BTreeSet<String> = section
        .split('`')
        .skip(1)
        .step_by(2)
        .map(Into::into)
        .collect();
    let template = read("template.yaml");
    let (_, format) = template.split_once("Format: !Sub >-").expect("it is there");
    let (format, _) = format.split_once("WebhookRoute:").expect("it is there");
    let keys = format.split('"').skip(1).step_by(2);
    fields.extend(keys.step_by(2).map(Into::into));
    fields.extend(Metric::ALL.iter().map(|metric| metric.name().to_owned()));
    fields.extend(OTHER_FIELDS.map(Into::into));
    fields
}

#[derive(Debug, PartialEq, Eq)]
enum Token<'q> {
    Word(&'q str),
    /// A text, a regular expression or a number.
    Value,
    Sign(char),
}

fn tokens(query: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = query.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' | '/' => {
                let end = rest[1..]
                    .find(first)
                    .ok_or_else(|| format!("{first} is not closed"))?;
                tokens.push(Token::Value);
                end + 2
            }
            '0'..='9' => {
                tokens.push(Token::Value);
                end_of_word(rest)
            }
            '@' | '_' | 'a'..='z' | 'A'..='Z' => {
                let end = end_of_word(rest);
                tokens.push(Token::Word(&rest[..end]));
                end
            }
            '|' | ',' | '(' | ')' | '=' | '!' | '<' | '>' | '*' => {
                tokens.push(Token::Sign(first));
                1
            }
            other => return Err(format!("{other} has no meaning")),
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn end_of_word(text: &str) -> usize {
    let is_in_word = |char: char| char.is_ascii_alphanumeric() || "@_.".contains(char);
    text.find(|char| !is_in_word(char)).unwrap_or(text.len())
}

/// What is wrong with a query.
fn complaint(query: &str, known: &BTreeSet<String>) -> Option<String> {
    let tokens = match tokens(query) {
        Ok(tokens) => tokens,
        Err(error) => return Some(error),
    };
    let mut aliases = BTreeSet::new();
    for command in tokens.split(|token| *token == Token::Sign('|')) {
        match command.first() {
            Some(Token::Word(name)) if COMMANDS.contains(name) => {}
            other => return Some(format!("{other:?} is no command")),
        }
        let mut depth = 0_i32;
        for (index, token) in command.iter().enumerate().skip(1) {
            let calls = command.get(index + 1) == Some(&Token::Sign('('));
            match token {
                Token::Sign('(') => depth += 1,
                Token::Sign(')') => depth -= 1,
                Token::Word(name) if calls && FUNCTIONS.contains(name) => {}
                Token::Word(name) if KEYWORDS.contains(name) => {}
                Token::Word(name) if calls => return Some(format!("{name} is no function")),
                Token::Word(name) if command[index - 1] == Token::Word("as") => {
                    aliases.insert(*name);
                }
                Token::Word(name) if !known.contains(*name) && !aliases.contains(name) => {
                    return Some(format!("no line has the field {name}"));
                }
                _ => {}
            }
        }
        if depth != 0 {
            return Some("a bracket is open".into());
        }
    }
    None
}

#[test]
fn the_queries_name_fields_that_the_log_lines_have() {
    let known = known_fields();
    let mut queries = 0;
    for page in Page::all().expect("the pages can be read") {
        for block in page
            .blocks
            .iter()
            .filter(|block| block.language == "insights")
        {
            let complaint = complaint(&block.text, &known);
            assert_eq!(complaint, None, "{}:{}", page.path, block.line);
            queries += 1;
        }
    }
    assert!(queries > 20);
}

#[test]
fn a_query_that_is_wrong_is_noticed() {
    let known = known_fields();
    let wrong = |query: &str| complaint(query, &known);
    assert_eq!(wrong("filter status = 503 | sort @timestamp desc"), None);
    assert_eq!(
        wrong("stats count(*) as requests by reason | sort requests desc"),
        None
    );
    for query in [
        "filter statuss = 503",
        "stats count(*) as requests | sort request desc",
        "stats number(*)",
        "stats count(*",
        "find status",
        "filter reason = \"open",
        "filter status = 503; fields status",
    ] {
        assert!(wrong(query).is_some(), "{query}");
    }
}
