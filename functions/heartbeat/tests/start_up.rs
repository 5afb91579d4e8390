//! The real binary, started with an incomplete or wrong environment.

use std::process::Command;

const ENVIRONMENT: [(&str, &str); 3] = [
    ("WEBHOOK_URL", "https://stack.example/webhooks"),
    ("WEBHOOK_SIGNING_SECRET_ID", "signing-secret"),
    ("AWS_REGION", "us-east-1"),
];

/// Starts the function in an environment that is right but for `changes`, and checks the only line that it prints. `None` leaves
/// a variable out.
#[track_caller]
fn assert_start_up_ends(changes: &[(&str, Option<&str>)], line: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartbeat"));
    command.env_clear().envs(ENVIRONMENT);
    for (name, value) in changes {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = command.output().expect("the binary runs");
    assert!(!output.status.success());
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).expect("it prints text");
    assert_eq!(printed, format!("Error: {line}\n"));
}

#[test]
fn a_missing_variable_ends_the_start_up_with_one_line_that_names_it() {
    for (name, _) in ENVIRONMENT {
        let line = format!("environment variable {name} is not set");
        assert_start_up_ends(&[(name, None)], &line);
        assert_start_up_ends(&[(name, Some(""))], &line);
    }
}

#[test]
fn a_malformed_variable_ends_the_start_up_with_one_line_that_names_it() {
    for (name, value, reason) in [
        (
            "WEBHOOK_URL",
            "http://stack.example/webhooks",
            "neither https nor plain http to a loopback address",
        ),
        ("WEBHOOK_URL", "/webhooks", "not an absolute URL"),
        (
            "WEBHOOK_URL",
            "https://user:seeded@stack.example/webhooks",
            "holds a user name or a password",
        ),
        (
            "AWS_LAMBDA_LOG_LEVEL",
            "LOUD",
            "not one of TRACE, DEBUG, INFO, WARN, ERROR, FATAL",
        ),
    ] {
        let line = format!("environment variable {name} is malformed: {reason}");
        assert_start_up_ends(&[(name, Some(value))], &line);
    }
}

#[test]
fn a_url_with_a_query_and_plain_http_to_loopback_are_taken() {
    for url in [
        "https://stack.example/webhooks?stage=prod",
        "http://127.0.0.1:4566/webhooks",
        "http://[::1]/webhooks",
        "http://localhost/webhooks",
    ] {
        // the start-up comes as far as the variables of the AWS SDK, which are read after the function's own
        assert_start_up_ends(
            &[("WEBHOOK_URL", Some(url)), ("AWS_REGION", None)],
            "environment variable AWS_REGION is not set",
        );
    }
}
