//! Metric math: expressions over series, for example `FILL(errors, 0) / requests * 100`.
//!
//! Follows AWS's page "Using math expressions with CloudWatch metrics". Supported are numbers, ids, the operators
//! `+ - * / < > <= >= == != AND && OR ||`, lists, and the functions `FILL`, `IF`, `SUM`, `MAX` and `MIN`. Everything else is an
//! error. The page does not say how operators bind. Here they bind as in other languages: unary minus, `* /`, `+ -`,
//! comparisons, `AND`, `OR`.
//!
//! What happens to missing values:
//!
//! - An operator between a series and a number has a value where the series has one.
//! - An operator between two series has a value where one of them has a value, and takes the other as 0; see
//!   [`OneSided`](crate::OneSided).
//! - A division by zero has no value.
//! - `IF` has no value where the condition has none, and none where the chosen series has none. One exception is documented: if
//!   a series is the condition, and is true where the second argument has no value, the result is 0.
//! - A list's `SUM`, `MAX` and `MIN` skip the series that have no value at that time.
//! - `FILL` fills every missing value of the range; see [`FillOfNothing`](crate::FillOfNothing). `REPEAT` repeats the value
//!   before, so the values before the first one stay missing.

mod evaluation;
mod parser;

use std::collections::BTreeSet;

use thiserror::Error;

use crate::assumptions::Assumptions;

/// One value for each period, the oldest first; none where the value is missing.
pub type Series = Vec<Option<f64>>;

/// Why an expression cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MathError {
    /// The expression breaks the syntax.
    #[error("expected {expected} before `{rest}`")]
    Syntax {
        /// What should be there.
        expected: String,
        /// What is there.
        rest: String,
    },
    /// The expression uses a function or operator of metric math that is not supported.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// No metric or expression has this id.
    #[error("no metric or expression has the id {0}")]
    UnknownId(String),
    /// The result must be one series, and is a number or a list.
    #[error("the result is {0} instead of one series")]
    NoSeries(&'static str),
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression(Term);

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Number(f64),
    Id(String),
    List(Vec<Term>),
    Negative(Box<Term>),
    Binary(Operator, Box<[Term; 2]>),
    Fill(Box<Term>, Filler),
    If(Box<[Term; 2]>, Option<Box<Term>>),
    Aggregate(Aggregate, Box<Term>),
}

#[derive(Debug, Clone, PartialEq)]
enum Filler {
    Value(Box<Term>),
    Repeat,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Aggregate {
    Sum,
    Max,
    Min,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// If the expression breaks the syntax, or uses a function or operator that is not supported.
    pub fn parse(text: &str) -> Result<Self, MathError> {
        parser::parse(text).map(Self)
    }

    /// The ids that the expression refers to.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<&str> {
        let mut ids = BTreeSet::new();
        self.0.collect_ids(&mut ids);
        ids
    }

    /// The expression's series over a range of `periods` periods. `series` gives the series behind an id, over the same range.
    ///
    /// # Errors
    ///
    /// If an id is unknown, if the arguments of a function or operator are of a kind that is not supported, or if the result
    /// is not one series. None of these depends on the values in the series.
    pub fn evaluate(
        &self,
        series: &dyn Fn(&str) -> Option<Series>,
        periods: usize,
        assumptions: Assumptions,
    ) -> Result<Series, MathError> {
        evaluation::Evaluation {
            series,
            periods,
            assumptions,
        }
        .result(&self.0)
    }
}

impl Term {
    fn collect_ids<'a>(&'a self, ids: &mut BTreeSet<&'a str>) {
        let parts: Vec<&Self> = match self {
            Self::Number(_) => vec![],
            Self::Id(id) => {
                ids.insert(id);
                vec![]
            }
            Self::List(terms) => terms.iter().collect(),
            Self::Negative(term) | Self::Aggregate(_, term) => vec![term],
            Self::Binary(_, operands) => operands.iter().collect(),
            Self::Fill(term, Filler::Repeat) => vec![term],
            Self::Fill(term, Filler::Value(value)) => vec![term, value],
            Self::If(terms, otherwise) => terms.iter().chain(otherwise.as_deref()).collect(),
        };
        for part in parts {
            part.collect_ids(ids);
        }
    }
}

#[cfg(test)]
mod tests;
