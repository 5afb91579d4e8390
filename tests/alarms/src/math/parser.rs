//! Reads expressions of metric math.

use super::{Aggregate, Filler, MathError, Operator, Term};

/// The binary operators, by how strongly they bind, the weakest first. A longer operator comes before its prefix.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[("||", Operator::Or), ("OR", Operator::Or)],
    &[("&&", Operator::And), ("AND", Operator::And)],
    &[
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

pub(super) fn parse(text: &str) -> Result<Term, MathError> {
    let mut parser = Parser { rest: text };
    let term = parser.binary(LEVELS)?;
    if parser.accept("^") {
        return Err(MathError::Unsupported("operator ^".into()));
    }
    if !parser.rest.trim().is_empty() {
        return Err(parser.unexpected("the end"));
    }
    Ok(term)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// A term whose operators are on one of these levels. Operators of one level are evaluated from left to right.
    fn binary(&mut self, levels: &[&[(&str, Operator)]]) -> Result<Term, MathError> {
        let Some((level, stronger)) = levels.split_first() else {
            return self.operand();
        };
        let mut left = self.binary(stronger)?;
        while let Some((_, operator)) = level.iter().find(|(name, _)| self.accept(name)) {
            let right = self.binary(stronger)?;
            left = Term::Binary(*operator, Box::new([left, right]));
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Term, MathError> {
        if self.accept("-") {
            return Ok(Term::Negative(Box::new(self.operand()?)));
        }
        if self.accept("(") {
            let term = self.binary(LEVELS)?;
            self.expect(")")?;
            return Ok(term);
        }
        if self.accept("[") {
            return self.list();
        }
        let start = self.rest;
        let word =
            self.take(|character| character.is_ascii_alphanumeric() || "._".contains(character));
        match word.chars().next() {
            Some(first) if first.is_ascii_lowercase() && !word.contains('.') => {
                Ok(Term::Id(word.to_owned()))
            }
            Some(first) if first.is_ascii_uppercase() => self.function(word),
            Some(first) if first.is_ascii_digit() || first == '.' => {
                let number = word.parse();
                number
                    .map(Term::Number)
                    .map_err(|_| syntax("a number", start))
            }
            _ => Err(syntax("a number, an id or a function", start)),
        }
    }

    fn list(&mut self) -> Result<Term, MathError> {
        let mut terms = vec![self.binary(LEVELS)?];
        while self.accept(",") {
            terms.push(self.binary(LEVELS)?);
        }
        self.expect("]")?;
        Ok(Term::List(terms))
    }

    fn function(&mut self, name: &str) -> Result<Term, MathError> {
        let aggregate = match name {
            "SUM" => Some(Aggregate::Sum),
            "MAX" => Some(Aggregate::Max),
            "MIN" => Some(Aggregate::Min),
            "FILL" | "IF" => None,
            _ => return Err(MathError::Unsupported(name.into())),
        };
        self.expect("(")?;
        let first = Box::new(self.binary(LEVELS)?);
        let term = match (aggregate, name) {
            (Some(aggregate), _) => Term::Aggregate(aggregate, first),
            (None, "FILL") => {
                self.expect(",")?;
                Term::Fill(first, self.filler()?)
            }
            (None, _) => {
                self.expect(",")?;
                let second = self.binary(LEVELS)?;
                let has_third = self.accept(",");
                let third = has_third.then(|| self.binary(LEVELS)).transpose()?;
                Term::If(Box::new([*first, second]), third.map(Box::new))
            }
        };
        self.expect(")")?;
        Ok(term)
    }

    fn filler(&mut self) -> Result<Filler, MathError> {
        if self.accept("REPEAT") {
            return Ok(Filler::Repeat);
        }
        if self.accept("LINEAR") {
            return Err(MathError::Unsupported("FILL with LINEAR".into()));
        }
        Ok(Filler::Value(Box::new(self.binary(LEVELS)?)))
    }

    /// Takes `token` if it comes next. A token of letters must be a whole word.
    fn accept(&mut self, token: &str) -> bool {
        let is_word = token.starts_with(|first: char| first.is_alphabetic());
        let rest = self.rest.trim_start().strip_prefix(token);
        let continues =
            |rest: &str| rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        let rest = rest.filter(|rest| !(is_word && continues(rest)));
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), MathError> {
        if self.accept(token) {
            return Ok(());
        }
        if self.accept("^") {
            return Err(MathError::Unsupported("operator ^".into()));
        }
        Err(self.unexpected(token))
    }

    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|character| !belongs(character));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn unexpected(&self, expected: &str) -> MathError {
        syntax(expected, self.rest)
    }
}

fn syntax(expected: &str, rest: &str) -> MathError {
    MathError::Syntax {
        expected: expected.to_owned(),
        rest: rest.trim().to_owned(),
    }
}
