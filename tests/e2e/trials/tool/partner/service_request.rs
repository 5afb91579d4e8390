//! `whoop-partner service-request`.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::json;

use super::{Lab, service_request_path};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        a_service_request_is_shown_without_its_description,
        a_status_is_set_and_the_reason_is_not_printed,
        a_status_that_is_not_known_has_an_option_of_its_own,
        an_issue_needs_consent,
        statuses_that_make_no_sense_are_wrong_use,
    ]
}

async fn a_service_request_is_shown_without_its_description(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let said = lab
        .succeeds(&["service-request", "get", lab.first()])
        .await?;
    lab.assert_private(&said);
    assert!(said.stdout.contains("2093-3"), "{said:?}");
    let said = lab
        .succeeds(&["--json", "service-request", "get", lab.first()])
        .await?;
    lab.assert_private(&said);

    let whole = lab
        .whoop
        .service_request(lab.first())
        .expect("WHOOP serves it");
    let show = ["service-request", "get", lab.first(), "--show-phi"];
    assert_eq!(lab.tool.json(&show).await?, whole);
    let said = lab.succeeds(&show).await?;
    for field in ["task_description", "note_of_whoop"] {
        let text = whole[field].as_str().expect("it is a text");
        assert!(said.stdout.contains(text), "{field} is not in {said:?}");
    }
    Ok(())
}

async fn a_status_is_set_and_the_reason_is_not_printed(world: &World) -> Outcome {
    let mut lab = Lab::new(world);
    let reason = lab.private("Layla came late");
    let arguments = [
        "service-request",
        "status",
        lab.first(),
        "APPOINTMENT_ATTENDED",
        "--reason",
        &reason,
    ];
    let said = lab.tool.command(&arguments).output().await?;
    let stdout = String::from_utf8(said.stdout)?;
    assert_eq!(
        stdout,
        format!(
            "{} (2093-3): no status -> APPOINTMENT_ATTENDED\n",
            lab.first()
        )
    );
    assert!(said.status.success() && said.stderr.is_empty());
    let writes = lab.writes();
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].path,
        format!("{}/status", service_request_path(lab.first()))
    );
    let body = json!({"task_business_status": "APPOINTMENT_ATTENDED", "reason": reason});
    assert_eq!(writes[0].body, Some(body));

    let report = lab
        .tool
        .json(&[
            "service-request",
            "status",
            lab.first(),
            "FULL_RESULTS_READY",
        ])
        .await?;
    assert_eq!(report["before"], "APPOINTMENT_ATTENDED");
    assert_eq!(report["task_business_status"], "FULL_RESULTS_READY");
    assert_eq!(lab.status(lab.first()), "FULL_RESULTS_READY");
    Ok(())
}

async fn a_status_that_is_not_known_has_an_option_of_its_own(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let typo = ["service-request", "status", lab.first(), "ORDER_CONFIMED"];
    lab.fails(&typo, 2, &["[possible values: ", "'ORDER_CONFIRMED'"])
        .await?;
    assert!(lab.writes().is_empty());
    lab.succeeds(&[
        "service-request",
        "status",
        lab.first(),
        "--other",
        "SAMPLE_LOST",
    ])
    .await?;
    assert_eq!(lab.status(lab.first()), "SAMPLE_LOST");
    Ok(())
}

async fn an_issue_needs_consent(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let path = service_request_path(lab.first());
    for issue in ["APPOINTMENT_ISSUE", "RESULTS_ISSUE", "ORDER_ISSUE"] {
        let arguments = ["service-request", "status", lab.first(), issue];
        lab.fails(&arguments, 2, &[issue, "give --yes"]).await?;
        let other = ["service-request", "status", lab.first(), "--other", issue];
        lab.fails(&other, 2, &["give --yes"]).await?;
        let json = [&["--json"], &arguments[..]].concat();
        lab.fails(&json, 2, &["give --yes"]).await?;
    }
    assert!(lab.whoop.calls_to(&path).is_empty(), "WHOOP was called");
    let yes = [
        "service-request",
        "status",
        lab.first(),
        "ORDER_ISSUE",
        "--yes",
    ];
    lab.succeeds(&yes).await?;
    assert_eq!(lab.status(lab.first()), "ORDER_ISSUE");
    Ok(())
}

async fn statuses_that_make_no_sense_are_wrong_use(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let id = lab.first();
    for arguments in [
        &["service-request", "status", id][..],
        &[
            "service-request",
            "status",
            id,
            "ORDER_CONFIRMED",
            "--other",
            "SAMPLE_LOST",
        ],
        &["service-request", "status", id, "--other", ""],
        &[
            "service-request",
            "status",
            id,
            "ORDER_CONFIRMED",
            "--reason",
            "",
        ],
        &["service-request", "status", "a/b", "ORDER_CONFIRMED"],
        &["service-request"],
    ] {
        lab.fails(arguments, 2, &[]).await?;
    }
    assert!(lab.writes().is_empty());
    Ok(())
}
