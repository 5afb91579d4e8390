//! `whoop-partner webhook`.

mod send;

use std::path::PathBuf;
use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::checkout;
use local_aws::stack::Stack;
use local_aws::world::World;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;
use whoop_simulator::sign;

use super::{Said, Tool, say};
use crate::harness::{Harness, Outcome, trials};

/// The example of WHOOP's documentation, with the key that signs it here.
const KEY: &str = "whsec_test";
const BODY: &str = r#"{"event_type":"lab_requisition.created","resource_id":"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3"}"#;
const SIGNATURE: &str = "7c57d8b5949ea3002db1dd16f8814f74e779d6520e479acb9d08827ed2d8afa6";

/// A day in seconds.
const DAY: f64 = 24.0 * 60.0 * 60.0;

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let mut trials = trials![harness.beside_without_stack;
        a_secret_of_ones_own_needs_no_account,
        the_usual_mistakes_are_explained,
        wrong_use_of_sign_and_verify_is_refused,
    ];
    trials.extend(trials![harness.on_operated_stack;
        the_stacks_secret_signs_and_verifies,
        a_signature_of_the_previous_key_counts_for_a_day,
        a_secret_without_a_value_is_named,
    ]);
    trials.extend(send::trials(harness));
    trials
}

/// The stack with its signing secret, and with no valid key before it.
pub(super) async fn fresh(world: &World) -> Result<&Stack, Failed> {
    let stack = &world.stack;
    let arn = stack.output("WebhookSigningSecretArn");
    stack.put_secret(arn, "{}").await?;
    stack.put_signing_secret(&world.signing_secret).await?;
    Ok(stack)
}

/// A file with this content, which ends with the folder.
fn file(content: &str) -> Result<(TempDir, String), Failed> {
    let folder = tempfile::tempdir()?;
    let path: PathBuf = folder.path().join("body");
    std::fs::write(&path, content)?;
    let path = path.to_str().ok_or("the path is no text")?.to_owned();
    Ok((folder, path))
}

/// Runs the tool without any AWS account, as on a developer's machine. What it says is not searched for leaks: it is about keys of
/// no stack, and a signature is what `sign` is for.
async fn without_account(arguments: &[&str], input: &str) -> Result<Said, Failed> {
    let mut command = Command::new(checkout().join("target/debug/whoop-partner"));
    command.args(arguments).env_clear();
    say(command, input).await
}

async fn a_secret_of_ones_own_needs_no_account() -> Outcome {
    let (_folder, body) = file(BODY)?;
    let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3";
    let event = [
        "--event-type",
        "lab_requisition.created",
        "--resource-id",
        id,
    ];
    for what in [&["--body", body.as_str()][..], &event] {
        for input in [KEY, "whsec_test\n"] {
            let arguments = [&["webhook", "sign", "--secret-stdin"], what].concat();
            let said = without_account(&arguments, input).await?;
            assert_eq!(said.stdout, format!("{SIGNATURE}\n"), "{said:?}");
        }
    }
    let arguments = [
        "--json",
        "webhook",
        "sign",
        "--secret-stdin",
        "--body",
        &body,
    ];
    let said = without_account(&arguments, KEY).await?;
    assert_eq!(
        serde_json::from_str::<Value>(&said.stdout)?,
        json!({"header": "WHOOP-Signed", "signature": SIGNATURE, "body_bytes": BODY.len()})
    );

    let verify = [
        "webhook",
        "verify",
        "--secret-stdin",
        "--signature",
        SIGNATURE,
    ];
    let said = without_account(&[&verify[..], &["--body", &body]].concat(), KEY).await?;
    said.assert(0, &["The signature is right, by the given key."]);
    Ok(())
}

async fn the_usual_mistakes_are_explained() -> Outcome {
    let upper_case = SIGNATURE.to_uppercase();
    let prefixed = format!("sha256={SIGNATURE}");
    let forged = "0".repeat(64);
    let with_line_feed = format!("{BODY}\n");
    let spaced = BODY.replace(':', ": ");
    let not_hex = "it is not 64 lower-case hexadecimal digits";
    let no_match = "it does not match the body";
    for (signature, body, words) in [
        (
            SIGNATURE,
            with_line_feed.as_str(),
            &[no_match, "without its final line feed"][..],
        ),
        (
            SIGNATURE,
            &spaced,
            &[no_match, "without the white space between its JSON tokens"],
        ),
        (&upper_case, BODY, &[not_hex, "it is right in lower case"]),
        (
            &prefixed,
            BODY,
            &[not_hex, "it is right without what stands before the digits"],
        ),
        (
            &upper_case,
            "{}",
            &[not_hex, "it is well-formed in lower case, but also wrong"],
        ),
        ("", BODY, &[not_hex]),
        (&forged, BODY, &[no_match]),
        (SIGNATURE, "", &[no_match]),
    ] {
        let (_folder, path) = file(body)?;
        let verify = ["webhook", "verify", "--secret-stdin", "--body", &path];
        let signature = format!("--signature={signature}");
        let said = without_account(&[&verify[..], &[&signature]].concat(), KEY).await?;
        said.assert(1, words);
        assert!(!said.text().contains("resource_id"), "{said:?}");
        let has_hint = words.len() > 1;
        assert_eq!(said.stdout.contains("But it is"), has_hint, "{said:?}");
    }
    Ok(())
}

async fn wrong_use_of_sign_and_verify_is_refused() -> Outcome {
    let sign = ["webhook", "sign"];
    let (_folder, body) = file(BODY)?;
    for (arguments, input, status, words) in [
        (&[][..], "", 2, "required"),
        (&["--event-type", "a"], "", 2, "--resource-id"),
        (&["--resource-id", "a"], "", 2, "--event-type"),
        (
            &["--event-type", "a", "--resource-id", "b", "--body", &body],
            "",
            2,
            "cannot be used with",
        ),
        (&["--body", "-", "--secret-stdin"], KEY, 2, "not both"),
        (
            &["--body", &body, "--secret-stdin"],
            "",
            2,
            "the signing secret is empty",
        ),
        (
            &["--body", &body, "--secret-stdin"],
            " key",
            2,
            "white space",
        ),
        (
            &["--body", "/nowhere", "--secret-stdin"],
            KEY,
            1,
            "/nowhere",
        ),
        (&["--body", &body], "", 1, "no AWS region is set"),
        // a secret is never an argument
        (
            &["--body", &body, "--secret-stdin=key"],
            "",
            2,
            "unexpected value",
        ),
    ] {
        let said = without_account(&[&sign[..], arguments].concat(), input).await?;
        said.assert(status, &[words]);
        assert_eq!(said.stdout, "", "{said:?}");
    }
    let verify = ["webhook", "verify"];
    for (arguments, words) in [
        (&[][..], "--signature"),
        (&["--signature", "abc", "--secret-stdin"], "not both"),
    ] {
        let said = without_account(&[&verify[..], arguments].concat(), KEY).await?;
        said.assert(2, &[words]);
    }
    Ok(())
}

async fn the_stacks_secret_signs_and_verifies(world: &World) -> Outcome {
    fresh(world).await?;
    let tool = Tool::on(world);
    let body = json!({"event_type": "lab_requisition.created", "resource_id": Uuid::new_v4()});
    let body = body.to_string();
    let (_folder, path) = file(&body)?;
    // not searched: it prints a signature, which is what it is for
    let said = say(tool.command(&["webhook", "sign", "--body", &path]), "").await?;
    let signature = sign(body.as_bytes(), world.signing_secret.as_bytes());
    assert_eq!(said.stdout, format!("{signature}\n"), "{said:?}");
    world.stack.recorder.forbid("webhook body", &body);
    world.stack.recorder.forbid("signature", &signature);

    let verify = ["webhook", "verify", "--signature", &signature];
    let said = tool.run_with_input(&verify, &body).await?;
    said.assert(0, &["The signature is right, by the stack's current key."]);
    let json = tool.finish(tool.command(&[&["--json"], &verify[..]].concat()), &body);
    let json: Value = serde_json::from_str(&json.await?.stdout)?;
    assert_eq!(
        json,
        json!({"right": true, "key": "current", "body_bytes": body.len()})
    );
    Ok(())
}

async fn a_signature_of_the_previous_key_counts_for_a_day(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let tool = Tool::on(world);
    stack
        .put_signing_secret("whsec_the-key-of-this-trial")
        .await?;
    let signature = sign(BODY.as_bytes(), world.signing_secret.as_bytes());
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    for (age, status, words) in [
        (
            DAY - 60.0,
            0,
            ["by the stack's previous key", "is valid until"],
        ),
        (
            DAY + 60.0,
            1,
            [
                "previous key, which is not valid any more",
                "was valid until",
            ],
        ),
    ] {
        proxy.set("GetSecretValue", aged(age));
        let mut command = tool.command(&["webhook", "verify", "--signature", &signature]);
        command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url());
        tool.finish(command, BODY).await?.assert(status, &words);
    }
    fresh(world).await?;
    Ok(())
}

/// Makes every version of a secret older by these seconds.
pub(super) fn aged(seconds: f64) -> Behaviour {
    Behaviour::rewrite(move |answer| {
        // an answer that refuses has no date
        if let Some(created) = answer["CreatedDate"].as_f64() {
            answer["CreatedDate"] = json!(created - seconds);
        }
    })
}

async fn a_secret_without_a_value_is_named(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let arn = stack.output("WebhookSigningSecretArn");
    stack.put_secret(arn, "whsec_the-value-alone").await?;
    let tool = Tool::on(world);
    let verify = ["webhook", "verify", "--signature", SIGNATURE];
    let said = tool.run_with_input(&verify, BODY).await?;
    said.assert(
        1,
        &[
            "is malformed in version AWSCURRENT",
            "secret rotate signing",
        ],
    );
    fresh(world).await?;
    Ok(())
}
