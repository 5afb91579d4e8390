//! Searches logs and answers for secrets.
//!
//! Whatever seeds a secret, token, signature, body or resource id registers it here with [`Recorder::forbid`]; the
//! answers of the deployed stack are kept here with [`Recorder::record`]. The search finds a value as it is, escaped,
//! and encoded.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest value that is searched for. A shorter one, such as `{}`, would be found everywhere by chance.
pub const SHORTEST: usize = 8;

/// Values that must not appear, and texts in which they must not.
#[derive(Default)]
pub struct Recorder {
    /// What kind each value is.
    forbidden: Mutex<BTreeMap<Vec<u8>, String>>,
    answers: Mutex<Vec<Text>>,
}

/// A text to search: an answer, a log line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Where it comes from, in words for a person.
    pub source: String,
    /// What it says.
    pub text: String,
}

/// A forbidden value that a text holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// What kind of value it is.
    pub kind: String,
    /// The form in which it was found.
    pub form: &'static str,
    /// The text that holds it.
    pub text: Text,
}

impl Recorder {
    /// Registers `value`, such as a secret or a token: it must not appear in any log or answer.
    ///
    /// Values shorter than [`SHORTEST`] are ignored.
    pub fn forbid(&self, kind: &str, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        if value.len() >= SHORTEST {
            lock(&self.forbidden)
                .entry(value.into())
                .or_insert_with(|| kind.into());
        }
    }

    /// Keeps an answer for the search.
    pub fn record(&self, source: impl Into<String>, text: impl Into<String>) {
        lock(&self.answers).push(Text {
            source: source.into(),
            text: text.into(),
        });
    }

    /// Every answer so far.
    #[must_use]
    pub fn answers(&self) -> Vec<Text> {
        lock(&self.answers).clone()
    }

    /// How many different values are searched for.
    #[must_use]
    pub fn forbidden_values(&self) -> usize {
        lock(&self.forbidden).len()
    }

    /// Searches `texts` for every forbidden value in each of its forms. Of each text it returns the first find.
    ///
    /// # Panics
    ///
    /// If there are too many values for one search.
    #[must_use]
    pub fn leaks(&self, texts: &[Text]) -> Vec<Leak> {
        let forbidden = lock(&self.forbidden);
        let forms: Vec<_> = forbidden
            .iter()
            .flat_map(|(value, kind)| {
                let forms = forms(value).into_iter();
                forms.map(move |(form, pattern)| (kind, form, pattern))
            })
            .collect();
        let patterns = forms.iter().map(|(_, _, pattern)| pattern);
        let search = AhoCorasick::new(patterns).expect("the values fit into one search");
        texts
            .iter()
            .filter_map(|text| {
                let (kind, form, _) = &forms[search.find(&text.text)?.pattern()];
                Some(Leak {
                    kind: (*kind).clone(),
                    form,
                    text: text.clone(),
                })
            })
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // a failed test may have panicked while it held the lock; every push is complete or has not happened
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a value may look in a text.
fn forms(value: &[u8]) -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("hexadecimal", hex(value)),
        ("list of bytes", list_of_bytes(value)),
        ("escaped bytes", value.escape_ascii().to_string()),
    ];
    if let Ok(text) = std::str::from_utf8(value) {
        let once = json_escaped(text);
        let twice = json_escaped(&once);
        forms.extend([
            ("plain text", text.to_owned()),
            ("text in JSON", once),
            ("text in JSON in JSON", twice),
        ]);
    }
    for (name, engine) in [
        ("base64", &STANDARD_NO_PAD),
        ("base64url", &URL_SAFE_NO_PAD),
    ] {
        // what precedes the value in an encoded text shifts it by 0, 1 or 2 bytes
        for shift in 0..3 {
            forms.push((name, base64_within(value, shift, engine)));
        }
    }
    forms
}

fn hex(value: &[u8]) -> String {
    value.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// How `Debug` shows bytes.
fn list_of_bytes(value: &[u8]) -> String {
    format!("{value:?}").trim_matches(['[', ']']).to_owned()
}

/// How JSON shows a text, without the quotes around it.
fn json_escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// The characters that encode nothing but `value` when `shift` bytes precede it.
fn base64_within(value: &[u8], shift: usize, engine: &impl Engine) -> String {
    let whole = (value.len() + shift) / 3 * 3 - shift;
    let padded = [&vec![0; shift][..], &value[..whole]].concat();
    let shared_characters = [0, 2, 3][shift];
    engine.encode(padded)[shared_characters..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"r"}"#;

    #[track_caller]
    fn assert_found(text: String) {
        let recorder = Recorder::default();
        recorder.forbid("body", BODY);
        let text = Text {
            source: "log".into(),
            text,
        };
        let leaks = recorder.leaks(std::slice::from_ref(&text));
        assert_eq!(leaks.len(), 1, "not found in {text:?}");
        assert_eq!(leaks[0].kind, "body");
    }

    #[test]
    fn a_value_is_found_in_every_form_that_logs_give_it() {
        assert_found(format!("before {BODY} after"));
        assert_found(format!("{BODY:?}"));
        assert_found(serde_json::json!({ "message": BODY }).to_string());
        let nested = serde_json::json!({ "message": BODY }).to_string();
        assert_found(serde_json::json!({ "fields": nested }).to_string());
        assert_found(format!("{:?}", BODY.as_bytes()));
        assert_found(format!("{:?}", bytes::Bytes::from(BODY)));
        assert_found(hex(BODY.as_bytes()));
        for prefix in ["", "a", "ab", "abc"] {
            for suffix in ["", "x", "xy", "xyz"] {
                let encoded = STANDARD.encode(format!("{prefix}{BODY}{suffix}"));
                assert_found(format!("body={encoded};"));
            }
        }
    }

    #[test]
    fn a_text_without_the_value_holds_no_leak() {
        let recorder = Recorder::default();
        recorder.forbid("body", BODY);
        recorder.record("answer", r#"{"event_type":"lab_requisition.created"}"#);
        assert_eq!(recorder.leaks(&recorder.answers()), []);
    }

    #[test]
    fn a_value_too_short_to_be_searched_for_is_left_out() {
        let recorder = Recorder::default();
        recorder.forbid("body", "{}");
        recorder.forbid("body", BODY);
        recorder.forbid("body", BODY);
        assert_eq!(recorder.forbidden_values(), 1);
    }
}
