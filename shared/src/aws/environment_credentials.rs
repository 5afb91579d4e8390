//! The AWS credentials of a Lambda function.

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as ProvidedCredentials;
use aws_credential_types::provider::{self, ProvideCredentials};

use crate::lambda::env::{self, EnvError};

/// The credentials that Lambda puts into the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`.
///
/// They are read when a client first needs them, so that a function without credentials starts, and says in its log what is
/// missing.
#[derive(Debug)]
pub(super) struct EnvironmentCredentials;

impl ProvideCredentials for EnvironmentCredentials {
    fn provide_credentials<'a>(&'a self) -> ProvidedCredentials<'a>
    where
        Self: 'a,
    {
        ProvidedCredentials::ready(read(env::optional))
    }
}

fn read(variable: impl Fn(&'static str) -> Result<Option<String>, EnvError>) -> provider::Result {
    let required = |name| match variable(name) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(CredentialsError::not_loaded(EnvError::NotSet(name))),
        Err(error) => Err(CredentialsError::invalid_configuration(error)),
    };
    Ok(Credentials::new(
        required("AWS_ACCESS_KEY_ID")?,
        required("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN").map_err(CredentialsError::invalid_configuration)?,
        None,
        "environment",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Variable = (&'static str, &'static str);

    const KEY_ID: Variable = ("AWS_ACCESS_KEY_ID", "key-id");
    const KEY: Variable = ("AWS_SECRET_ACCESS_KEY", "key");
    const TOKEN: Variable = ("AWS_SESSION_TOKEN", "token");

    fn read_from(variables: &[Variable]) -> provider::Result {
        read(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            Ok(found.map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn the_session_token_may_be_absent() {
        for (variables, token) in [
            (&[KEY_ID, KEY, TOKEN][..], Some("token")),
            (&[KEY_ID, KEY], None),
        ] {
            let credentials = read_from(variables).unwrap();
            assert_eq!(credentials.access_key_id(), "key-id");
            assert_eq!(credentials.secret_access_key(), "key");
            assert_eq!(credentials.session_token(), token);
        }
    }

    #[test]
    fn the_error_names_the_variable_that_is_missing() {
        for (variables, missing) in [([KEY, TOKEN], KEY_ID.0), ([KEY_ID, TOKEN], KEY.0)] {
            let error = read_from(&variables).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(missing), "{cause}");
        }
    }
}
