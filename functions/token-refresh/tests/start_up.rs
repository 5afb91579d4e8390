//! The real binary, started with an incomplete or wrong environment.

use std::process::Command;

const ENVIRONMENT: [(&str, &str); 3] = [
    ("TOKEN_TABLE_NAME", "tokens"),
    ("PARTNER_CREDENTIALS_SECRET_ID", "credentials"),
    ("AWS_REGION", "us-east-1"),
];

/// Starts the function with `name` set to `value`, or left out, in an environment that is right otherwise.
#[track_caller]
fn assert_start_up_ends(name: &str, value: Option<&str>, message: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_token-refresh"));
    command.env_clear().envs(ENVIRONMENT).env_remove(name);
    if let Some(value) = value {
        command.env(name, value);
    }
    let output = command.output().expect("the binary runs");
    assert!(!output.status.success());
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("it prints text");
    assert_eq!(
        printed,
        format!("Error: environment variable {name} {message}\n")
    );
}

#[test]
fn a_missing_variable_ends_the_start_up_with_one_line_that_names_it() {
    for (name, _) in ENVIRONMENT {
        assert_start_up_ends(name, None, "is not set");
        assert_start_up_ends(name, Some(""), "is not set");
    }
}

#[test]
fn a_malformed_variable_ends_the_start_up_with_one_line_that_names_it() {
    for (name, value, reason) in [
        (
            "PARTNER_API_BASE_URL",
            "http://whoop.example",
            "neither https nor plain http to a loopback address",
        ),
        ("PARTNER_API_BASE_URL", "developer", "not an absolute URL"),
        (
            "AWS_LAMBDA_LOG_LEVEL",
            "LOUD",
            "not one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
        ),
    ] {
        assert_start_up_ends(name, Some(value), &format!("is malformed: {reason}"));
    }
}
