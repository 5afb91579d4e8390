//! A judgement about one thing of the stack.

use std::fmt;

use serde::Serialize;

use crate::error::ToolError;

/// How a thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// It is as it should be.
    Good,
    /// It is not. Somebody has to do something.
    Bad,
    /// Nobody could find out.
    Unknown,
    /// There is nothing to judge.
    Skipped,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Unknown => "?",
            Self::Skipped => "–",
        })
    }
}

/// What was found, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub mark: Mark,
    pub found: String,
    pub remedy: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn good(found: impl Into<String>) -> Self {
        Self::new(Mark::Good, found.into(), None)
    }

    /// It is not, and this helps.
    pub fn bad(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Mark::Bad, found.into(), Some(remedy.into()))
    }

    /// Nobody could find out, and this helps.
    pub fn unknown(found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(Mark::Unknown, found.into(), Some(remedy.into()))
    }

    /// There is nothing to judge, for this reason.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self::new(Mark::Skipped, reason.into(), None)
    }

    /// The tool itself could not look, so that it does not know.
    pub fn not_looked(error: &ToolError) -> Self {
        let found = error.to_string();
        let remedy = match error.remedy() {
            Some(remedy) => remedy.to_owned(),
            None if is_denial(&found) => {
                "give your own user or role the permission for this call".into()
            }
            None => "run the command again".into(),
        };
        Self::unknown(found, remedy)
    }

    fn new(mark: Mark, found: String, remedy: Option<String>) -> Self {
        Self {
            mark,
            found,
            remedy,
        }
    }
}

/// Whether a text about a failed call says that a permission is missing.
pub(crate) fn is_denial(text: &str) -> bool {
    let codes = ["AccessDenied", "not authorized", "AuthorizationError"];
    codes.iter().any(|code| text.contains(code))
}

/// What all marks together say, in one line.
pub(crate) fn summary(marks: impl Iterator<Item = Mark>) -> String {
    let (mut bad, mut unknown) = (0, 0);
    for mark in marks {
        match mark {
            Mark::Bad => bad += 1,
            Mark::Unknown => unknown += 1,
            Mark::Good | Mark::Skipped => {}
        }
    }
    let unknown = match unknown {
        0 => String::new(),
        unknown => format!(", {unknown} unknown"),
    };
    match bad {
        0 if unknown.is_empty() => "all is well".into(),
        0 => format!("nothing bad was found{unknown}"),
        1 => format!("1 thing needs attention{unknown}"),
        bad => format!("{bad} things need attention{unknown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_well() {
        use Mark::{Bad, Good, Skipped, Unknown};
        for (marks, expected) in [
            (&[Good, Skipped, Good][..], "all is well"),
            (&[Good, Unknown], "nothing bad was found, 1 unknown"),
            (&[Bad, Good], "1 thing needs attention"),
            (
                &[Bad, Unknown, Bad, Unknown],
                "2 things need attention, 2 unknown",
            ),
        ] {
            assert_eq!(summary(marks.iter().copied()), expected);
        }
    }

    #[test]
    fn what_could_not_be_looked_at_is_unknown_with_a_remedy() {
        let denied = ToolError::Failed("DescribeKey failed: AccessDeniedException".into());
        let finding = Finding::not_looked(&denied);
        assert_eq!(finding.mark, Mark::Unknown);
        assert!(finding.remedy.unwrap().contains("permission"));
        let slow = ToolError::Failed("no answer within 20 s".into());
        assert!(Finding::not_looked(&slow).remedy.unwrap().contains("again"));
    }
}
