//! Reads updates, and refuses those that make no sense whatever the item is.

use super::parser::Parser;
use super::update::{SetOperand, SetValue, Update};
use crate::attribute_value::AttributeValue;
use crate::error::Error;

/// Reads the sections SET and REMOVE, each of which may be there once, in any order.
pub(super) fn update(parser: &mut Parser) -> Result<Update, Error> {
    let mut update = Update::default();
    while !parser.is_at_end() {
        if parser.take_keyword("SET") {
            refuse_repetition("SET", update.set.is_empty())?;
            update.set = list(parser, assignment)?;
        } else if parser.take_keyword("REMOVE") {
            refuse_repetition("REMOVE", update.remove.is_empty())?;
            update.remove = list(parser, |parser| parser.attribute())?;
        } else if parser.take_keyword("ADD") || parser.take_keyword("DELETE") {
            return Err(Error::unsupported("ADD and DELETE in an update expression"));
        } else {
            return Err(parser.syntax_error());
        }
    }
    refuse_overlap(&update)?;
    Ok(update)
}

fn refuse_repetition(section: &str, is_first: bool) -> Result<(), Error> {
    if is_first {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "The \"{section}\" section can only be used once in an update expression;"
    )))
}

fn refuse_overlap(update: &Update) -> Result<(), Error> {
    let mut targets: Vec<_> = update.targets().collect();
    targets.sort();
    for pair in targets.windows(2) {
        if pair[0] == pair[1] {
            return Err(Error::Validation(format!(
                "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [{0}], \
                 path two: [{0}]",
                pair[0]
            )));
        }
    }
    Ok(())
}

/// One or more elements with commas between them.
fn list<T>(
    parser: &mut Parser,
    element: impl Fn(&mut Parser) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut list = vec![element(parser)?];
    while parser.take_symbol(",") {
        list.push(element(parser)?);
    }
    Ok(list)
}

fn assignment(parser: &mut Parser) -> Result<(String, SetValue), Error> {
    let name = parser.attribute()?;
    parser.expect_symbol("=")?;
    if parser.is_symbol("(") {
        return Err(Error::unsupported("parentheses in a SET section"));
    }
    let left = operand(parser)?;
    let value = if parser.take_symbol("+") {
        SetValue::Sum(number("+", left)?, number("+", operand(parser)?)?)
    } else if parser.take_symbol("-") {
        SetValue::Difference(number("-", left)?, number("-", operand(parser)?)?)
    } else {
        SetValue::Operand(left)
    };
    Ok((name, value))
}

/// Refuses a value of the request that is no number. An attribute's type is only known when the item is read.
fn number(operator: &str, operand: SetOperand) -> Result<SetOperand, Error> {
    match &operand {
        SetOperand::Value(value) if !matches!(value, AttributeValue::N(_)) => {
            Err(Error::Validation(format!(
                "Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
                value.type_name()
            )))
        }
        _ => Ok(operand),
    }
}

fn operand(parser: &mut Parser) -> Result<SetOperand, Error> {
    if let Some(value) = parser.take_value()? {
        return Ok(SetOperand::Value(value));
    }
    let Some(function) = parser.take_function(&["if_not_exists"])? else {
        return Ok(SetOperand::Attribute(parser.attribute()?));
    };
    let arguments = list(parser, operand)?;
    parser.expect_symbol(")")?;
    let number = arguments.len();
    let mut arguments = arguments.into_iter();
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(SetOperand::Attribute(name)), Some(otherwise), None) => {
            Ok(SetOperand::IfNotExists(name, Box::new(otherwise)))
        }
        (Some(_), Some(_), None) => Err(Error::Validation(format!(
            "Operator or function requires a document path; operator or function: {function}"
        ))),
        _ => Err(Error::Validation(format!(
            "Incorrect number of operands for operator or function; operator or function: {function}, number of \
             operands: {number}"
        ))),
    }
}
