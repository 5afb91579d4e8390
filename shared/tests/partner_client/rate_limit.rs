//! 429: when a call waits, when it fails with the delay, and what the caller knows beforehand.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use whoop_partner::partner::{PartnerError, TaskBusinessStatus};
use whoop_simulator::{Fault, RateLimit};

use crate::lab::{Lab, REQUISITION, SERVICE_REQUEST, TOKEN, builder, in_seconds};

fn limited(path: &str, reset: u64) -> Fault {
    Fault::status(path, 429)
        .header("X-RateLimit-Remaining", 0)
        .header("X-RateLimit-Reset", reset)
}

#[tokio::test]
async fn what_remains_is_known_after_the_first_call() {
    let lab = Lab::new().await;
    assert_eq!(lab.client.rate_limit(), None);
    lab.fetched_order().await;
    let told = lab.client.rate_limit().unwrap();
    assert_eq!(told.remaining, 99);
    assert_eq!(told.reset, Duration::from_secs(60));
    lab.client
        .with_deadline(in_seconds(9))
        .get_requisition(&lab.order())
        .await
        .unwrap();
    assert_eq!(lab.client.rate_limit().unwrap().remaining, 98);
}

#[tokio::test]
async fn a_call_waits_for_the_reset_if_that_fits_its_deadline() {
    let lab = Lab::new().await;
    let (_, service_request) = lab.fetched_order().await;
    let client = builder(&lab.whoop).build().unwrap();
    lab.whoop.fault(limited(SERVICE_REQUEST, 1));
    let begun = Instant::now();
    let report = crate::requests::report();
    client
        .with_deadline(in_seconds(10))
        .submit_diagnostic_report(&service_request, &report)
        .await
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(lab.statuses(SERVICE_REQUEST), [429, 201].map(Some));
    let calls = lab.whoop.calls_to(SERVICE_REQUEST);
    let wait = calls[1].time.duration_since(calls[0].time);
    assert!(wait.as_millis() >= 1000, "{wait}");
    assert_eq!(lab.whoop.reports(service_request.as_str()).len(), 1);
}

#[tokio::test]
async fn a_call_whose_deadline_is_nearer_than_the_reset_fails_with_the_delay() {
    let lab = Lab::new().await;
    let (order, service_request) = lab.fetched_order().await;
    lab.whoop.fault(limited(REQUISITION, 86_400));
    let client = lab.client.with_deadline(in_seconds(20));
    let error = client.get_requisition(&order.id).await.unwrap_err();
    let retry_after = Duration::from_secs(86_400);
    assert_eq!(error, PartnerError::RateLimited { retry_after });
    assert!(error.is_transient());
    let calls = lab.whoop.calls().len();

    // until then no clone of the client makes a call
    let confirmed = TaskBusinessStatus::OrderConfirmed;
    let error = lab
        .client
        .set_service_request_status(&service_request, confirmed)
        .await
        .unwrap_err();
    assert_eq!(error, PartnerError::RateLimited { retry_after });
    assert_eq!(lab.whoop.calls().len(), calls);

    lab.clock.advance(retry_after);
    lab.client.get_requisition(&order.id).await.unwrap();
}

#[tokio::test]
async fn a_429_that_does_not_say_how_long_counts_as_a_minute() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(Fault::status(REQUISITION, 429));
    let error = lab.client.get_requisition(&id).await.unwrap_err();
    let retry_after = Duration::from_secs(60);
    assert_eq!(error, PartnerError::RateLimited { retry_after });
    lab.assert_calls(REQUISITION, 1);
}

#[tokio::test]
async fn a_limited_token_endpoint_is_not_asked_again_before_the_reset() {
    let lab = Lab::new().await;
    let id = lab.order();
    lab.whoop.fault(limited(TOKEN, 300).times(100));
    for _ in 0..3 {
        let error = lab.client.get_requisition(&id).await.unwrap_err();
        let retry_after = Duration::from_secs(300);
        assert_eq!(error, PartnerError::RateLimited { retry_after });
    }
    lab.assert_calls(TOKEN, 1);
}

#[tokio::test]
async fn no_call_is_made_while_the_limit_is_exhausted() {
    let lab = Lab::new().await;
    let id = lab.order();
    let client = builder(&lab.whoop).build().unwrap();
    lab.whoop.set_rate_limits(vec![RateLimit::new(5, 1)]);
    for _ in 0..12 {
        client.get_requisition(&id).await.unwrap();
    }
    assert_eq!(lab.statuses(REQUISITION), [Some(200); 12]);
}

#[tokio::test]
async fn calls_at_the_same_time_all_succeed_within_the_limit() {
    let lab = Lab::new().await;
    let id = lab.order();
    let client = builder(&lab.whoop).build().unwrap();
    lab.whoop.set_rate_limits(vec![RateLimit::new(10, 1)]);
    let calls = (0..25).map(|_| client.get_requisition(&id));
    for result in join_all(calls).await {
        result.unwrap();
    }
    let statuses = lab.statuses(REQUISITION);
    let done = statuses.iter().filter(|status| **status == Some(200));
    assert_eq!(done.count(), 25);
}

#[tokio::test]
async fn the_reserve_is_left_to_other_processes() {
    let lab = Lab::new().await;
    let id = lab.order();
    let client = builder(&lab.whoop).rate_limit_reserve(2).build().unwrap();
    lab.whoop.set_rate_limits(vec![RateLimit::new(5, 3)]);
    let soon = client.with_deadline(in_seconds(2));
    for _ in 0..3 {
        assert_eq!(client.rate_limited_for(), None);
        soon.get_requisition(&id).await.unwrap();
    }
    let error = soon.get_requisition(&id).await.unwrap_err();
    assert!(matches!(error, PartnerError::RateLimited { .. }), "{error}");
    lab.assert_calls(REQUISITION, 3);
    // a process without a reserve makes the other two calls
    let other = builder(&lab.whoop).build().unwrap();
    for _ in 0..2 {
        other.get_requisition(&id).await.unwrap();
    }
    client.get_requisition(&id).await.unwrap();
    assert_eq!(lab.statuses(REQUISITION), [Some(200); 6]);
}
