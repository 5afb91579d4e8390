//! `whoop-partner webhook send`.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use local_aws::world::World;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;
use whoop_simulator::AppointmentType;

use super::{KEY, Tool, file, fresh, without_account};
use crate::harness::{Harness, Outcome, soon, trials};

/// The trials of this command.
pub(super) fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let mut trials = trials![harness.beside_without_stack;
        an_answer_after_a_second_is_too_late,
        a_redirect_is_not_followed,
        an_answer_that_breaks_off_or_never_comes_is_no_answer,
        wrong_use_of_send_is_refused,
    ];
    trials.extend(trials![harness.on_operated_stack;
        each_kind_of_signature_gets_its_answer,
        an_unexpected_answer_is_a_failure,
        an_order_is_fetched_from_whoop,
        repeated_webhooks_are_summed_up,
    ]);
    trials
}

/// A server that answers every request with `answer`, after this time.
struct Server {
    url: String,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(answer: impl Into<String>, delay: Duration) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let answer = answer.into();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let answer = answer.clone();
                tokio::spawn(async move {
                    // the request fits into one packet of the loopback interface
                    let _ = stream.read(&mut [0; 8192]).await;
                    tokio::time::sleep(delay).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                });
            }
        });
        Ok(Self { url, task })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn an_answer_after_a_second_is_too_late() -> Outcome {
    let accepted = "HTTP/1.1 204 No Content\r\nApigw-Requestid: an-id-of-the-gateway=\r\n\r\n";
    let slow = Server::start(accepted, Duration::from_millis(1200)).await?;
    let send = ["webhook", "send", "--heartbeat", "--secret-stdin", "--url"];
    let said = without_account(&[&send[..], &[&slow.url]].concat(), KEY).await?;
    said.assert(1, &["204: accepted", "too late", "WHOOP waits 1000 ms"]);

    let quick = Server::start(accepted, Duration::ZERO).await?;
    let said = without_account(&[&send[..], &[&quick.url]].concat(), KEY).await?;
    let hint = "whoop-partner logs 'an-id-of-the-gateway='";
    said.assert(0, &["204: accepted", hint]);
    Ok(())
}

async fn a_redirect_is_not_followed() -> Outcome {
    let target = Server::start("HTTP/1.1 204 No Content\r\n\r\n", Duration::ZERO).await?;
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        target.url
    );
    let server = Server::start(redirect, Duration::ZERO).await?;
    let send = [
        "webhook",
        "send",
        "--heartbeat",
        "--signature=missing",
        "--url",
    ];
    let said = without_account(&[&send[..], &[&server.url]].concat(), "").await?;
    said.assert(1, &["307: a redirect, which is not followed; expected 401"]);
    Ok(())
}

async fn an_answer_that_breaks_off_or_never_comes_is_no_answer() -> Outcome {
    let send = [
        "--json",
        "webhook",
        "send",
        "--heartbeat",
        "--signature=wrong",
        "--url",
    ];
    let broken = "HTTP/1.1 204 No Content\r\n";
    let server = Server::start(broken, Duration::ZERO).await?;
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        format!("http://{}/", listener.local_addr()?)
    };
    for url in [&server.url, &nobody] {
        let said = without_account(&[&send[..], &[url]].concat(), "").await?;
        said.assert(1, &["no answer"]);
        let answer: Value = serde_json::from_str(&said.stdout)?;
        assert_eq!(answer["status"], Value::Null);
        assert_eq!(answer["expected_status"], 401);
        assert_eq!(answer["as_expected"], false);
    }
    Ok(())
}

async fn wrong_use_of_send_is_refused() -> Outcome {
    let send = ["webhook", "send"];
    let (_folder, body) = file("{}")?;
    for (arguments, words) in [
        (&[][..], "required"),
        (&["--heartbeat", "--event-type", "a"], "cannot be used with"),
        (&["--heartbeat", "--body", &body], "cannot be used with"),
        (&["--heartbeat", "--resource-id", "a"], "--resource-id"),
        (&["--heartbeat", "--repeat", "0"], "0 is not in 1..=1000"),
        (&["--heartbeat", "--signature", "good"], "possible values"),
        (
            &["--heartbeat", "--url", "http://whoop.example"],
            "neither https nor plain http",
        ),
        (
            &["--heartbeat", "--url", "whoop.example"],
            "not an absolute URL",
        ),
        (
            &[
                "--heartbeat",
                "--url",
                "https://user:hunter2-hunter2@whoop.example",
            ],
            "password",
        ),
        (
            &[
                "--body",
                "-",
                "--secret-stdin",
                "--url",
                "http://127.0.0.1:9",
            ],
            "not both",
        ),
    ] {
        let said = without_account(&[&send[..], arguments].concat(), KEY).await?;
        said.assert(2, &[words]);
        assert!(!said.text().contains("hunter2"), "{said:?}");
        assert_eq!(said.stdout, "", "{said:?}");
    }
    Ok(())
}

async fn each_kind_of_signature_gets_its_answer(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    let tool = Tool::on(world);
    let id = Uuid::new_v4().to_string();
    stack.recorder.forbid("resource id", &id);
    let event = [
        "--event-type",
        "clinical_report_review.requested",
        "--resource-id",
        &id,
    ];
    for (signature, status) in [
        ("right", 204),
        ("wrong", 401),
        ("missing", 401),
        ("malformed", 401),
    ] {
        let send = ["webhook", "send", "--signature", signature];
        let said = tool.run(&[&send[..], &event].concat()).await?;
        // a cold start of the local AWS may take longer than WHOOP waits
        assert!(said.stdout.starts_with(&format!("{status}: ")), "{said:?}");
        assert!(!said.stdout.contains("expected"), "{said:?}");
    }
    let old = ["webhook", "send", "--heartbeat", "--signature", "old"];
    tool.run(&old).await?.assert(1, &["no previous version"]);
    stack
        .put_signing_secret("whsec_the-key-of-this-trial")
        .await?;
    let said = tool.run(&old).await?;
    assert!(said.stdout.starts_with("204: accepted"), "{said:?}");
    fresh(world).await?;
    Ok(())
}

async fn an_unexpected_answer_is_a_failure(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let tool = Tool::on(world);
    let send = ["webhook", "send", "--heartbeat", "--secret-stdin"];
    let said = tool.run_with_input(&send, "whsec_of-somebody-else").await?;
    said.assert(1, &["401: refused", "expected 204"]);
    stack
        .recorder
        .forbid("signing secret", "whsec_of-somebody-else");

    let url = format!("{}/and-more", stack.output("WebhookUrl"));
    let said = tool
        .run(&["webhook", "send", "--heartbeat", "--url", &url])
        .await?;
    said.assert(1, &["404: API Gateway knows no such path"]);
    Ok(())
}

async fn an_order_is_fetched_from_whoop(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    world.simulator.reset();
    let id = world.simulator.add_test_data(AppointmentType::default());
    world.simulator.settled().await;
    stack.recorder.forbid("resource id", &id);
    let path = format!("/v2/partner/requisition/{id}");
    let fetched = || world.simulator.calls_to(&path).len();
    soon("the order is fetched", async || Ok(fetched() > 0)).await?;
    let before = fetched();
    let event = [
        "--event-type",
        "lab_requisition.created",
        "--resource-id",
        &id,
    ];
    let said = Tool::on(world)
        .run(&[&["webhook", "send"], &event[..]].concat())
        .await?;
    assert!(said.stdout.starts_with("204: "), "{said:?}");
    soon(
        "the order is fetched again",
        async || Ok(fetched() > before),
    )
    .await
}

async fn repeated_webhooks_are_summed_up(world: &World) -> Outcome {
    fresh(world).await?;
    let send = ["--json", "webhook", "send", "--heartbeat", "--repeat", "3"];
    let said = Tool::on(world).run(&send).await?;
    let lines: Result<Vec<Value>, _> = said.stdout.lines().map(serde_json::from_str).collect();
    let lines = lines?;
    assert_eq!(lines.len(), 4, "{said:?}");
    let (answers, summary) = (&lines[..3], &lines[3]);
    assert!(
        answers.iter().all(|answer| answer["status"] == 204),
        "{said:?}"
    );
    // the local AWS is slow at times
    let in_time = |answer: &&Value| answer["in_time"] == true;
    let good = answers.iter().filter(in_time).count();
    let slowest = answers
        .iter()
        .filter_map(|answer| answer["elapsed_ms"].as_u64())
        .max();
    assert_eq!(
        *summary,
        json!({"sent": 3, "good": good, "slowest_ms": slowest})
    );
    assert_eq!(said.status == 0, good == 3, "{said:?}");
    Ok(())
}
