//! `whoop-partner test-data`.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use local_aws::world::World;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use whoop_simulator::{Fault, Form, SchemaForm};

use super::Lab;
use crate::harness::{Harness, Outcome, trials};

const PATH: &str = "/v2/partner/development/add-test-data";

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        test_data_are_added_and_the_id_is_printed_if_whoop_tells_it,
        in_production_there_are_no_test_data,
        test_data_whose_answer_is_lost_are_not_added_twice,
    ]
}

/// A webhook of nobody's stack: the trials' orders are not processed. It answers 204 to everything, until it is dropped.
struct Elsewhere<'w> {
    lab: Lab<'w>,
    listener: JoinHandle<()>,
}

impl<'w> Elsewhere<'w> {
    async fn new(world: &'w World) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/", listener.local_addr()?);
        let lab = Lab::with(world, &[]);
        lab.whoop.set_webhook_url(&url);
        let listener = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream
                    .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                    .await;
            }
        });
        Ok(Self { lab, listener })
    }

    /// Runs the tool. What it says holds ids that no log may hold, so the search for leaks does not read it.
    async fn run(&self, arguments: &[&str]) -> Result<(i32, String, String), Failed> {
        let output = self.lab.tool.command(arguments).output().await?;
        let status = output.status.code().ok_or("the tool was killed")?;
        Ok((
            status,
            String::from_utf8(output.stdout)?,
            String::from_utf8(output.stderr)?,
        ))
    }

    /// How many orders the tool has asked for since the trial began.
    fn calls(&self) -> usize {
        self.lab.whoop.calls_to(PATH).len()
    }

    /// The order of the last webhook.
    async fn last(&self) -> Result<String, Failed> {
        self.lab.whoop.settled().await;
        let deliveries = self.lab.whoop.deliveries();
        let last = deliveries.last().ok_or("there is no webhook")?;
        let event: Value = serde_json::from_str(&last.body)?;
        Ok(event["resource_id"]
            .as_str()
            .ok_or("it has no id")?
            .to_owned())
    }
}

impl Drop for Elsewhere<'_> {
    fn drop(&mut self) {
        self.listener.abort();
        let whoop = self.lab.whoop;
        whoop.set_form(Form::default());
        whoop.set_webhook_url(self.lab.world.stack.output("WebhookUrl"));
    }
}

async fn test_data_are_added_and_the_id_is_printed_if_whoop_tells_it(world: &World) -> Outcome {
    let whoop = Elsewhere::new(world).await?;
    let (status, stdout, stderr) = whoop
        .run(&["test-data", "add", "--appointment", "MOBILE"])
        .await?;
    assert_eq!(status, 0, "{stderr}");
    let id = whoop.last().await?;
    assert_eq!(stdout, format!("requisition {id}\n"));
    let requisition = whoop
        .lab
        .whoop
        .requisition(&id)
        .ok_or("there is no order")?;
    assert_eq!(requisition["appointments"][0]["type"], "MOBILE");

    let (_, stdout, _) = whoop.run(&["--json", "test-data", "add"]).await?;
    let report: Value = serde_json::from_str(&stdout)?;
    let id = whoop.last().await?;
    assert_eq!(report["requisition_id"], id.as_str());
    let requisition = whoop
        .lab
        .whoop
        .requisition(&id)
        .ok_or("there is no order")?;
    assert_eq!(requisition["appointments"][0]["type"], "IN_PERSON");

    whoop.lab.whoop.set_form(Form {
        schema: SchemaForm::Documentation,
        ..Form::default()
    });
    let (status, stdout, _) = whoop.run(&["test-data", "add"]).await?;
    assert_eq!(status, 0);
    assert!(stdout.contains("does not tell its id"), "{stdout}");

    let before = whoop.calls();
    let (status, _, stderr) = whoop
        .run(&["test-data", "add", "--appointment", "MOON"])
        .await?;
    assert_eq!(status, 2);
    assert!(
        stderr.contains("[possible values: IN_PERSON, MOBILE, VIRTUAL]"),
        "{stderr}"
    );
    assert_eq!(whoop.calls(), before);
    whoop.lab.whoop.settled().await;
    Ok(())
}

async fn in_production_there_are_no_test_data(world: &World) -> Outcome {
    let lab = Lab::with(world, &[]);
    lab.whoop.fault(Fault::status(PATH, 404));
    lab.fails(
        &["test-data", "add"],
        1,
        &["only outside production", "PartnerApiBaseUrl"],
    )
    .await?;
    Ok(())
}

async fn test_data_whose_answer_is_lost_are_not_added_twice(world: &World) -> Outcome {
    let whoop = Elsewhere::new(world).await?;
    let before = whoop.calls();
    whoop.lab.whoop.fault(Fault {
        path: PATH.into(),
        disconnect_after_effect: true,
        ..Fault::default()
    });
    let (status, _, stderr) = whoop.run(&["test-data", "add"]).await?;
    assert_eq!(status, 1);
    assert!(stderr.contains("may have created test data"), "{stderr}");
    assert!(stderr.contains("wait for the webhook"), "{stderr}");
    assert_eq!(whoop.calls(), before + 1);
    whoop.lab.whoop.settled().await;
    Ok(())
}
