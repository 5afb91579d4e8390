//! Filter patterns of CloudWatch Logs for JSON log events, and the empty pattern, which every event matches.
//!
//! Follows AWS's page "Using filter patterns to match terms in JSON log events" and, where the page says nothing, calls of
//! `TestMetricFilter` that others recorded:
//!
//! - Text is compared exactly. A `*` stands for any text only at the term's start or end: `Ev*ent` is just that text.
//! - A quoted term is text: `"429"` matches the string `"429"` and the number `429`, but `"12"` does not match `12.0`.
//! - An unquoted number matches an equal number: `= 12` matches `12.0`. It also matches a string of the same characters,
//!   because "strings that consist entirely of alphanumeric characters do not need to be quoted". So `= 429` matches the
//!   string `"429"`. No recorded call confirms this last case; quote the term if the field is a string.
//! - `<`, `>`, `<=` and `>=` compare numbers only. A string never matches, even if it looks like a number.
//! - `=` and `!=` match only if the field is a string or a number: a missing field does not match `!= "a"`.
//!
//! Regular expressions, wildcards in selectors, and patterns for lines that are not JSON are not supported.

mod parser;

use serde_json::Value;
use thiserror::Error;

use parser::Parser;

/// The pattern breaks the syntax, or uses a part of it that is not supported.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("filter pattern {pattern}: {problem}")]
pub struct PatternError {
    pattern: String,
    problem: String,
}

/// Which log events a filter takes.
#[derive(Debug, Clone, PartialEq)]
pub struct FilterPattern(Option<Condition>);

#[derive(Debug, Clone, PartialEq)]
enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Is(Selector, Value),
    NotExists(Selector),
    Equals(Selector, Term),
    Differs(Selector, Term),
    Compares(Selector, Order, f64),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The text or number that a field is compared with.
#[derive(Debug, Clone, PartialEq)]
struct Term {
    text: String,
    /// Set if the term is an unquoted number.
    number: Option<f64>,
}

/// Where a field is in a log event, such as `$.user.roles[0]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Selector(Vec<Step>);

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Member(String),
    Element(usize),
}

impl FilterPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    ///
    /// If the pattern breaks the syntax, or uses a part of it that is not supported.
    pub fn parse(pattern: &str) -> Result<Self, PatternError> {
        if pattern.trim().is_empty() {
            return Ok(Self(None));
        }
        let mut parser = Parser { rest: pattern };
        let condition = parser.pattern();
        let condition = condition.map_err(|problem| error(pattern, problem))?;
        Ok(Self(Some(condition)))
    }

    /// Whether the log event `line` matches. A line that is not JSON matches the empty pattern only.
    #[must_use]
    pub fn matches(&self, line: &str) -> bool {
        let Some(condition) = &self.0 else {
            return true;
        };
        serde_json::from_str(line).is_ok_and(|event| condition.holds(&event))
    }
}

impl Condition {
    fn holds(&self, event: &Value) -> bool {
        match self {
            Self::Any(conditions) => conditions.iter().any(|one| one.holds(event)),
            Self::All(conditions) => conditions.iter().all(|one| one.holds(event)),
            Self::Is(selector, value) => selector.select(event) == Some(value),
            Self::NotExists(selector) => selector.select(event).is_none(),
            Self::Equals(selector, term) => term.equals(selector.select(event)) == Some(true),
            Self::Differs(selector, term) => term.equals(selector.select(event)) == Some(false),
            Self::Compares(selector, order, number) => {
                let field = selector.select(event).and_then(Value::as_f64);
                field.is_some_and(|field| match order {
                    Order::Less => field < *number,
                    Order::LessOrEqual => field <= *number,
                    Order::Greater => field > *number,
                    Order::GreaterOrEqual => field >= *number,
                })
            }
        }
    }
}

impl Term {
    /// Whether the field equals this term; none if the field is neither a string nor a number.
    fn equals(&self, field: Option<&Value>) -> Option<bool> {
        match (field?, self.number) {
            (Value::Number(field), Some(number)) => Some(field.as_f64() == Some(number)),
            (Value::Number(field), None) => Some(self.matches_text(&field.to_string())),
            (Value::String(field), _) => Some(self.matches_text(field)),
            _ => None,
        }
    }

    fn matches_text(&self, text: &str) -> bool {
        let pattern = self.text.as_str();
        match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            _ if pattern == "*" => true,
            (Some(rest), Some(_)) => text.contains(&rest[..rest.len() - 1]),
            (Some(end), None) => text.ends_with(end),
            (None, Some(start)) => text.starts_with(start),
            (None, None) => text == pattern,
        }
    }
}

impl Selector {
    /// Reads a selector that stands alone, as in the value of a metric.
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parser = Parser { rest: text };
        let selector = parser.selector().and_then(|selector| {
            parser.end()?;
            Ok(selector)
        });
        selector.map_err(|problem| error(text, problem))
    }

    pub(crate) fn select<'a>(&self, event: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(event, |value, step| match step {
            Step::Member(name) => value.as_object()?.get(name),
            Step::Element(index) => value.as_array()?.get(*index),
        })
    }
}

fn error(pattern: &str, problem: String) -> PatternError {
    PatternError {
        pattern: pattern.to_owned(),
        problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{
        "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": null, "ThisFlag": true,
        "cluster.name": "c", "status": "429", "code": 429, "ratio": 12.0, "star": "Ev*ent", "empty": "",
        "quote": "say \"hi\"", "detail-type": "Order", "negative": -5
    }"#;

    #[track_caller]
    fn check(pattern: &str, expected: bool) {
        let pattern = FilterPattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(EVENT), expected);
    }

    #[track_caller]
    fn matches(patterns: &[&str]) {
        for pattern in patterns {
            let parsed = FilterPattern::parse(pattern).unwrap();
            assert!(parsed.matches(EVENT), "{pattern} does not match");
        }
    }

    #[track_caller]
    fn matches_not(patterns: &[&str]) {
        for pattern in patterns {
            let parsed = FilterPattern::parse(pattern).unwrap();
            assert!(!parsed.matches(EVENT), "{pattern} matches");
        }
    }

    #[test]
    fn the_examples_of_the_documentation_match() {
        matches(&[
            r#"{ $.eventType = "UpdateTrail" }"#,
            "{ $.sourceIPAddress != 123.123.* }",
            r#"{ $.arrayKey[0] = "value" }"#,
            "{ $.objectList[1].id = 2 }",
            "{ $.SomeObject IS NULL }",
            "{ $.SomeOtherObject NOT EXISTS }",
            "{ $.ThisFlag IS TRUE }",
            "{ $.['cluster.name'] = \"c\" }",
            "{$.detail-type =\"Order\"}",
        ]);
        matches_not(&[
            "{ $.arrayKey[2] = \"value\" }",
            "{ $.SomeOtherObject IS NULL }",
            "{ $.SomeObject NOT EXISTS }",
            "{ $.ThisFlag IS FALSE }",
        ]);
    }

    #[test]
    fn text_is_compared_exactly() {
        matches(&[
            "{ $.eventType = UpdateTrail }",
            r#"{ $.quote = "say \"hi\"" }"#,
        ]);
        matches_not(&[
            "{ $.eventType = updateTrail }",
            r#"{ $.eventType = "Update" }"#,
        ]);
    }

    #[test]
    fn a_wildcard_counts_at_the_start_and_at_the_end() {
        matches(&[
            r#"{ $.eventType = "Update*" }"#,
            r#"{ $.eventType = "*Trail" }"#,
            r#"{ $.eventType = "*dateTr*" }"#,
            "{ $.empty = * }",
            r#"{ $.code = "4*" }"#,
            r#"{ $.star = "Ev*ent" }"#,
            r#"{ $.eventType != "Upd*ail" }"#,
        ]);
        matches_not(&[
            r#"{ $.eventType = "Upd*ail" }"#,
            r#"{ $.eventType != "Up*" }"#,
        ]);
    }

    #[test]
    fn a_quoted_number_is_text_and_an_unquoted_one_is_both() {
        matches(&[
            r#"{ $.status = "429" }"#,
            "{ $.status = 429 }",
            r#"{ $.code = "429" }"#,
            "{ $.code = 429.0 }",
            "{ $.code = 4.29e2 }",
            "{ $.ratio = 12 }",
            r#"{ $.ratio != "12" }"#,
            "{ $.negative = -5 }",
        ]);
        matches_not(&[
            r#"{ $.status = "500" }"#,
            "{ $.status = 429.0 }",
            "{ $.status != 429 }",
            r#"{ $.code != "429" }"#,
        ]);
    }

    #[test]
    fn an_order_compares_numbers_only() {
        matches(&[
            "{ $.code >= 429 }",
            "{ $.code <= 429 }",
            "{ $.code > +4e2 }",
            "{ $.code < 500 }",
        ]);
        matches_not(&[
            "{ $.code > 429 }",
            "{ $.code < 429 }",
            "{ $.status >= 1 }",
            "{ $.none < 1 }",
        ]);
    }

    #[test]
    fn only_strings_and_numbers_can_equal_or_differ() {
        for field in [
            "none",
            "SomeObject",
            "ThisFlag",
            "arrayKey",
            "objectList[0]",
        ] {
            check(&format!("{{ $.{field} = \"a\" }}"), false);
            check(&format!("{{ $.{field} != \"a\" }}"), false);
            check(&format!("{{ $.{field} != 1 }}"), false);
        }
    }

    #[test]
    fn and_binds_stronger_than_or() {
        matches(&[
            r#"{ $.code = 429 || $.code = 1 && $.code = 2 }"#,
            r#"{ ($.code = 429) && ($.status = "429") }"#,
        ]);
        matches_not(&[r#"{ ($.code = 429 || $.code = 1) && $.code = 2 }"#]);
    }

    #[test]
    fn the_empty_pattern_matches_everything_and_others_only_json() {
        assert!(FilterPattern::parse("").unwrap().matches("START"));
        let pattern = FilterPattern::parse("{ $.a NOT EXISTS }").unwrap();
        assert!(!pattern.matches("START"));
        assert!(pattern.matches("{}"));
    }

    #[track_caller]
    fn rejected(pattern: &str, problem: &str) {
        let error = FilterPattern::parse(pattern).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("filter pattern {pattern}: {problem}")
        );
    }

    #[test]
    fn names_what_it_does_not_support() {
        rejected("ERROR", "only patterns for JSON are supported");
        rejected("[ip, status]", "only patterns for JSON are supported");
        rejected("{ $.a = %x% }", "expected a term before `%x% }`");
        rejected("{ $.a[*] = 1 }", "expected an index before `*] = 1 }`");
        rejected(
            "{ $.* = 1 }",
            "expected the name of a member before `* = 1 }`",
        );
        rejected("{ $.a EXISTS }", "expected an operator before `EXISTS }`");
        rejected("{ $.a IS 1 }", "expected NULL, TRUE or FALSE before `1 }`");
        rejected(r#"{ $.a > "1" }"#, "> needs an unquoted number");
        rejected("{ $.a >= b }", ">= needs an unquoted number");
        rejected("{ $.a = inf*x y }", "expected } before `y }`");
        rejected("{ ($.a = 1 }", "expected ) before `}`");
        rejected("{ $.a = 1 } x", "expected the end before `x`");
        rejected("{ a = 1 }", "expected $ before `a = 1 }`");
        rejected("{ $.a = \"b }", "a quoted term has no end");
    }
}
