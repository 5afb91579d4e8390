//! The access token: where it comes from, how long it is used, and what happens when WHOOP refuses it.

use std::time::Duration;

use futures_util::future::join_all;
use whoop_partner::credentials::PartnerCredentials;
use whoop_partner::partner::{PartnerClient, PartnerError};
use whoop_simulator::{Fault, Simulator, SimulatorConfig};

use crate::lab::{Lab, REQUISITION, START, TOKEN, in_seconds, many_calls};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_token_is_asked_for_once_stored_and_used_by_all_calls() {
    let lab = Lab::new().await;
    let id = lab.order();
    for _ in 0..3 {
        lab.client.get_requisition(&id).await.unwrap();
    }
    lab.assert_calls(TOKEN, 1);
    assert_eq!((lab.table.reads(), lab.table.writes()), (1, 1));
    assert_eq!(lab.table.expires_at(), Some(START + 3600));
}

#[tokio::test]
async fn a_stored_token_is_used_by_the_next_process() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.another_client().get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 1);
    assert_eq!((lab.table.reads(), lab.table.writes()), (2, 1));
}

#[tokio::test]
async fn a_prefetched_token_is_used_by_the_first_call() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    let another = lab.another_client();
    another.prefetch_token().await.unwrap();
    assert_eq!((lab.table.reads(), lab.table.writes()), (2, 1));
    another.get_requisition(&id).await.unwrap();
    assert_eq!((lab.table.reads(), lab.table.writes()), (2, 1));
    lab.assert_calls(TOKEN, 1);
}

#[tokio::test]
async fn prefetching_asks_whoop_for_nothing() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.prefetch_token().await.unwrap();
    lab.table.set("expired-token", START - 1);
    lab.client.prefetch_token().await.unwrap();
    lab.table.set_failing(true);
    let failed = lab.client.prefetch_token().await;
    assert!(
        matches!(failed, Err(PartnerError::Temporary(_))),
        "{failed:?}"
    );
    assert_eq!(lab.whoop.calls().len(), 0);
    assert_eq!(lab.table.writes(), 0);
    lab.table.set_failing(false);
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 1);
}

#[tokio::test]
async fn a_missing_or_expired_item_is_like_a_refused_token() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.table.set("expired-token", START - 1);
    lab.client.get_requisition(&id).await.unwrap();
    assert_eq!(lab.statuses(REQUISITION), [Some(200)]);
    lab.assert_calls(TOKEN, 1);
    lab.table.remove();
    lab.another_client().get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    assert_eq!(lab.table.expires_at(), Some(START + 3600));
}

#[tokio::test]
async fn a_token_is_no_longer_used_one_to_two_minutes_before_it_expires() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.clock.advance(58 * MINUTE - Duration::from_secs(1));
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 1);
    lab.clock.advance(MINUTE + Duration::from_secs(1));
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    assert_eq!(lab.table.expires_at(), Some(START + 3600 + 59 * 60));
    assert_eq!(lab.statuses(REQUISITION), [Some(200); 3]);
}

#[tokio::test]
async fn shortly_before_expiry_a_token_that_another_process_has_stored_is_used() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.clock.advance(59 * MINUTE);
    lab.another_client().get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
}

#[tokio::test]
async fn the_first_hundred_calls_ask_for_one_token() {
    let lab = Lab::new().await;
    lab.whoop.set_rate_limits(many_calls());
    let id = lab.order();
    let calls = (0..100).map(|_| lab.client.get_requisition(&id));
    for result in join_all(calls).await {
        result.unwrap();
    }
    lab.assert_calls(TOKEN, 1);
    assert_eq!((lab.table.reads(), lab.table.writes()), (1, 1));
}

#[tokio::test]
async fn a_hundred_calls_that_are_refused_at_once_ask_for_one_token() {
    let lab = Lab::new().await;
    lab.whoop.set_rate_limits(many_calls());
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.whoop.expire_tokens();
    // no call returns before all have been sent with the old token
    let late = Fault {
        delay_ms: 300,
        ..Fault::status(REQUISITION, 401).times(100)
    };
    lab.whoop.fault(late);
    let calls = (0..100).map(|_| lab.client.get_requisition(&id));
    for result in join_all(calls).await {
        result.unwrap();
    }
    lab.assert_calls(TOKEN, 2);
    let statuses = lab.statuses(REQUISITION);
    let count = |status| statuses.iter().filter(|one| **one == Some(status)).count();
    assert_eq!((count(401), count(200), statuses.len()), (100, 101, 201));
    assert_eq!((lab.table.reads(), lab.table.writes()), (2, 2));
}

#[tokio::test]
async fn a_refused_token_gives_way_to_the_stored_one_of_another_process() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.whoop.expire_tokens();
    lab.another_client().get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    assert_eq!(
        lab.statuses(REQUISITION),
        [200, 401, 200, 401, 200].map(Some)
    );
}

#[tokio::test]
async fn a_refused_token_gives_way_even_if_it_would_have_lived_longer() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.table.set("refused-token", START + 86_400);
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 1);
    assert_ne!(lab.table.token().as_deref(), Some("refused-token"));
    assert_eq!(lab.table.expires_at(), Some(START + 3600));
    assert_eq!(lab.statuses(REQUISITION), [401, 200].map(Some));
}

#[tokio::test]
async fn every_kind_of_call_is_retried_once_after_a_refused_token() {
    let lab = Lab::new().await;
    let (_, service_request) = lab.fetched_order().await;
    lab.whoop.expire_tokens();
    let report = crate::requests::report();
    lab.client
        .submit_diagnostic_report(&service_request, &report)
        .await
        .unwrap();
    assert_eq!(lab.whoop.reports(service_request.as_str()).len(), 1);
    lab.assert_calls(TOKEN, 2);
}

#[tokio::test]
async fn an_api_that_keeps_refusing_ends_in_an_error_after_one_retry() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(Fault::status(REQUISITION, 401).times(100));
    let error = lab.client.get_requisition(&id).await.unwrap_err();
    assert!(matches!(error, PartnerError::Unauthorised(_)), "{error}");
    assert!(!error.is_transient());
    lab.assert_calls(REQUISITION, 2);
    lab.assert_calls(TOKEN, 2);
}

#[tokio::test]
async fn refused_credentials_are_asked_with_once_by_a_hundred_calls() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.set_credentials("lab", "rotated");
    let calls = (0..100).map(|_| lab.client.get_requisition(&id));
    for result in join_all(calls).await {
        let error = result.unwrap_err();
        assert!(matches!(error, PartnerError::Unauthorised(_)), "{error}");
    }
    lab.assert_calls(TOKEN, 1);
    lab.assert_calls(REQUISITION, 0);
    // and none for a minute
    lab.clock.advance(MINUTE - Duration::from_millis(1));
    lab.client.get_requisition(&id).await.unwrap_err();
    lab.assert_calls(TOKEN, 1);
    lab.clock.advance(Duration::from_millis(1));
    lab.client.get_requisition(&id).await.unwrap_err();
    lab.assert_calls(TOKEN, 2);
}

#[tokio::test]
async fn while_even_new_tokens_are_refused_ten_calls_ask_for_one() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    lab.whoop.fault(Fault::status(REQUISITION, 401).times(1000));
    for _ in 0..10 {
        let error = lab.client.get_requisition(&id).await.unwrap_err();
        assert!(matches!(error, PartnerError::Unauthorised(_)), "{error}");
    }
    // the first token, and the one that replaced it
    lab.assert_calls(TOKEN, 2);
    assert_eq!(lab.table.reads(), 2);
    lab.clock.advance(MINUTE);
    lab.client.get_requisition(&id).await.unwrap_err();
    lab.assert_calls(TOKEN, 3);
    // WHOOP now accepts it
    lab.whoop.clear_faults();
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 3);
}

#[tokio::test]
async fn another_stored_token_is_found_ten_seconds_after_a_refusal() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(Fault::status(TOKEN, 401));
    lab.client.get_requisition(&id).await.unwrap_err();
    lab.another_client().get_requisition(&id).await.unwrap();
    let reads = lab.table.reads();
    lab.clock.advance(Duration::from_millis(9_999));
    lab.client.get_requisition(&id).await.unwrap_err();
    assert_eq!(lab.table.reads(), reads);
    lab.clock.advance(Duration::from_millis(1));
    lab.client.get_requisition(&id).await.unwrap();
    assert_eq!(lab.table.reads(), reads + 1);
    lab.assert_calls(TOKEN, 2);
}

#[tokio::test]
async fn a_stored_token_that_whoop_has_ended_too_is_replaced_in_the_same_call() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.client.get_requisition(&id).await.unwrap();
    // another token is stored, and WHOOP refuses both
    lab.table.set_hidden(true);
    lab.another_client().get_requisition(&id).await.unwrap();
    lab.table.set_hidden(false);
    lab.whoop.expire_tokens();
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 3);
}

#[tokio::test]
async fn a_token_endpoint_that_fails_for_a_while_is_asked_again() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(Fault::status(TOKEN, 503).times(2));
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 3);
}

#[tokio::test]
async fn a_token_endpoint_that_keeps_failing_ends_in_a_temporary_error_at_the_deadline() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(Fault::status(TOKEN, 503).times(1000));
    let client = lab.client.with_deadline(in_seconds(2));
    let error = client.get_requisition(&id).await.unwrap_err();
    assert!(matches!(error, PartnerError::Temporary(_)), "{error}");
    lab.assert_calls(REQUISITION, 0);
}

#[tokio::test]
async fn a_table_that_fails_is_a_temporary_error() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.table.set_failing(true);
    let error = lab
        .client
        .with_deadline(in_seconds(5))
        .get_requisition(&id)
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error}");
    lab.assert_calls(TOKEN, 0);
    lab.table.set_failing(false);
    lab.client.get_requisition(&id).await.unwrap();
}

#[tokio::test]
async fn a_token_that_can_not_be_stored_is_used_all_the_same() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.table.set_read_only(true);
    for _ in 0..2 {
        lab.client.get_requisition(&id).await.unwrap();
    }
    lab.assert_calls(TOKEN, 1);
    assert_eq!(lab.table.token(), None);
}

#[tokio::test]
async fn a_newer_token_that_the_table_got_meanwhile_is_used() {
    let lab = Lab::new().await;
    let id = lab.order();
    // reading finds no item, although one exists when the client writes
    lab.table.set_hidden(true);
    lab.another_client().get_requisition(&id).await.unwrap();
    let kept = lab.table.token();
    lab.whoop.set_token_lifetime(Duration::from_secs(1800));
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    assert_eq!(lab.table.writes(), 2);
    assert_eq!(lab.table.token(), kept);
    lab.clock.advance(45 * MINUTE);
    lab.client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
}

#[tokio::test]
async fn a_client_works_without_a_table() {
    let lab = Lab::new().await;
    let id = lab.order();
    let client = crate::lab::builder(&lab.whoop).build().unwrap();
    client.get_requisition(&id).await.unwrap();
    lab.whoop.expire_tokens();
    client.get_requisition(&id).await.unwrap();
    lab.assert_calls(TOKEN, 2);
    assert_eq!((lab.table.reads(), lab.table.writes()), (0, 0));
}

#[tokio::test]
async fn rotated_credentials_are_found_in_the_secret() {
    let whoop = Simulator::start(SimulatorConfig::default()).await.unwrap();
    whoop.set_credentials("lab", "first");
    let secret = crate::lab::secret(&[("lab", "first"), ("lab", "second")]);
    let base_url = whoop.base_url().parse().unwrap();
    let client = PartnerClient::builder(base_url, secret).build().unwrap();
    let id = whoop
        .add_test_data(whoop_simulator::AppointmentType::Virtual)
        .parse()
        .unwrap();
    client.get_requisition(&id).await.unwrap();
    whoop.set_credentials("lab", "second");
    whoop.expire_tokens();
    client.get_requisition(&id).await.unwrap();
    let statuses: Vec<_> = whoop
        .calls_to(TOKEN)
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [200, 401, 200].map(Some));
}

#[tokio::test]
async fn fixed_credentials_that_are_refused_are_not_tried_again() {
    let whoop = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let credentials = PartnerCredentials {
        client_id: "lab".into(),
        client_secret: "wrong".into(),
    };
    let base_url = whoop.base_url().parse().unwrap();
    let client = PartnerClient::builder(base_url, credentials)
        .build()
        .unwrap();
    let id = "e72719d6-0dbb-4eb3-9ccc-781b563fc3d3".parse().unwrap();
    let error = client.get_requisition(&id).await.unwrap_err();
    assert!(matches!(error, PartnerError::Unauthorised(_)), "{error}");
    assert_eq!(whoop.calls().len(), 1);
}
