//! Reads filter patterns.

use serde_json::Value;

use super::{Condition, Order, Selector, Step, Term};

/// Reads a pattern from left to right. `&&` binds stronger than `||`.
pub(super) struct Parser<'a> {
    pub(super) rest: &'a str,
}

impl<'a> Parser<'a> {
    pub(super) fn pattern(&mut self) -> Result<Condition, String> {
        if !self.accept("{") {
            return Err("only patterns for JSON are supported".into());
        }
        let condition = self.any()?;
        self.expect("}")?;
        self.end()?;
        Ok(condition)
    }

    fn any(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.all()?];
        while self.accept("||") {
            conditions.push(self.all()?);
        }
        Ok(Condition::Any(conditions))
    }

    fn all(&mut self) -> Result<Condition, String> {
        let mut conditions = vec![self.condition()?];
        while self.accept("&&") {
            conditions.push(self.condition()?);
        }
        Ok(Condition::All(conditions))
    }

    fn condition(&mut self) -> Result<Condition, String> {
        if self.accept("(") {
            let condition = self.any()?;
            self.expect(")")?;
            return Ok(condition);
        }
        let selector = self.selector()?;
        if self.accept("NOT") {
            self.expect("EXISTS")?;
            return Ok(Condition::NotExists(selector));
        }
        if self.accept("IS") {
            let values = [
                ("NULL", Value::Null),
                ("TRUE", true.into()),
                ("FALSE", false.into()),
            ];
            let value = values.into_iter().find(|(name, _)| self.accept(name));
            let (_, value) = value.ok_or_else(|| self.unexpected("NULL, TRUE or FALSE"))?;
            return Ok(Condition::Is(selector, value));
        }
        let orders = [
            ("<=", Order::LessOrEqual),
            (">=", Order::GreaterOrEqual),
            ("<", Order::Less),
            (">", Order::Greater),
        ];
        if self.accept("!=") {
            return Ok(Condition::Differs(selector, self.term()?));
        }
        if self.accept("=") {
            return Ok(Condition::Equals(selector, self.term()?));
        }
        let order = orders.into_iter().find(|(name, _)| self.accept(name));
        let (name, order) = order.ok_or_else(|| self.unexpected("an operator"))?;
        let term = self.term()?;
        let number = term.number;
        let number = number.ok_or_else(|| format!("{name} needs an unquoted number"))?;
        Ok(Condition::Compares(selector, order, number))
    }

    pub(super) fn selector(&mut self) -> Result<Selector, String> {
        self.expect("$")?;
        let mut steps = Vec::new();
        loop {
            if let Some(rest) = self
                .rest
                .strip_prefix("['")
                .or(self.rest.strip_prefix(".['"))
            {
                let (name, rest) = rest.split_once("']").ok_or("a selector lacks ']")?;
                steps.push(Step::Member(name.to_owned()));
                self.rest = rest;
            } else if let Some(rest) = self.rest.strip_prefix('[') {
                self.rest = rest;
                let digits = self.take(|c| c.is_ascii_digit());
                let index = digits.parse();
                steps.push(Step::Element(
                    index.map_err(|_| self.unexpected("an index"))?,
                ));
                self.expect("]")?;
            } else if let Some(rest) = self.rest.strip_prefix('.') {
                self.rest = rest;
                let name = self.take(|c| c.is_alphanumeric() || "-_".contains(c));
                if name.is_empty() {
                    return Err(self.unexpected("the name of a member"));
                }
                steps.push(Step::Member(name.to_owned()));
            } else if steps.is_empty() {
                return Err(self.unexpected("the name of a member"));
            } else {
                return Ok(Selector(steps));
            }
        }
    }

    fn term(&mut self) -> Result<Term, String> {
        if self.accept("\"") {
            return self.quoted();
        }
        let text = self.take(|c| c.is_ascii_alphanumeric() || "*.+-_".contains(c));
        if text.is_empty() {
            return Err(self.unexpected("a term"));
        }
        Ok(Term {
            text: text.to_owned(),
            number: number(text),
        })
    }

    fn quoted(&mut self) -> Result<Term, String> {
        let mut text = String::new();
        let mut characters = self.rest.chars();
        loop {
            match characters.next() {
                Some('"') => break,
                Some('\\') => text.extend(characters.next()),
                Some(character) => text.push(character),
                None => return Err("a quoted term has no end".into()),
            }
        }
        self.rest = characters.as_str();
        Ok(Term { text, number: None })
    }

    fn accept(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.accept(token) {
            return Ok(());
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

    pub(super) fn end(&self) -> Result<(), String> {
        if self.rest.trim().is_empty() {
            return Ok(());
        }
        Err(self.unexpected("the end"))
    }

    fn unexpected(&self, expected: &str) -> String {
        format!("expected {expected} before `{}`", self.rest.trim())
    }
}

/// An integer or a decimal with an optional sign and exponent. Rust would also take `inf` and `nan`.
fn number(text: &str) -> Option<f64> {
    let is_number = text
        .chars()
        .all(|c| c.is_ascii_digit() || "+-.eE".contains(c));
    is_number.then(|| text.parse().ok()).flatten()
}
