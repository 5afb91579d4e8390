//! What the commands say if the Partner API fails.

use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::Trial;
use local_aws::world::World;
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::Fault;

use super::{Lab, service_request_path};
use crate::harness::{Harness, Outcome, trials};

/// The trials of all commands together.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    trials![harness.on_second_operated_stack;
        what_whoop_does_not_know_is_named,
        what_is_no_id_is_wrong_use,
        an_expired_token_is_renewed,
        refused_credentials_are_told,
        a_rate_limit_is_told_with_the_wait,
        faults_that_pass_are_not_noticed_and_those_that_last_are_told,
        an_answer_that_does_not_come_ends_the_command,
        a_failure_is_json_for_programs,
    ]
}

async fn what_whoop_does_not_know_is_named(world: &World) -> Outcome {
    let lab = Lab::with(world, &[]);
    let id = &Uuid::new_v4().to_string();
    for (arguments, thing) in [
        (&["requisition", "get", id][..], "requisition"),
        (&["requisition", "confirm", id], "requisition"),
        (&["service-request", "get", id], "service request"),
        (
            &["service-request", "status", id, "ORDER_CONFIRMED"],
            "service request",
        ),
        (&["document", "get", id], "document"),
        (&["document", "download", id, "--output", "-"], "document"),
    ] {
        let words = format!("WHOOP has no such {thing}, or another partner owns it");
        lab.fails(arguments, 1, &[&words, "check the id"]).await?;
    }
    Ok(())
}

async fn what_is_no_id_is_wrong_use(world: &World) -> Outcome {
    let lab = Lab::with(world, &[]);
    let before = lab.whoop.calls().len();
    for id in ["", "a/b", "..", "a b", "a?b", &"a".repeat(129)] {
        for command in [
            &["requisition", "get"][..],
            &["requisition", "confirm"],
            &["service-request", "get"],
            &["document", "get"],
            &["document", "download"],
        ] {
            lab.fails(&[command, &[id]].concat(), 2, &[]).await?;
        }
    }
    assert_eq!(lab.whoop.calls().len(), before);
    Ok(())
}

async fn an_expired_token_is_renewed(world: &World) -> Outcome {
    let lab = Lab::new(world);
    lab.succeeds(&["requisition", "get", &lab.id]).await?;
    lab.whoop.expire_tokens();
    let tokens = lab.whoop.calls_to("/v2/partner/token").len();
    lab.succeeds(&["requisition", "get", &lab.id]).await?;
    assert_eq!(lab.whoop.calls_to("/v2/partner/token").len(), tokens + 1);
    // the next run finds the new token in the table
    lab.succeeds(&["requisition", "get", &lab.id]).await?;
    assert_eq!(lab.whoop.calls_to("/v2/partner/token").len(), tokens + 1);
    Ok(())
}

async fn refused_credentials_are_told(world: &World) -> Outcome {
    let lab = Lab::new(world);
    lab.whoop.expire_tokens();
    lab.whoop
        .set_credentials("another", "another client secret");
    let refused = lab.tool.run(&["requisition", "get", &lab.id]).await;
    lab.whoop
        .set_credentials(&world.client_id, &world.client_secret);
    let refused = refused?;
    assert_eq!(refused.status, 1, "{refused:?}");
    for words in ["not authorised", "401", "whoop-partner doctor"] {
        assert!(
            refused.stderr.contains(words),
            "{words} is not in {refused:?}"
        );
    }

    let path = format!("/v2/partner/requisition/{}", lab.id);
    lab.whoop.fault(Fault::status(&path, 403));
    lab.fails(
        &["requisition", "get", &lab.id],
        1,
        &["403", "whoop-partner doctor"],
    )
    .await?;
    lab.succeeds(&["requisition", "get", &lab.id]).await?;
    Ok(())
}

async fn a_rate_limit_is_told_with_the_wait(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let path = format!("/v2/partner/requisition/{}", lab.id);
    let limit = |reset: u32| {
        Fault::status(&path, 429)
            .header("X-RateLimit-Remaining", 0)
            .header("X-RateLimit-Reset", reset)
    };
    lab.whoop.fault(limit(3600));
    let said = lab
        .fails(
            &["requisition", "get", &lab.id],
            1,
            &["limit of calls is reached", "try again in 3"],
        )
        .await?;
    assert!(said.stderr.trim_end().ends_with(" s"), "{said:?}");
    // a short one is waited for
    lab.whoop.fault(limit(1));
    lab.succeeds(&["requisition", "get", &lab.id]).await?;
    Ok(())
}

async fn faults_that_pass_are_not_noticed_and_those_that_last_are_told(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let path = service_request_path(lab.first());
    lab.whoop.fault(Fault::status(&path, 503).times(2));
    lab.succeeds(&["service-request", "get", lab.first()])
        .await?;
    lab.whoop.fault(Fault::status(&path, 500).times(4));
    lab.fails(
        &["service-request", "get", lab.first()],
        1,
        &["status 500", "try again"],
    )
    .await?;
    lab.whoop
        .fault(Fault::status(&path, 200).body("{\"id\": \"Layla\"}"));
    let said = lab
        .fails(
            &["service-request", "get", lab.first()],
            1,
            &["another way than documented"],
        )
        .await?;
    assert!(!said.text().contains("Layla"), "{said:?}");
    Ok(())
}

/// The library gives a call 30 seconds, and one attempt of it 15.
async fn an_answer_that_does_not_come_ends_the_command(world: &World) -> Outcome {
    let lab = Lab::new(world);
    let late = Duration::from_secs(60);
    let requisition = format!("/v2/partner/requisition/{}", lab.id);
    lab.whoop.fault(Fault::delay(&requisition, late).times(10));
    let results = format!("{}/results", service_request_path(lab.first()));
    lab.whoop.fault(Fault::delay(&results, late));
    let file = json!({
        "service_request_id": lab.first(), "status": "final",
        "observations": [{"code": "c", "value_text": "t"}],
    });
    let file = file.to_string();
    let (show, submit) = (["requisition", "get", &lab.id], ["results", "submit", "-"]);
    let (get, submit) = tokio::join!(lab.tool.run(&show), lab.tool.run_with_input(&submit, &file),);
    let (get, submit) = (get?, submit?);
    assert_eq!(get.status, 1, "{get:?}");
    assert!(
        get.stderr.contains("WHOOP gave no usable answer"),
        "{get:?}"
    );
    assert_eq!(submit.status, 1, "{submit:?}");
    assert!(
        submit.stderr.contains("WHOOP may have the results"),
        "{submit:?}"
    );
    assert_eq!(lab.whoop.calls_to(&results).len(), 1);

    lab.whoop.clear_faults();
    lab.whoop
        .fault(Fault::delay(&requisition, Duration::from_secs(2)));
    lab.succeeds(&["requisition", "get", &lab.id]).await?;
    Ok(())
}

async fn a_failure_is_json_for_programs(world: &World) -> Outcome {
    let lab = Lab::with(world, &[]);
    let said = lab
        .fails(&["--json", "requisition", "get", "unknown"], 1, &[])
        .await?;
    let error: Value = serde_json::from_str(&said.stderr)?;
    assert!(
        error["error"]
            .as_str()
            .is_some_and(|error| error.contains("no such requisition"))
    );
    assert!(
        error["remedy"]
            .as_str()
            .is_some_and(|remedy| remedy.contains("check the id"))
    );
    assert!(said.stdout.is_empty(), "{said:?}");
    Ok(())
}
