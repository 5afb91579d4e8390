//! `whoop-partner secret`.

mod credentials;

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::aws_proxy::{AwsProxy, Behaviour};
use local_aws::stack::Stack;
use local_aws::steps::Steps;
use local_aws::world::World;
use serde_json::Value;
use uuid::Uuid;
use whoop_simulator::{Simulator, SimulatorConfig};

use super::webhook::{aged, fresh};
use super::{Said, Tool};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let mut trials = trials![harness.on_operated_stack;
        both_secrets_of_a_new_stack_are_set,
        a_rotated_signing_secret_keeps_the_key_before_it,
        a_third_key_within_a_day_is_refused,
        a_failed_call_changes_nothing_and_can_be_repeated,
        a_value_that_can_not_be_meant_is_refused,
        the_prompt_does_not_show_what_is_typed,
    ];
    trials.extend(credentials::trials(harness));
    trials
}

/// A signing secret that no other trial uses, and that must not leak.
fn new_key(world: &World) -> String {
    let key = format!("whsec_{}", Uuid::new_v4().simple());
    world.stack.recorder.forbid("signing secret", &key);
    key
}

/// Runs the tool, and checks its exit status.
async fn run(world: &World, arguments: &[&str], input: &str, status: i32) -> Result<Said, Failed> {
    let said = Tool::on(world).run_with_input(arguments, input).await?;
    assert_eq!(said.status, status, "{arguments:?}: {said:?}");
    Ok(said)
}

async fn json(world: &World, arguments: &[&str], input: &str) -> Result<Value, Failed> {
    let said = run(world, &[&["--json"], arguments].concat(), input, 0).await?;
    Ok(serde_json::from_str(&said.stdout)?)
}

const SET: [&str; 3] = ["secret", "set", "signing"];
const ROTATE: [&str; 3] = ["secret", "rotate", "signing"];

/// The JSON of the current version of a secret, and its id.
async fn current(stack: &Stack, output: &str) -> Result<(Value, String), Failed> {
    let call = stack.secrets_manager.get_secret_value();
    let answer = call.secret_id(stack.output(output)).send().await?;
    let value = serde_json::from_str(answer.secret_string().unwrap_or_default())?;
    Ok((value, answer.version_id().unwrap_or_default().to_owned()))
}

/// A stack as after its first deployment, with secrets that have no value.
async fn new_stack(world: &World) -> Result<World, Failed> {
    let key = new_key(world);
    let simulator = Simulator::start(SimulatorConfig {
        client_id: "client-of-the-new-stack".into(),
        client_secret: format!("client-secret-{}", Uuid::new_v4().simple()),
        signing_secret: key.clone(),
        ..SimulatorConfig::default()
    });
    let simulator = simulator.await?;
    let partner_api = simulator.base_url();
    let parameters = [("Local", "true"), ("PartnerApiBaseUrl", &partner_api)];
    let stack = Stack::deploy(&world.aws, "new", &parameters).await?;
    let client_secret = format!("client-secret-{}", Uuid::new_v4().simple());
    stack.recorder.forbid("client secret", &client_secret);
    simulator.set_credentials("client-of-the-new-stack", &client_secret);
    simulator.set_webhook_url(stack.output("WebhookUrl"));
    Steps::silent().done("the new stack is deployed");
    Ok(World {
        stack,
        simulator,
        aws: Arc::clone(&world.aws),
        signing_secret: key,
        client_id: "client-of-the-new-stack".into(),
        client_secret,
    })
}

async fn both_secrets_of_a_new_stack_are_set(world: &World) -> Outcome {
    let new = new_stack(world).await?;
    let outcome = set_both(&new).await;
    new.stack.delete().await?;
    outcome
}

async fn set_both(world: &World) -> Outcome {
    let verify = ["webhook", "verify", "--signature", "abc"];
    run(world, &verify, "{}", 1).await?;
    let key = &world.signing_secret;
    run(world, &ROTATE, key, 1).await?.assert(
        1,
        &["no value is stored yet", "whoop-partner secret set signing"],
    );

    // one line feed, as `echo` adds it, is not part of the secret
    let set = json(world, &SET, &format!("{key}\n")).await?;
    assert_eq!(set["changed"], true);
    assert_eq!(set["previous_key_valid_until"], Value::Null);
    let (value, id) = current(&world.stack, "WebhookSigningSecretArn").await?;
    assert_eq!(value, serde_json::json!({"signing_secret": key}));
    assert_eq!(set["version_id"], id);

    let again = json(world, &SET, key).await?;
    assert_eq!(
        (&again["changed"], &again["version_id"]),
        (&false.into(), &id.into())
    );
    run(world, &SET, &new_key(world), 1).await?.assert(
        1,
        &[
            "another value is stored already since",
            "whoop-partner secret rotate signing",
        ],
    );

    let id = ["--client-id", world.client_id.as_str()];
    let set = [&["secret", "set", "credentials"], &id[..]].concat();
    let rotate = [&["secret", "rotate", "credentials"], &id[..]].concat();
    run(world, &rotate, &world.client_secret, 1).await?.assert(
        1,
        &[
            "no value is stored yet",
            "whoop-partner secret set credentials",
        ],
    );
    let said = run(world, &set, &world.client_secret, 0).await?;
    said.assert(
        0,
        &[
            "Stored the client credentials: version",
            "token refresh --force",
        ],
    );
    let again = json(world, &set, &world.client_secret).await?;
    assert_eq!(again["changed"], false);
    run(world, &set, "another-client-secret", 1).await?.assert(
        1,
        &[
            "another value is stored already since",
            "whoop-partner secret rotate credentials",
        ],
    );

    let refreshed = json(world, &["token", "refresh"], "").await?;
    assert_eq!(refreshed["outcome"], "refreshed");
    let send = ["webhook", "send", "--heartbeat"];
    let said = Tool::on(world).run(&send).await?;
    assert!(said.stdout.starts_with("204: "), "{said:?}");
    Ok(())
}

async fn a_rotated_signing_secret_keeps_the_key_before_it(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    let key = new_key(world);
    let said = run(world, &ROTATE, &key, 0).await?;
    said.assert(
        0,
        &[
            "Stored the signing secret: version",
            "The key before it is valid until",
        ],
    );
    for signing_secret in [&key, &world.signing_secret] {
        let body = whoop_partner::heartbeat::body(std::time::SystemTime::now());
        let answer = stack.deliver(body, signing_secret).await?;
        assert_eq!(answer.status, 204);
    }
    // going back to the key before drops nothing
    let (_, id) = current(stack, "WebhookSigningSecretArn").await?;
    let again = json(world, &ROTATE, &key).await?;
    assert_eq!(
        (&again["changed"], &again["version_id"]),
        (&false.into(), &id.into())
    );
    assert!(again["previous_key_valid_until"].is_string(), "{again}");
    let back = json(world, &ROTATE, &world.signing_secret).await?;
    assert_eq!(back["changed"], true);
    fresh(world).await?;
    Ok(())
}

async fn a_third_key_within_a_day_is_refused(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let (second, third) = (new_key(world), new_key(world));
    run(world, &ROTATE, &second, 0).await?;
    let said = run(world, &ROTATE, &third, 1).await?;
    said.assert(
        1,
        &["is valid until", "wait until then", "--drop-previous-key"],
    );
    let stored = async || Ok::<_, Failed>(current(stack, "WebhookSigningSecretArn").await?.0);
    assert_eq!(stored().await?["signing_secret"], second.as_str());

    // a malformed value makes the key before it no less worth keeping
    let arn = stack.output("WebhookSigningSecretArn");
    stack.put_secret(arn, "{}").await?;
    run(world, &ROTATE, &third, 1).await?;
    run(world, &ROTATE, &second, 0).await?;

    fresh(world).await?;
    run(world, &ROTATE, &second, 0).await?;
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    proxy.set("GetSecretValue", aged(24.0 * 60.0 * 60.0));
    let mut command = Tool::on(world).command(&ROTATE);
    command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url());
    Tool::on(world)
        .finish(command, &third)
        .await?
        .assert(0, &[]);
    assert_eq!(stored().await?["signing_secret"], third.as_str());

    let forced = [&ROTATE[..], &["--drop-previous-key"]].concat();
    run(world, &forced, &new_key(world), 0).await?;
    fresh(world).await?;
    Ok(())
}

async fn a_failed_call_changes_nothing_and_can_be_repeated(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let key = new_key(world);
    let proxy = AwsProxy::start(world.aws.endpoint()).await?;
    let (_, before) = current(stack, "WebhookSigningSecretArn").await?;
    for (operation, code, words) in [
        (
            "PutSecretValue",
            "AccessDeniedException",
            "repeat the command",
        ),
        (
            "GetSecretValue",
            "AccessDeniedException",
            "GetSecretValue failed",
        ),
    ] {
        proxy.reset();
        proxy.set(operation, Behaviour::Fail { status: 400, code });
        let mut command = Tool::on(world).command(&ROTATE);
        command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url());
        let said = Tool::on(world).finish(command, &key).await?;
        said.assert(1, &[words, code]);
        let (_, after) = current(stack, "WebhookSigningSecretArn").await?;
        assert_eq!(before, after);
    }
    // the second try of the SDK is the same version
    proxy.reset();
    proxy.next("PutSecretValue", Behaviour::CloseConnection);
    let mut command = Tool::on(world).command(&ROTATE);
    command.env("AWS_ENDPOINT_URL_SECRETS_MANAGER", proxy.url());
    Tool::on(world).finish(command, &key).await?.assert(0, &[]);
    assert_eq!(proxy.calls("PutSecretValue"), 2);
    fresh(world).await?;
    Ok(())
}

async fn a_value_that_can_not_be_meant_is_refused(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let (_, before) = current(stack, "WebhookSigningSecretArn").await?;
    for (input, reason) in [
        ("", "is empty"),
        ("\n", "is empty"),
        (" whsec_a-key", "white space"),
        ("whsec_a-key\r\n", "white space"),
        ("whsec_a-key\nand more", "control characters"),
        (r#"{"signing_secret": "whsec_a-key"}"#, "is JSON"),
    ] {
        let said = run(world, &ROTATE, input, 2).await?;
        assert!(said.stderr.contains(reason), "{input:?}: {said:?}");
        assert!(!said.text().contains("whsec_a-key"), "{said:?}");
    }
    // an argument would be seen by others on the machine
    run(world, &[&ROTATE[..], &["whsec_a-key"]].concat(), "", 2).await?;
    let unchecked = [&ROTATE[..], &["--unchecked"]].concat();
    let said = run(world, &unchecked, "whsec_a-key", 2).await?;
    said.assert(2, &["are for the credentials"]);
    let drop = ["secret", "rotate", "credentials", "--drop-previous-key"];
    let said = run(world, &drop, "client-secret", 2).await?;
    said.assert(2, &["is for the signing secret"]);
    let set = ["secret", "set", "credentials"];
    let said = run(world, &set, "client-secret", 2).await?;
    said.assert(2, &["give --client-id"]);
    let said = run(
        world,
        &[&set[..], &["--client-id", ""]].concat(),
        "client-secret",
        2,
    )
    .await?;
    said.assert(2, &["the client ID is empty"]);
    let (_, after) = current(stack, "WebhookSigningSecretArn").await?;
    assert_eq!(before, after);
    Ok(())
}

async fn the_prompt_does_not_show_what_is_typed(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let key = new_key(world);
    // `script` gives the tool a terminal, and types what it reads itself
    let tool = Tool::on(world).command(&ROTATE);
    let tool = tool.as_std();
    let mut words = vec![tool.get_program().to_string_lossy()];
    words.extend(tool.get_args().map(|word| word.to_string_lossy()));
    let mut command = tokio::process::Command::new("script");
    command.args([
        "--quiet",
        "--return",
        "--echo",
        "never",
        "--command",
        &words.join(" "),
    ]);
    command
        .arg("/dev/null")
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    let variables = tool
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    command.envs(variables).kill_on_drop(true);
    let said = Tool::on(world).finish(command, &format!("{key}\n")).await?;
    said.assert(
        0,
        &[
            "signing secret (it is not shown): ",
            "Stored the signing secret",
        ],
    );
    assert!(!said.text().contains(&key), "{said:?}");
    let (value, _) = current(stack, "WebhookSigningSecretArn").await?;
    assert_eq!(value["signing_secret"], key.as_str());
    fresh(world).await?;
    Ok(())
}
