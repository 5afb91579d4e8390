//! The function's start-up with a bad environment. It ends, and one line names the variable.

use std::process::{Command, Output};

/// All required variables, and the region that the AWS SDK needs.
const REQUIRED: [(&str, &str); 9] = [
    ("WEBHOOK_QUEUE_URL", "http://127.0.0.1:1/queue"),
    ("WEBHOOK_DEAD_LETTER_QUEUE_URL", "http://127.0.0.1:1/dead"),
    ("PARTNER_CREDENTIALS_SECRET_ID", "credentials"),
    ("TOKEN_TABLE_NAME", "tokens"),
    ("EVENT_BUS_NAME", "bus"),
    ("PUBLISHED_TABLE_NAME", "published"),
    ("WEBHOOK_QUEUE_RETENTION_SECONDS", "1209600"),
    ("WEBHOOK_QUEUE_MAX_RECEIVE_COUNT", "100"),
    ("AWS_REGION", "eu-central-1"),
];

fn start<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_event-processor"))
        .env_clear()
        .envs(variables)
        .output()
        .expect("the function starts")
}

#[track_caller]
fn assert_blames(output: &Output, line: &str) {
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        error.lines().collect::<Vec<_>>(),
        [format!("Error: {line}")]
    );
}

#[test]
fn a_missing_variable_is_named() {
    for (missing, _) in REQUIRED {
        let output = start(REQUIRED.into_iter().filter(|(name, _)| *name != missing));
        assert_blames(
            &output,
            &format!("environment variable {missing} is not set"),
        );
    }
}

#[test]
fn a_malformed_variable_is_named() {
    for (name, value, reason) in [
        ("AUTO_CONFIRM_ORDERS", "yes", "neither true nor false"),
        ("HEARTBEAT_MINUTES", "61", "not a whole number from 0 to 60"),
        (
            "WEBHOOK_QUEUE_RETENTION_SECONDS",
            "14 days",
            "not a whole number from 60 to 1209600",
        ),
        (
            "WEBHOOK_QUEUE_MAX_RECEIVE_COUNT",
            "0",
            "not a whole number from 1 to 1000",
        ),
        (
            "PARTNER_API_BASE_URL",
            "http://api.example.com",
            "neither https nor plain http to a loopback address",
        ),
    ] {
        let output = start(REQUIRED.into_iter().chain([(name, value)]));
        let line = format!("environment variable {name} is malformed: {reason}");
        assert_blames(&output, &line);
    }
}
