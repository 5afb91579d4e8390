//! Expressions: conditions and updates, and the placeholders in them.
//!
//! Follows <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html>. Where that page is
//! silent, it does what AWS is known to do: errors in an expression are found before any item is read, function names
//! are case-sensitive and keywords are not, and a missing attribute is equal to nothing.

mod condition;
mod condition_parser;
mod lexer;
mod parser;
mod placeholders;
mod reserved;
mod update;
mod update_parser;

pub(crate) use condition::Condition;
pub(crate) use placeholders::Placeholders;
pub(crate) use update::Update;

use crate::error::Error;
use parser::Parser;

/// Reads a `ConditionExpression`.
pub(crate) fn condition(text: &str, placeholders: &mut Placeholders) -> Result<Condition, Error> {
    let parse = condition_parser::condition;
    whole("ConditionExpression", text, placeholders, parse)
}

/// Reads an `UpdateExpression`.
pub(crate) fn update(text: &str, placeholders: &mut Placeholders) -> Result<Update, Error> {
    whole(
        "UpdateExpression",
        text,
        placeholders,
        update_parser::update,
    )
}

/// Reads an expression to its end; an error names the parameter.
fn whole<T>(
    parameter: &str,
    text: &str,
    placeholders: &mut Placeholders,
    parse: impl FnOnce(&mut Parser) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut parser = Parser::new(text, placeholders);
    let parsed = if parser.is_at_end() {
        Err(Error::validation("The expression can not be empty;"))
    } else {
        parse(&mut parser).and_then(|parsed| parser.end().map(|()| parsed))
    };
    parsed.map_err(|error| match error {
        Error::Validation(message) => Error::Validation(format!("Invalid {parameter}: {message}")),
        other => other,
    })
}
