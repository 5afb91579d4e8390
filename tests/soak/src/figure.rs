//! A number that a trial has measured, and what it must be.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// A number that a trial has measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What it counts, with its unit.
    pub text: String,
    /// The number.
    pub value: f64,
    /// What it must be. Without a bound, it says only how large the trial was, or how the machine behaved.
    pub bound: Option<Bound>,
}

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// This or more.
    AtLeast(f64),
}

impl Figure {
    /// A figure without a bound.
    pub fn new(text: impl Into<String>, value: impl Number) -> Self {
        Self {
            text: text.into(),
            value: value.number(),
            bound: None,
        }
    }

    /// A count of what must not happen.
    pub fn none_of(text: impl Into<String>, count: usize) -> Self {
        Self::new(text, count).at_most(0.0)
    }

    /// The same figure, which must be this or less.
    #[must_use]
    pub fn at_most(self, limit: f64) -> Self {
        Self {
            bound: Some(Bound::AtMost(limit)),
            ..self
        }
    }

    /// The same figure, which must be this or more.
    #[must_use]
    pub fn at_least(self, limit: f64) -> Self {
        Self {
            bound: Some(Bound::AtLeast(limit)),
            ..self
        }
    }

    /// Whether it is as it must be.
    #[must_use]
    pub fn is_met(&self) -> bool {
        match self.bound {
            None => true,
            Some(Bound::AtMost(limit)) => self.value <= limit,
            Some(Bound::AtLeast(limit)) => self.value >= limit,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.text, shown(self.value))?;
        match self.bound {
            None => Ok(()),
            Some(bound) if self.is_met() => write!(f, " ({bound})"),
            Some(bound) => write!(f, " (NOT {bound})"),
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {}", shown(*limit)),
            Self::AtLeast(limit) => write!(f, "≥ {}", shown(*limit)),
        }
    }
}

/// A number as it is printed: whole, or with three digits.
pub(crate) fn shown(value: f64) -> String {
    if value.fract() == 0.0 || value.abs() >= 100.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// What a figure can be made of.
pub trait Number {
    /// The number; of a duration, the milliseconds.
    fn number(self) -> f64;
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

impl Number for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Number for Duration {
    fn number(self) -> f64 {
        self.as_secs_f64() * 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_met_up_to_its_bound() {
        let figure = |value: f64| Figure::new("things", value);
        assert!(figure(7.0).is_met());
        assert!(figure(7.0).at_most(7.0).is_met());
        assert!(!figure(7.1).at_most(7.0).is_met());
        assert!(figure(7.0).at_least(7.0).is_met());
        assert!(!figure(6.9).at_least(7.0).is_met());
        assert!(!figure(f64::NAN).at_most(7.0).is_met());
        assert!(Figure::none_of("losses", 0).is_met());
        assert!(!Figure::none_of("losses", 1).is_met());
    }

    #[test]
    fn a_figure_says_whether_it_is_met() {
        let figure = Figure::new("slowest answer, ms", Duration::from_micros(12_340));
        assert_eq!(figure.to_string(), "slowest answer, ms: 12.3");
        let figure = figure.at_most(12.0);
        assert_eq!(figure.to_string(), "slowest answer, ms: 12.3 (NOT ≤ 12)");
        assert_eq!(Figure::none_of("losses", 0).to_string(), "losses: 0 (≤ 0)");
    }
}
