//! Environment variables, with errors that name the variable.

use std::env::VarError;
use std::fmt::Display;
use std::str::FromStr;

/// What is wrong with an environment variable. `Debug` prints the same as `Display`, because a `main` that fails prints
/// `Debug`.
#[derive(thiserror::Error, Clone, PartialEq, Eq)]
pub enum EnvError {
    /// The variable is required, but it is missing or empty.
    #[error("environment variable {0} is not set")]
    NotSet(&'static str),
    /// The variable's value can't be used.
    #[error("environment variable {name} is malformed: {reason}")]
    Malformed {
        /// The name of the variable.
        name: &'static str,
        /// What is wrong with its value.
        reason: String,
    },
}

impl std::fmt::Debug for EnvError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Display::fmt(self, f)
    }
}

/// Reads a required variable.
///
/// # Errors
///
/// If it is missing, empty or not UTF-8.
pub fn required(name: &'static str) -> Result<String, EnvError> {
    optional(name)?.ok_or(EnvError::NotSet(name))
}

/// Reads an optional variable. An empty one counts as missing.
///
/// # Errors
///
/// If it is not UTF-8.
pub fn optional(name: &'static str) -> Result<Option<String>, EnvError> {
    match std::env::var(name) {
        Ok(value) if value.is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(EnvError::Malformed {
            name,
            reason: "not UTF-8".into(),
        }),
    }
}

/// Reads and parses an optional variable. If it is missing, returns `default`.
///
/// # Errors
///
/// If it does not parse.
pub fn parsed<T>(name: &'static str, default: T) -> Result<T, EnvError>
where
    T: FromStr<Err: Display>,
{
    match optional(name)? {
        None => Ok(default),
        Some(value) => parse(name, &value),
    }
}

/// Reads and parses a required variable.
///
/// # Errors
///
/// If it is missing or empty, or does not parse.
pub fn required_parsed<T>(name: &'static str) -> Result<T, EnvError>
where
    T: FromStr<Err: Display>,
{
    parse(name, &required(name)?)
}

/// Parses the value of the variable `name`.
fn parse<T>(name: &'static str, value: &str) -> Result<T, EnvError>
where
    T: FromStr<Err: Display>,
{
    value.parse().map_err(|reason: T::Err| EnvError::Malformed {
        name,
        reason: reason.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_named() {
        let error = required("WHOOP_PARTNER_TEST_MISSING").unwrap_err();
        assert_eq!(
            format!("{error:?}"),
            "environment variable WHOOP_PARTNER_TEST_MISSING is not set"
        );
    }

    #[test]
    fn a_malformed_variable_is_named() {
        let error = parse::<u16>("PORT", "many").unwrap_err();
        assert_eq!(
            error.to_string(),
            "environment variable PORT is malformed: invalid digit found in string"
        );
    }

    #[test]
    fn a_variable_left_out_takes_its_default() {
        assert_eq!(parsed("WHOOP_PARTNER_TEST_MISSING", 800), Ok(800));
    }
}
