//! Evaluates expressions of metric math.

use super::{Aggregate, Filler, MathError, Operator, Series, Term};
use crate::assumptions::{Assumptions, FillOfNothing, OneSided};

/// What a term evaluates to. The kind depends on the expression alone, never on the values.
enum Value {
    /// A number; none if it is an aggregate of a series without values.
    Number(Option<f64>),
    Series(Series),
    List(Vec<Series>),
}

pub(super) struct Evaluation<'a> {
    pub(super) series: &'a dyn Fn(&str) -> Option<Series>,
    pub(super) periods: usize,
    pub(super) assumptions: Assumptions,
}

impl Evaluation<'_> {
    pub(super) fn result(&self, term: &Term) -> Result<Series, MathError> {
        match self.value(term)? {
            Value::Series(series) => Ok(series),
            other => Err(MathError::NoSeries(other.kind())),
        }
    }

    fn value(&self, term: &Term) -> Result<Value, MathError> {
        match term {
            Term::Number(number) => Ok(Value::Number(Some(*number))),
            Term::Id(id) => {
                let series = (self.series)(id);
                let series = series.ok_or_else(|| MathError::UnknownId(id.clone()))?;
                debug_assert_eq!(series.len(), self.periods, "the series of {id}");
                Ok(Value::Series(series))
            }
            Term::List(terms) => {
                let series = terms.iter().map(|term| match self.value(term)? {
                    Value::Series(series) => Ok(series),
                    other => unsupported(format!("{} in a list", other.kind())),
                });
                series.collect::<Result<_, _>>().map(Value::List)
            }
            Term::Negative(term) => match self.value(term)? {
                Value::Number(number) => Ok(Value::Number(number.map(|number| -number))),
                Value::Series(series) => {
                    let values = series.into_iter().map(|value| value.map(|value| -value));
                    Ok(Value::Series(values.collect()))
                }
                Value::List(_) => unsupported("an operator on a list".into()),
            },
            Term::Binary(operator, operands) => {
                let [left, right] = &**operands;
                self.binary(*operator, self.value(left)?, self.value(right)?)
            }
            Term::Fill(term, filler) => self.fill(self.value(term)?, filler),
            Term::If(terms, otherwise) => {
                let [condition, then] = &**terms;
                let otherwise = otherwise.as_deref();
                let otherwise = otherwise.map(|term| self.value(term)).transpose()?;
                self.choose(
                    self.value(condition)?,
                    &self.value(then)?,
                    otherwise.as_ref(),
                )
            }
            Term::Aggregate(aggregate, term) => match self.value(term)? {
                Value::Series(series) => {
                    let values = series.into_iter().flatten();
                    Ok(Value::Number(aggregate.of(values)))
                }
                Value::List(list) => {
                    let at = |period| list.iter().filter_map(move |series| series[period]);
                    let values = (0..self.periods).map(|period| aggregate.of(at(period)));
                    Ok(Value::Series(values.collect()))
                }
                Value::Number(_) => unsupported("SUM, MAX or MIN of a number".into()),
            },
        }
    }

    fn binary(&self, operator: Operator, left: Value, right: Value) -> Result<Value, MathError> {
        let series =
            |values: &mut dyn Iterator<Item = Option<f64>>| Ok(Value::Series(values.collect()));
        let both = |left: Option<f64>, right: Option<f64>| operator.apply(left?, right?);
        match (left, right) {
            (Value::Number(left), Value::Number(right)) => Ok(Value::Number(both(left, right))),
            (Value::Series(left), Value::Number(right)) => {
                series(&mut left.into_iter().map(|left| both(left, right)))
            }
            (Value::Number(left), Value::Series(right)) => {
                series(&mut right.into_iter().map(|right| both(left, right)))
            }
            (Value::Series(left), Value::Series(right)) => {
                let pairs = left.into_iter().zip(right);
                series(
                    &mut pairs.map(|pair| match (pair, self.assumptions.one_sided) {
                        ((Some(left), None), OneSided::Zero) => operator.apply(left, 0.0),
                        ((None, Some(right)), OneSided::Zero) => operator.apply(0.0, right),
                        ((left, right), _) => both(left, right),
                    }),
                )
            }
            (Value::List(_), _) | (_, Value::List(_)) => {
                unsupported("an operator on a list".into())
            }
        }
    }

    fn fill(&self, value: Value, filler: &Filler) -> Result<Value, MathError> {
        let number = match filler {
            Filler::Repeat => None,
            Filler::Value(term) => match self.value(term)? {
                Value::Number(number) => Some(number),
                other => return unsupported(format!("FILL with {}", other.kind())),
            },
        };
        let fill = |series: Series| -> Series {
            let is_empty = series.iter().all(Option::is_none);
            if is_empty && self.assumptions.fill_of_nothing == FillOfNothing::Empty {
                return series;
            }
            let mut before = None;
            let values = series.into_iter().map(|value| {
                before = value.or(number.unwrap_or(before));
                before
            });
            values.collect()
        };
        match value {
            Value::Series(series) => Ok(Value::Series(fill(series))),
            Value::List(list) => Ok(Value::List(list.into_iter().map(fill).collect())),
            Value::Number(_) => unsupported("FILL of a number".into()),
        }
    }

    fn choose(
        &self,
        condition: Value,
        then: &Value,
        otherwise: Option<&Value>,
    ) -> Result<Value, MathError> {
        let at = |value: &Value, period: usize| match value {
            Value::Number(number) => *number,
            Value::Series(series) => series[period],
            Value::List(_) => None,
        };
        let branches = || otherwise.into_iter().chain([then]);
        if branches().any(|branch| matches!(branch, Value::List(_))) {
            return unsupported("IF of a list".into());
        }
        let is_series = |value: &Value| matches!(value, Value::Series(_));
        // what a true condition yields if the chosen series has no value
        let (conditions, absent) = match condition {
            Value::Series(conditions) => (conditions, Some(0.0)),
            Value::Number(condition) if branches().all(is_series) => {
                (vec![condition; self.periods], None)
            }
            other => return unsupported(format!("IF of {} and a number", other.kind())),
        };
        let values = conditions.into_iter().enumerate();
        let values = values.map(|(period, condition)| {
            if condition? == 0.0 {
                at(otherwise?, period)
            } else {
                at(then, period).or(absent)
            }
        });
        Ok(Value::Series(values.collect()))
    }
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Series(_) => "a series",
            Self::List(_) => "a list",
        }
    }
}

impl Aggregate {
    fn of(self, values: impl Iterator<Item = f64>) -> Option<f64> {
        values.reduce(match self {
            Self::Sum => |sum, value| sum + value,
            Self::Max => f64::max,
            Self::Min => f64::min,
        })
    }
}

impl Operator {
    /// The result; none for a division by zero.
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let truth = |holds: bool| Some(f64::from(u8::from(holds)));
        match self {
            Self::Add => Some(left + right),
            Self::Subtract => Some(left - right),
            Self::Multiply => Some(left * right),
            Self::Divide => (right != 0.0).then(|| left / right),
            Self::Less => truth(left < right),
            Self::Greater => truth(left > right),
            Self::LessOrEqual => truth(left <= right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::Equal => truth(left == right),
            Self::NotEqual => truth(left != right),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Or => truth(left != 0.0 || right != 0.0),
        }
    }
}

fn unsupported<T>(what: String) -> Result<T, MathError> {
    Err(MathError::Unsupported(what))
}
