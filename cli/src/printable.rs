//! Texts of others on a terminal.

use serde_json::Value;

/// Returns a text in which no control character is left. A terminal would obey it.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            printable.extend(character.escape_default());
        } else {
            printable.push(character);
        }
    }
    printable
}

/// Returns a JSON value as a person reads it: a text without quotes, and nothing for null.
pub(crate) fn printable_value(value: &Value) -> String {
    match value {
        Value::Null => "none".into(),
        Value::String(text) => printable(text),
        // JSON escapes control characters
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_terminal_gets_no_commands() {
        assert_eq!(printable("a\u{1b}[2Jb\nc\u{9b}d"), r"a\u{1b}[2Jb\nc\u{9b}d");
        assert_eq!(printable("Größe 2093-3"), "Größe 2093-3");
    }

    #[test]
    fn a_value_reads_without_quotes() {
        for (value, text) in [
            (json!(null), "none"),
            (json!("ORDER_CONFIRMED"), "ORDER_CONFIRMED"),
            (json!(1.5), "1.5"),
            (json!(["\u{1b}"]), r#"["\u001b"]"#),
        ] {
            assert_eq!(printable_value(&value), text);
        }
    }
}
