//! The AWS credentials of a Lambda function.

use aws_credential_types::Credentials;
use aws_credential_types::attributes::AccountId;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as ProvidedCredentials;
use aws_credential_types::provider::{self, ProvideCredentials};

use crate::lambda::env::{self, EnvError};

/// The credentials that Lambda puts into the environment: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN` and, if
/// it is set, `AWS_ACCOUNT_ID`. A blank variable counts as not set.
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
    let optional = |name| match variable(name) {
        Ok(value) => Ok(value.filter(|value| !value.trim().is_empty())),
        Err(error) => Err(CredentialsError::invalid_configuration(error)),
    };
    let required = |name| {
        let missing = || CredentialsError::not_loaded(EnvError::NotSet(name));
        optional(name)?.ok_or_else(missing)
    };
    let mut credentials = Credentials::builder()
        .access_key_id(required("AWS_ACCESS_KEY_ID")?)
        .secret_access_key(required("AWS_SECRET_ACCESS_KEY")?)
        .provider_name("environment");
    let session_token = optional("AWS_SESSION_TOKEN")?;
    credentials.set_session_token(session_token.map(|token| token.trim().to_owned()));
    let account_id = optional("AWS_ACCOUNT_ID")?;
    credentials.set_account_id(account_id.map(|id| AccountId::from(id.trim().to_owned())));
    Ok(credentials.build())
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
    fn session_token_and_account_may_be_absent_or_blank() {
        let account = ("AWS_ACCOUNT_ID", "123456789012");
        let blank = ("AWS_SESSION_TOKEN", " ");
        for (variables, token, account) in [
            (
                &[KEY_ID, KEY, TOKEN, account][..],
                Some("token"),
                Some("123456789012"),
            ),
            (
                &[KEY_ID, KEY, ("AWS_SESSION_TOKEN", "token\n")],
                Some("token"),
                None,
            ),
            (&[KEY_ID, KEY, blank], None, None),
            (&[KEY_ID, KEY], None, None),
        ] {
            let credentials = read_from(variables).unwrap();
            assert_eq!(credentials.access_key_id(), "key-id");
            assert_eq!(credentials.secret_access_key(), "key");
            assert_eq!(credentials.session_token(), token);
            assert_eq!(credentials.account_id().map(|id| id.as_str()), account);
        }
    }

    #[test]
    fn the_error_names_the_variable_that_is_missing() {
        let blank = (KEY.0, " ");
        for (variables, missing) in [
            ([KEY, TOKEN], KEY_ID.0),
            ([KEY_ID, TOKEN], KEY.0),
            ([KEY_ID, blank], KEY.0),
        ] {
            let error = read_from(&variables).unwrap_err();
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains(missing), "{cause}");
        }
    }
}
