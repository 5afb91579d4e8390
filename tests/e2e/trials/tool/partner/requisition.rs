//! `whoop-partner requisition`.

use std::sync::Arc;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};
use whoop_simulator::Fault;

use super::{Lab, service_request_path};
use crate::harness::{Harness, Outcome, trials};

/// The trials of this command.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        an_order_is_shown_without_the_patient,
        on_demand_an_order_is_shown_whole_and_as_json_byte_for_byte,
        only_service_requests_without_a_status_are_confirmed,
        what_whoop_does_not_confirm_is_told_and_the_others_are_confirmed,
        a_confirmation_that_breaks_off_shows_how_far_it_came,
    ]
}

async fn an_order_is_shown_without_the_patient(world: &World) -> Outcome {
    let lab = Lab::with(
        world,
        &[
            json!({}),
            json!({"task_business_status": "ORDER_CONFIRMED"}),
        ],
    );
    let said = lab.succeeds(&["requisition", "get", &lab.id]).await?;
    lab.assert_private(&said);
    let shown = [
        lab.id.as_str(),
        "2026-11-23T09:31:00Z",
        "1 (MOBILE)",
        "2093-3",
        "ORDER_CONFIRMED",
    ];
    let ids = lab.service_requests.iter().map(String::as_str);
    for shown in shown.into_iter().chain(ids) {
        assert!(said.stdout.contains(shown), "{shown} is not in {said:?}");
    }

    let said = lab
        .succeeds(&["--json", "requisition", "get", &lab.id])
        .await?;
    lab.assert_private(&said);
    let json: Value = serde_json::from_str(&said.stdout)?;
    for (pointer, value) in [
        ("/id", json!(lab.id)),
        ("/patient", json!("hidden")),
        ("/added_by_whoop_later", json!("hidden")),
        ("/appointments/0/type", json!("MOBILE")),
        ("/appointments/0/start_time", json!("hidden")),
        ("/appointments/0/collection_address", json!("hidden")),
        ("/service_requests/0/id", json!(lab.first())),
        ("/service_requests/0/task_business_status", json!(null)),
        ("/service_requests/0/task_description", json!("hidden")),
        ("/service_requests/0/based_on/0/id", json!("hidden")),
        ("/service_requests/0/note_of_whoop", json!("hidden")),
        (
            "/service_requests/1/task_business_status",
            json!("ORDER_CONFIRMED"),
        ),
    ] {
        assert_eq!(json.pointer(pointer), Some(&value), "{pointer}");
    }
    assert!(lab.writes().is_empty());
    Ok(())
}

async fn on_demand_an_order_is_shown_whole_and_as_json_byte_for_byte(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let said = lab
        .succeeds(&["requisition", "get", &lab.id, "--show-phi"])
        .await?;
    for private in &lab.private {
        assert!(
            said.stdout.contains(private),
            "{private} is not in {said:?}"
        );
    }
    let requisition = lab.whoop.requisition(&lab.id).expect("WHOOP serves it");
    let text = requisition
        .to_string()
        .replace("7.5", "7.50")
        .replacen('{', "{ \n", 1);
    lab.whoop.put_requisition(&text);
    let arguments = ["--json", "requisition", "get", &lab.id, "--show-phi"];
    assert_eq!(lab.succeeds(&arguments).await?.stdout.trim_end(), text);
    Ok(())
}

async fn only_service_requests_without_a_status_are_confirmed(world: &World) -> Outcome {
    let attended = json!({"task_business_status": "APPOINTMENT_ATTENDED"});
    let lab = Lab::with(
        world,
        &[json!({}), attended, json!({"status": "revoked"}), json!({})],
    );
    let before = lab.whoop.requisition(&lab.id);

    let dry = lab
        .succeeds(&["requisition", "confirm", &lab.id, "--dry-run"])
        .await?;
    lab.assert_private(&dry);
    assert_eq!(
        dry.stdout.matches("would be confirmed ").count(),
        2,
        "{dry:?}"
    );
    assert!(dry.stdout.contains("2 would be confirmed."), "{dry:?}");
    assert!(lab.writes().is_empty());
    assert_eq!(lab.whoop.requisition(&lab.id), before);

    let report = lab.tool.json(&["requisition", "confirm", &lab.id]).await?;
    let outcomes: Vec<_> = report["service_requests"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| row["outcome"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(outcomes, ["confirmed", "left", "left", "confirmed"]);
    let statuses: Vec<_> = lab
        .service_requests
        .iter()
        .map(|id| lab.status(id))
        .collect();
    let confirmed = json!("ORDER_CONFIRMED");
    assert_eq!(
        statuses,
        [
            confirmed.clone(),
            json!("APPOINTMENT_ATTENDED"),
            json!(null),
            confirmed
        ]
    );
    assert_eq!(lab.writes().len(), 2);

    let again = lab.succeeds(&["requisition", "confirm", &lab.id]).await?;
    assert!(again.stdout.contains("0 confirmed."), "{again:?}");
    assert_eq!(lab.writes().len(), 2);
    Ok(())
}

async fn what_whoop_does_not_confirm_is_told_and_the_others_are_confirmed(
    world: &World,
) -> Outcome {
    let mut lab = Lab::new(world);
    let words = lab.private("no such test for Layla");
    let refusal = || {
        let path = service_request_path(lab.first());
        Fault::status(&path, 422)
            .method("PATCH")
            .body(words.as_str())
    };
    lab.whoop.fault(refusal());
    let said = lab.tool.run(&["requisition", "confirm", &lab.id]).await?;
    assert_eq!(said.status, 1, "{said:?}");
    assert!(
        said.stdout
            .contains("refused: WHOOP refused the request with status 422"),
        "{said:?}"
    );
    assert!(said.stdout.contains("1 confirmed."), "{said:?}");
    lab.assert_private(&said);
    assert_eq!(lab.status(lab.first()), json!(null));
    assert_eq!(lab.status(&lab.service_requests[1]), "ORDER_CONFIRMED");

    lab.whoop.fault(refusal());
    let said = lab
        .tool
        .run(&["requisition", "confirm", &lab.id, "--show-phi"])
        .await?;
    assert!(said.stdout.contains(&words), "{said:?}");
    Ok(())
}

async fn a_confirmation_that_breaks_off_shows_how_far_it_came(world: &World) -> Outcome {
    let lab = Lab::with(world, &[json!({}), json!({}), json!({})]);
    let path = service_request_path(&lab.service_requests[1]);
    lab.whoop.fault(Fault::status(&path, 500).times(4));
    let words = ["status 500", "try again"];
    let said = lab
        .fails(&["requisition", "confirm", &lab.id], 1, &words)
        .await?;
    assert_eq!(said.stdout.matches("not confirmed ").count(), 2, "{said:?}");
    assert!(said.stdout.contains("1 confirmed."), "{said:?}");
    assert_eq!(lab.status(&lab.service_requests[2]), json!(null));
    Ok(())
}
