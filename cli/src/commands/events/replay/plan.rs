//! What a replay does, for the question before it and for the report after it.

use std::fmt;

use aws_sdk_eventbridge::types::Rule;
use jiff::Timestamp;
use serde::Serialize;

use super::super::bus::is_enabled;
use crate::moment::second;

/// What a replay does.
#[derive(Serialize)]
pub struct Plan {
    pub archive: String,
    pub bus: String,
    pub from: Timestamp,
    pub to: Timestamp,
    /// The rules that get the events, as far as their patterns select them.
    pub rules: Vec<RuleOfPlan>,
    /// Whether some events may not be in the archive yet.
    pub may_be_incomplete: bool,
    pub dry_run: bool,
    pub name: Option<String>,
    pub state: Option<String>,
    pub state_reason: Option<String>,
}

#[derive(Serialize)]
pub struct RuleOfPlan {
    name: String,
    enabled: bool,
}

impl RuleOfPlan {
    pub fn of(rule: &Rule) -> Self {
        Self {
            name: rule.name().unwrap_or_default().into(),
            enabled: is_enabled(rule),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "Events of the archive {} from {} to {} are published again on the bus {}.",
            self.archive,
            second(self.from),
            second(self.to),
            self.bus
        )?;
        if self.rules.is_empty() {
            writeln!(f, "The bus has no rule, so nobody gets them.")?;
        } else {
            writeln!(f, "The consumers behind these rules get them again:")?;
        }
        for rule in &self.rules {
            let note = if rule.enabled {
                ""
            } else {
                " (disabled: it gets nothing)"
            };
            writeln!(f, "  {}{note}", rule.name)?;
        }
        if self.may_be_incomplete {
            writeln!(
                f,
                "Events of the last ten minutes may not be in the archive yet."
            )?;
        }
        if self.dry_run {
            writeln!(f, "Nothing was published.")?;
        }
        let Some(name) = &self.name else {
            return Ok(());
        };
        let state = self.state.as_deref().unwrap_or("unknown");
        writeln!(f, "Replay {name}: {state}")?;
        if let Some(reason) = &self.state_reason {
            writeln!(f, "  {reason}")?;
        }
        Ok(())
    }
}
