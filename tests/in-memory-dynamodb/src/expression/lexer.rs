//! An expression cut into tokens.

use std::ops::Range;

/// A token and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) place: Range<usize>,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, a keyword or a function.
    Word,
    /// `#name`.
    Name,
    /// `:value`.
    Value,
    /// A symbol, of one character or two.
    Symbol(&'static str),
    /// Anything else, a digit for instance; no expression may contain it.
    Other,
    End,
}

/// Longer ones come first.
const SYMBOLS: [&str; 14] = [
    "<>", "<=", ">=", "<", ">", "=", "(", ")", ",", "+", "-", ".", "[", "]",
];

/// Cuts an expression into tokens, the last of which is the end.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        if first.is_ascii_whitespace() {
            start += 1;
            continue;
        }
        let (kind, length) = token(&text[start..], first);
        let place = start..start + length;
        start = place.end;
        tokens.push(Token { kind, place });
    }
    let place = text.len()..text.len();
    let kind = Kind::End;
    tokens.push(Token { kind, place });
    tokens
}

/// What the text begins with, and the length of that in bytes.
fn token(text: &str, first: char) -> (Kind, usize) {
    let name_length = |text: &str| {
        let rest =
            text.trim_start_matches(|char: char| char.is_ascii_alphanumeric() || char == '_');
        text.len() - rest.len()
    };
    if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| text.starts_with(symbol)) {
        return (Kind::Symbol(symbol), symbol.len());
    }
    match first {
        '#' | ':' => match (name_length(&text[1..]), first) {
            (0, _) => (Kind::Other, 1),
            (length, '#') => (Kind::Name, 1 + length),
            (length, _) => (Kind::Value, 1 + length),
        },
        _ if first.is_ascii_alphabetic() => (Kind::Word, name_length(text)),
        _ => (Kind::Other, first.len_utf8()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let mut tokens = tokens(text);
        assert_eq!(tokens.pop().unwrap().kind, Kind::End);
        let token = |token: Token| (token.kind, &text[token.place]);
        tokens.into_iter().map(token).collect()
    }

    #[test]
    fn cuts_at_whitespace_and_symbols() {
        let expected = [
            (Kind::Word, "a_1"),
            (Kind::Symbol("<="), "<="),
            (Kind::Value, ":1"),
            (Kind::Word, "AND"),
            (Kind::Name, "#_x"),
            (Kind::Symbol("<>"), "<>"),
            (Kind::Symbol("("), "("),
        ];
        assert_eq!(kinds("a_1<=:1 AND\t\n#_x<>("), expected);
        assert_eq!(kinds(" "), []);
    }

    #[test]
    fn a_name_begins_with_a_letter_and_a_placeholder_has_a_name() {
        for text in ["_a", "1a", "#", ":", "#-", "!a", "\"a\"", "é"] {
            assert_eq!(kinds(text)[0].0, Kind::Other, "{text}");
        }
    }
}
