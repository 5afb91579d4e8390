//! What conditions and updates have in common: going through the tokens, names of attributes, values.

use super::Placeholders;
use super::lexer::{Kind, Token, tokens};
use super::reserved::is_reserved;
use crate::attribute_value::AttributeValue;
use crate::error::Error;

/// The functions that DynamoDB has, wherever they are allowed.
const FUNCTIONS: [&str; 8] = [
    "attribute_exists",
    "attribute_not_exists",
    "attribute_type",
    "begins_with",
    "contains",
    "size",
    "if_not_exists",
    "list_append",
];

/// Those that this table has not.
const UNSUPPORTED_FUNCTIONS: [&str; 3] = ["contains", "size", "list_append"];

/// An expression and how far it has been read.
pub(super) struct Parser<'e> {
    text: &'e str,
    tokens: Vec<Token>,
    position: usize,
    placeholders: &'e mut Placeholders,
}

impl<'e> Parser<'e> {
    pub(super) fn new(text: &'e str, placeholders: &'e mut Placeholders) -> Self {
        Self {
            text,
            tokens: tokens(text),
            position: 0,
            placeholders,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.kind() == Kind::End
    }

    /// Makes sure that nothing is left.
    pub(super) fn end(&self) -> Result<(), Error> {
        if self.is_at_end() {
            return Ok(());
        }
        Err(self.syntax_error())
    }

    fn kind(&self) -> Kind {
        self.tokens[self.position].kind
    }

    fn kind_after(&self) -> Option<Kind> {
        self.tokens.get(self.position + 1).map(|token| token.kind)
    }

    /// The text of the next token.
    fn token(&self) -> &'e str {
        &self.text[self.tokens[self.position].place.clone()]
    }

    fn advance(&mut self) -> &'e str {
        let token = self.token();
        self.position = (self.position + 1).min(self.tokens.len() - 1);
        token
    }

    /// Whether the next token is this symbol.
    pub(super) fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind(), Kind::Symbol(next) if next == symbol)
    }

    /// Takes the next token if it is this symbol.
    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_next = self.is_symbol(symbol);
        if is_next {
            self.advance();
        }
        is_next
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<(), Error> {
        if self.take_symbol(symbol) {
            return Ok(());
        }
        Err(self.syntax_error())
    }

    /// Takes the next token if it is this keyword, in any case.
    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.kind() == Kind::Word && self.token().eq_ignore_ascii_case(keyword);
        if is_next {
            self.advance();
        }
        is_next
    }

    pub(super) fn expect_keyword(&mut self, keyword: &str) -> Result<(), Error> {
        if self.take_keyword(keyword) {
            return Ok(());
        }
        Err(self.syntax_error())
    }

    /// Takes the name of a function and the parenthesis after it, if a call of one of `allowed` is next.
    pub(super) fn take_function(&mut self, allowed: &[&str]) -> Result<Option<&'e str>, Error> {
        if self.kind() != Kind::Word || self.kind_after() != Some(Kind::Symbol("(")) {
            return Ok(None);
        }
        let name = self.token();
        if UNSUPPORTED_FUNCTIONS.contains(&name) {
            return Err(Error::unsupported(format!("the function {name}")));
        }
        if allowed.contains(&name) {
            self.advance();
            self.advance();
            return Ok(Some(name));
        }
        Err(Error::Validation(if FUNCTIONS.contains(&name) {
            format!(
                "The function is not allowed to be used this way in an expression; function: {name}"
            )
        } else {
            format!("Invalid function name; function: {name}")
        }))
    }

    /// Takes the value of a placeholder, if one is next.
    pub(super) fn take_value(&mut self) -> Result<Option<AttributeValue>, Error> {
        if self.kind() != Kind::Value {
            return Ok(None);
        }
        let placeholder = self.advance();
        self.placeholders.value(placeholder).map(Some)
    }

    /// Takes the name of an attribute, which has to be next.
    pub(super) fn attribute(&mut self) -> Result<String, Error> {
        let name = match self.kind() {
            Kind::Name => {
                let placeholder = self.advance();
                self.placeholders.name(placeholder)?
            }
            Kind::Word if is_reserved(self.token()) => {
                return Err(Error::Validation(format!(
                    "Attribute name is a reserved keyword; reserved keyword: {}",
                    self.token()
                )));
            }
            Kind::Word => self.advance().to_owned(),
            _ => return Err(self.syntax_error()),
        };
        if self.is_symbol(".") || self.is_symbol("[") {
            return Err(Error::unsupported("paths into a document"));
        }
        Ok(name)
    }

    /// Says that the next token can't be where it is.
    pub(super) fn syntax_error(&self) -> Error {
        let last = self.tokens.len() - 1;
        let from = self.tokens[self.position.saturating_sub(1)].place.start;
        let to = self.tokens[(self.position + 1).min(last)].place.end;
        let token = match self.kind() {
            Kind::End => "<EOF>",
            _ => self.token(),
        };
        let near = &self.text[from..to];
        Error::Validation(format!(
            "Syntax error; token: \"{token}\", near: \"{near}\""
        ))
    }
}
