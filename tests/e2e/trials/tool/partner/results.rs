//! `whoop-partner results`.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::Fault;

use super::{Lab, service_request_path};
use crate::harness::{Harness, Outcome, trials};
use crate::tool::Said;

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        results_are_submitted_and_no_value_is_printed,
        a_dry_run_submits_nothing,
        all_complaints_about_a_file_are_made_before_whoop_is_called,
        results_that_nobody_waits_for_are_not_submitted,
        results_whose_answer_is_lost_are_not_submitted_twice,
        results_that_whoop_refuses_are_not_quoted,
        a_status_is_set_after_the_results,
        the_example_can_be_submitted,
        files_that_can_not_be_read_are_named,
    ]
}

/// The results of a test, with values that are found wherever they are.
struct Results {
    file: Value,
    text: String,
}

impl Results {
    fn of(lab: &mut Lab<'_>, service_request: &str) -> Self {
        let text = lab.private("no growth for Layla");
        let number = f64::from(fastrand::u32(10_000_000..99_999_999)) / 64.0;
        lab.private.push(number.to_string());
        let file = json!({
            "service_request_id": service_request,
            "status": "final",
            "observations": [
                {"code": "2093-3", "value_numeric": number, "unit": "mmol/L", "status": "final"},
                {"code": "CULTURE", "value_text": text, "status": "final"},
            ],
        });
        Self { file, text }
    }

    /// What WHOOP gets.
    fn report(&self) -> Value {
        let mut report = self.file.clone();
        report
            .as_object_mut()
            .expect("it is an object")
            .remove("service_request_id");
        report
    }

    /// Submits them by way of standard input.
    async fn submit(&self, lab: &Lab<'_>, options: &[&str]) -> Result<Said, libtest_mimic::Failed> {
        let arguments = [&["results", "submit", "-"], options].concat();
        let said = lab
            .tool
            .run_with_input(&arguments, &self.file.to_string())
            .await?;
        if !options.contains(&"--show-phi") {
            lab.assert_private(&said);
        }
        Ok(said)
    }
}

fn lab(world: &World) -> (Lab<'_>, String, Results) {
    let mut lab = Lab::new(world);
    let id = lab.first().to_owned();
    let results = Results::of(&mut lab, &id);
    (lab, id, results)
}

async fn results_are_submitted_and_no_value_is_printed(world: &World) -> Outcome {
    let (lab, id, results) = lab(world);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("results.json");
    std::fs::write(&path, results.file.to_string())?;
    let path = path.to_str().ok_or("the path is no text")?;
    let said = lab.succeeds(&["results", "submit", path]).await?;
    lab.assert_private(&said);
    for shown in [
        &id,
        "final",
        "2 (2093-3, CULTURE)",
        "The results are submitted.",
    ] {
        assert!(said.stdout.contains(shown), "{shown} is not in {said:?}");
    }
    assert_eq!(lab.whoop.reports(&id), [results.report()]);

    let report = lab.tool.json(&["results", "submit", path]).await?;
    assert_eq!(report["submitted"], true);
    assert_eq!(report["service_request_id"], json!(id));
    assert_eq!(report["codes"], json!(["2093-3", "CULTURE"]));
    assert_eq!(lab.writes().len(), 2);
    Ok(())
}

async fn a_dry_run_submits_nothing(world: &World) -> Outcome {
    let (lab, id, results) = lab(world);
    let options = ["--dry-run", "--then-status", "FULL_RESULTS_READY"];
    let said = results.submit(&lab, &options).await?;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(said.stdout.contains("Nothing was sent."), "{said:?}");
    assert!(lab.writes().is_empty());
    assert!(lab.whoop.reports(&id).is_empty());
    Ok(())
}

async fn all_complaints_about_a_file_are_made_before_whoop_is_called(world: &World) -> Outcome {
    let (lab, id, mut results) = lab(world);
    results.file["observations"][0]["valueNumeric"] = json!(1);
    results.file["observations"][1]["code"] = json!(null);
    results.file["status"] = json!("done");
    for options in [&[][..], &["--dry-run"]] {
        let said = results.submit(&lab, options).await?;
        assert_eq!(said.status, 1, "{said:?}");
        for complaint in [
            "/status: unknown status; known are final, partial",
            "/observations/0/valueNumeric: unknown field",
            "/observations/1/code: missing",
            "Nothing was sent.",
        ] {
            assert!(
                said.stdout.contains(complaint),
                "{complaint} is not in {said:?}"
            );
        }
    }
    let said = results.submit(&lab, &["--json"]).await?;
    assert_eq!(said.status, 1, "{said:?}");
    let report: Value = serde_json::from_str(&said.stdout)?;
    assert_eq!(report["submitted"], false);
    assert_eq!(report["complaints"][0]["at"], "/status");
    assert_eq!(report["complaints"].as_array().map(Vec::len), Some(3));
    assert!(lab.whoop.calls_to(&service_request_path(&id)).is_empty());
    Ok(())
}

async fn results_that_nobody_waits_for_are_not_submitted(world: &World) -> Outcome {
    let mut lab = Lab::with(
        world,
        &[
            json!({"status": "revoked"}),
            json!({"task_business_status": "FULL_RESULTS_READY"}),
            json!({"task_business_status": "RESULTS_ISSUE"}),
        ],
    );
    let ids = lab.service_requests.clone();
    let [revoked, ready, issue] = &ids[..] else {
        return Err("there are three".into());
    };
    let unknown = Uuid::new_v4().to_string();
    for (id, words) in [
        (&unknown, "WHOOP has no such service request"),
        (revoked, "is revoked"),
        (ready, "give --again"),
    ] {
        let results = Results::of(&mut lab, id);
        for options in [&[][..], &["--dry-run"]] {
            let said = results.submit(&lab, options).await?;
            assert_eq!(said.status, 1, "{said:?}");
            assert!(said.stderr.contains(words), "{said:?}");
        }
    }
    assert!(lab.writes().is_empty());

    let results = Results::of(&mut lab, ready);
    let said = results.submit(&lab, &["--again"]).await?;
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(lab.whoop.reports(ready), [results.report()]);
    let results = Results::of(&mut lab, issue);
    let said = results.submit(&lab, &[]).await?;
    assert_eq!(said.status, 0, "{said:?}");
    assert!(
        said.stdout.contains("RESULTS_ISSUE: WHOOP has taken over"),
        "{said:?}"
    );
    Ok(())
}

async fn results_whose_answer_is_lost_are_not_submitted_twice(world: &World) -> Outcome {
    let (lab, id, results) = lab(world);
    lab.whoop.fault(Fault {
        path: service_request_path(&id),
        method: Some("POST".into()),
        disconnect_after_effect: true,
        ..Fault::default()
    });
    let said = results
        .submit(&lab, &["--then-status", "FULL_RESULTS_READY"])
        .await?;
    assert_eq!(said.status, 1, "{said:?}");
    for words in [
        "WHOOP may have the results, or not",
        "ask WHOOP",
        "service-request get",
    ] {
        assert!(said.stderr.contains(words), "{words} is not in {said:?}");
    }
    assert_eq!(lab.whoop.reports(&id).len(), 1);
    assert_eq!(lab.writes().len(), 1);
    assert_eq!(lab.status(&id), json!(null));
    Ok(())
}

async fn results_that_whoop_refuses_are_not_quoted(world: &World) -> Outcome {
    let (lab, id, results) = lab(world);
    let refusal = || {
        let body = format!("the value {} is odd", results.text);
        let path = service_request_path(&id);
        Fault::status(&path, 422).method("POST").body(body)
    };
    lab.whoop.fault(refusal());
    let said = results.submit(&lab, &[]).await?;
    assert_eq!(said.status, 1, "{said:?}");
    for words in ["status 422", "--show-phi"] {
        assert!(said.stderr.contains(words), "{words} is not in {said:?}");
    }
    lab.whoop.fault(refusal());
    let said = results.submit(&lab, &["--show-phi"]).await?;
    assert!(said.stderr.contains(&results.text), "{said:?}");
    assert!(lab.whoop.reports(&id).is_empty());
    Ok(())
}

async fn a_status_is_set_after_the_results(world: &World) -> Outcome {
    let (lab, id, mut results) = lab(world);
    let fields = results.file.as_object_mut().expect("it is an object");
    fields.remove("service_request_id");
    let options = [
        "--service-request",
        &id,
        "--then-status",
        "PARTIAL_RESULTS_READY",
    ];
    let said = results.submit(&lab, &options).await?;
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(lab.status(&id), "PARTIAL_RESULTS_READY");
    assert!(said.stdout.contains("at PARTIAL_RESULTS_READY"), "{said:?}");
    assert_eq!(lab.whoop.reports(&id).len(), 1);

    let path = service_request_path(&id);
    lab.whoop
        .fault(Fault::status(&path, 503).method("PATCH").times(4));
    let options = [
        "--service-request",
        &id,
        "--then-status",
        "FULL_RESULTS_READY",
    ];
    let said = results.submit(&lab, &options).await?;
    assert_eq!(said.status, 1, "{said:?}");
    for words in [
        "the results are submitted, but the status is not set",
        "do not submit them again",
    ] {
        assert!(said.stderr.contains(words), "{words} is not in {said:?}");
    }
    assert_eq!(lab.whoop.reports(&id).len(), 2);
    assert_eq!(lab.status(&id), "PARTIAL_RESULTS_READY");

    let options = ["--service-request", &id, "--then-status", "ORDER_CONFIRMED"];
    assert_eq!(results.submit(&lab, &options).await?.status, 2);
    Ok(())
}

async fn the_example_can_be_submitted(world: &World) -> Outcome {
    let (lab, ..) = lab(world);
    let example = lab.succeeds(&["results", "example"]).await?.stdout;
    let json = lab.tool.json(&["results", "example"]).await?;
    assert_eq!(serde_json::from_str::<Value>(&example)?, json);
    let id = json["service_request_id"]
        .as_str()
        .ok_or("the example has an id")?;
    lab.whoop
        .put_service_request(json!({"id": id, "status": "active", "code": "c"}));
    let arguments = ["results", "submit", "-", "--service-request", id];
    let said = lab.tool.run_with_input(&arguments, &example).await?;
    assert_eq!(said.status, 0, "{said:?}");
    assert_eq!(lab.whoop.reports(id).len(), 1);
    Ok(())
}

async fn files_that_can_not_be_read_are_named(world: &World) -> Outcome {
    let (lab, id, results) = lab(world);
    lab.fails(
        &["results", "submit", "/nowhere/results.json"],
        1,
        &["/nowhere/results.json"],
    )
    .await?;
    lab.fails(&["results", "submit", "/dev/zero"], 1, &["longer than"])
        .await?;
    lab.fails(&["results", "submit"], 2, &["<FILE>"]).await?;
    let options = ["--service-request", "a b"];
    assert_eq!(results.submit(&lab, &options).await?.status, 2);
    let options = ["--service-request", &lab.service_requests[1]];
    let said = results.submit(&lab, &options).await?;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.stdout
            .contains("another service request than --service-request"),
        "{said:?}"
    );
    assert!(lab.whoop.calls_to(&service_request_path(&id)).is_empty());
    Ok(())
}
