//! Reads a secret: from standard input, or by a prompt that does not show what is typed. Never from an argument, which other
//! users of the machine can see.

use std::io::{self, IsTerminal, Read};

use secrecy::SecretString;

use crate::error::ToolError;

/// The longest secret that Secrets Manager keeps, in bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Reads the secret called `name`.
///
/// # Errors
///
/// If it can't be read, or is none that could be meant: empty, with white space around it, with control characters, or the JSON of
/// a whole secret.
pub(crate) fn read(name: &str) -> Result<SecretString, ToolError> {
    let unreadable = |error: io::Error| ToolError::Failed(format!("the {name}: {error}"));
    let bytes = if io::stdin().is_terminal() {
        let prompt = format!("{name} (it is not shown): ");
        rpassword::prompt_password(prompt)
            .map_err(unreadable)?
            .into_bytes()
    } else {
        let mut bytes = Vec::new();
        let mut input = io::stdin().lock().take(MAX_BYTES + 1);
        input.read_to_end(&mut bytes).map_err(unreadable)?;
        bytes
    };
    secret(bytes).map_err(|reason| ToolError::WrongUse(format!("the {name} {reason}")))
}

/// Checks a secret, and takes off the one line feed with which `echo` and most files end.
fn secret(mut bytes: Vec<u8>) -> Result<SecretString, &'static str> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err("is longer than 64 KiB");
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    if text.is_empty() {
        return Err("is empty");
    }
    if text.trim() != text {
        return Err("begins or ends with white space");
    }
    if text.contains(char::is_control) {
        return Err("holds control characters, such as line ends");
    }
    if matches!(
        serde_json::from_str(&text),
        Ok(serde_json::Value::Object(_))
    ) {
        return Err("is JSON: give the value alone");
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[track_caller]
    fn assert_taken(input: &str, secret_text: &str) {
        let taken = secret(input.into()).expect(input);
        assert_eq!(taken.expose_secret(), secret_text);
    }

    #[track_caller]
    fn assert_refused(input: impl Into<Vec<u8>>, reason: &str) {
        assert_eq!(secret(input.into()).map(drop), Err(reason));
    }

    #[test]
    fn one_line_feed_at_the_end_is_taken_off() {
        assert_taken("whsec_test", "whsec_test");
        assert_taken("whsec_test\n", "whsec_test");
    }

    #[test]
    fn what_stands_inside_is_kept() {
        for text in [
            "two words",
            "\"quoted\"",
            "schlüssel",
            "{not json",
            "[1]",
            "7",
        ] {
            assert_taken(text, text);
        }
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        assert_refused("", "is empty");
        assert_refused("\n", "is empty");
        for text in [
            "whsec_test\n\n",
            "whsec_test\r\n",
            " whsec_test",
            "whsec_test ",
            " \n",
        ] {
            assert_refused(text, "begins or ends with white space");
        }
        for text in ["two\nlines", "a\0b", "a\tb"] {
            assert_refused(text, "holds control characters, such as line ends");
        }
        assert_refused(b"\xff\xfe".to_vec(), "is not UTF-8");
        assert_refused("a".repeat(65 * 1024), "is longer than 64 KiB");
        assert_refused(
            r#"{"signing_secret": "whsec_test"}"#,
            "is JSON: give the value alone",
        );
    }
}
