//! Why a signature is wrong: the usual mistakes. It tries what would make the signature right.

use whoop_partner::signature::{Keys, MatchedKey, Signature};

/// The byte order mark with which some editors begin a file.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A way to change bodies, with the words for it.
type Change = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);

/// How a body often differs from what was signed.
const CHANGES: [Change; 8] = [
    ("without its final line feed", |body| {
        body.strip_suffix(b"\n").map(<[u8]>::to_vec)
    }),
    ("without its final line end (CR LF)", |body| {
        body.strip_suffix(b"\r\n").map(<[u8]>::to_vec)
    }),
    ("with a line feed at its end", |body| {
        Some([body, b"\n"].concat())
    }),
    ("with LF instead of CR LF as line ends", |body| {
        Some(with_line_feeds(body))
    }),
    (
        "with LF instead of CR LF as line ends, without the final one",
        |body| {
            with_line_feeds(body)
                .strip_suffix(b"\n")
                .map(<[u8]>::to_vec)
        },
    ),
    ("with CR LF instead of LF as line ends", |body| {
        Some(with_carriage_returns(body))
    }),
    ("without its byte order mark", |body| {
        body.strip_prefix(BYTE_ORDER_MARK).map(<[u8]>::to_vec)
    }),
    ("without the white space between its JSON tokens", compact),
];

/// Finds a change of the body that makes the signature right, and says which.
pub(super) fn in_body(signature: &Signature, body: &[u8], keys: Keys<'_>) -> Option<&'static str> {
    CHANGES.into_iter().find_map(|(what, change)| {
        let changed = change(body).filter(|changed| changed != body)?;
        signature.verify(&changed, keys).is_ok().then_some(what)
    })
}

/// Finds a change of the signing secret that makes the signature right, and says which.
pub(super) fn in_secret(signature: &Signature, body: &[u8], secret: &str) -> Option<&'static str> {
    let changes = [
        ("with a line feed at its end", format!("{secret}\n")),
        (
            "without the white space around it",
            secret.trim().to_owned(),
        ),
    ];
    let mut changes = changes.into_iter().filter(|(_, changed)| changed != secret);
    let found = changes.find(|(_, changed)| {
        signature.verify(body, Keys::current(changed)) == Ok(MatchedKey::Current)
    });
    found.map(|(what, _)| what)
}

/// Finds what makes a malformed signature well-formed, and says how it must look.
pub(super) fn in_signature(given: &str) -> Option<(&'static str, Signature)> {
    let text = given.trim();
    let (what, text) = match text.split_once(['=', ':']) {
        Some((_, digits)) => ("without what stands before the digits", digits.trim()),
        None if text != given => ("without the white space around it", text),
        None => ("in lower case", text),
    };
    let signature = Signature::from_header(text.to_ascii_lowercase().as_bytes());
    Some((what, signature.ok()?))
}

fn with_line_feeds(body: &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(body.len());
    let mut bytes = body.iter().peekable();
    while let Some(&byte) = bytes.next() {
        if byte != b'\r' || bytes.peek() != Some(&&b'\n') {
            changed.push(byte);
        }
    }
    changed
}

fn with_carriage_returns(body: &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(body.len());
    for byte in with_line_feeds(body) {
        if byte == b'\n' {
            changed.push(b'\r');
        }
        changed.push(byte);
    }
    changed
}

/// Takes the white space out of JSON, except in texts. Programs that show JSON often add it.
fn compact(body: &[u8]) -> Option<Vec<u8>> {
    let (mut in_text, mut escaped) = (false, false);
    let mut kept = body.to_vec();
    kept.retain(|&byte| {
        let keep = in_text || !byte.is_ascii_whitespace();
        match byte {
            b'"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && byte == b'\\' && !escaped;
        keep
    });
    Some(kept)
}

#[cfg(test)]
mod tests {
    use whoop_partner::signature::sign;

    use super::*;

    const KEY: &str = "whsec_test";

    /// What is said about `body` if `signed` was signed.
    fn said(signed: &[u8], body: &[u8]) -> Option<&'static str> {
        let signature = Signature::from_header(sign(signed, KEY.as_bytes()).as_bytes());
        in_body(&signature.unwrap(), body, Keys::current(KEY))
    }

    #[test]
    fn the_usual_changes_of_a_body_are_recognised() {
        for (signed, body, what) in [
            ("{}", "{}\n", "without its final line feed"),
            ("{}", "{}\r\n", "without its final line end (CR LF)"),
            ("{}\n", "{}", "with a line feed at its end"),
            (
                "{\n}\n",
                "{\r\n}\r\n",
                "with LF instead of CR LF as line ends",
            ),
            (
                "{\n}",
                "{\r\n}\r\n",
                "with LF instead of CR LF as line ends, without the final one",
            ),
            ("{\r\n}", "{\n}", "with CR LF instead of LF as line ends"),
            ("{}", "\u{feff}{}", "without its byte order mark"),
            (
                r#"{"a":"b \" c","d":1}"#,
                "{\n  \"a\": \"b \\\" c\",\n  \"d\": 1\n}\n",
                "without the white space between its JSON tokens",
            ),
        ] {
            assert_eq!(
                said(signed.as_bytes(), body.as_bytes()),
                Some(what),
                "{body:?}"
            );
        }
    }

    #[test]
    fn another_body_is_no_near_miss() {
        for (signed, body) in [("{}", "[]"), ("{}", ""), ("", "{}"), ("a b", "\"a b\"")] {
            assert_eq!(said(signed.as_bytes(), body.as_bytes()), None, "{body:?}");
        }
    }

    #[test]
    fn white_space_around_the_secret_is_recognised() {
        for (key, secret, what) in [
            ("k", "k\n", Some("without the white space around it")),
            ("k\n", "k", Some("with a line feed at its end")),
            ("k", "l", None),
        ] {
            let signature = Signature::from_header(sign(b"{}", key.as_bytes()).as_bytes());
            assert_eq!(in_secret(&signature.unwrap(), b"{}", secret), what);
        }
    }

    #[test]
    fn the_usual_changes_of_a_signature_are_recognised() {
        let signature = sign(b"{}", KEY.as_bytes());
        for (given, what) in [
            (signature.to_uppercase(), "in lower case"),
            (
                format!(" {signature}\n"),
                "without the white space around it",
            ),
            (
                format!("sha256={signature}"),
                "without what stands before the digits",
            ),
            (
                format!("WHOOP-Signed: {signature}"),
                "without what stands before the digits",
            ),
        ] {
            let (said, found) = in_signature(&given).expect(&given);
            assert_eq!(said, what);
            assert!(found.verify(b"{}", Keys::current(KEY)).is_ok());
        }
        for given in ["", "abc", "=", &"g".repeat(64)] {
            assert!(in_signature(given).is_none(), "{given}");
        }
    }
}
