//! What is wrong with a results file, and where. No complaint quotes a value.

use std::fmt;

use serde::Serialize;

use super::json::Json;
use crate::printable::printable;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Complaint {
    /// A JSON pointer (RFC 6901); empty for the whole file.
    pub at: String,
    pub complaint: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() {
            "the file"
        } else {
            &self.at
        };
        write!(f, "{at}: {}", self.complaint)
    }
}

/// Collects all complaints about a file.
#[derive(Default)]
pub(super) struct Complaints(pub Vec<Complaint>);

/// An object of the file, with the names of the fields that it may have.
pub(super) struct Fields<'j> {
    pub at: String,
    fields: &'j [(String, Json)],
}

impl Complaints {
    pub fn add(&mut self, at: impl Into<String>, complaint: impl Into<String>) {
        self.0.push(Complaint {
            at: at.into(),
            complaint: complaint.into(),
        });
    }

    /// Reads an object, which has no other fields than the known ones, and each once.
    pub fn object<'j>(&mut self, at: &str, json: &'j Json, known: &[&str]) -> Option<Fields<'j>> {
        let Json::Object(fields) = json else {
            self.wrong_kind(at, json, "an object");
            return None;
        };
        for (index, (name, _)) in fields.iter().enumerate() {
            let at = pointer(at, name);
            if !known.contains(&name.as_str()) {
                self.add(at, format!("unknown field; known are {}", known.join(", ")));
            } else if fields[..index].iter().any(|(earlier, _)| earlier == name) {
                self.add(at, "the field is there twice");
            }
        }
        Some(Fields {
            at: at.into(),
            fields,
        })
    }

    /// Reads a text, which is not blank and has no space around it.
    pub fn text<'j>(&mut self, fields: &Fields<'j>, name: &str) -> Option<&'j str> {
        let at = pointer(&fields.at, name);
        match fields.get(name)? {
            Json::Text(text) if text.trim().is_empty() => {
                self.add(at, "the text is blank");
                None
            }
            Json::Text(text) if text.trim() != text => {
                self.add(at, "the text begins or ends with a space");
                None
            }
            Json::Text(text) => Some(text),
            other => {
                self.wrong_kind(&at, other, "a text");
                None
            }
        }
    }

    pub fn number(&mut self, fields: &Fields<'_>, name: &str) -> Option<f64> {
        match fields.get(name)? {
            Json::Number(number) => Some(*number),
            other => {
                self.wrong_kind(&pointer(&fields.at, name), other, "a number");
                None
            }
        }
    }

    pub fn list<'j>(&mut self, fields: &Fields<'j>, name: &str) -> Option<&'j [Json]> {
        match fields.get(name)? {
            Json::List(items) => Some(items),
            other => {
                self.wrong_kind(&pointer(&fields.at, name), other, "a list");
                None
            }
        }
    }

    fn wrong_kind(&mut self, at: &str, json: &Json, expected: &str) {
        self.add(
            at,
            format!("this is {}, but must be {expected}", json.kind()),
        );
    }
}

impl<'j> Fields<'j> {
    /// The value of a field. A field that is null counts as absent.
    fn get(&self, name: &str) -> Option<&'j Json> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field
            .map(|(_, json)| json)
            .filter(|json| !matches!(json, Json::Null))
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// The JSON pointer of a field.
pub(super) fn pointer(object: &str, name: impl fmt::Display) -> String {
    let name = name.to_string().replace('~', "~0").replace('/', "~1");
    format!("{object}/{}", printable(&name))
}
