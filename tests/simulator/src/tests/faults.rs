//! Faults as a partner meets them.

use super::*;

#[tokio::test]
async fn faults_meet_as_many_calls_as_told() {
    let partner = Partner::new().await;
    let (id, _) = partner.order().await;
    let path = format!("requisition/{id}");
    let fault = json!({
        "path": "/v2/partner/requisition",
        "status": 429,
        "times": 2,
        "headers": {"X-RateLimit-Reset": "3"},
        "body": {"a": 1},
    });
    let (status, _) = partner.admin("POST", "faults", fault.to_string()).await;
    assert_eq!(status, 204);
    for _ in 0..2 {
        let answer = partner.request("GET", &path).send().await.unwrap();
        assert_eq!(answer.status(), 429);
        assert_eq!(answer.headers()["x-ratelimit-reset"], "3");
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.text().await.unwrap(), r#"{"a":1}"#);
    }
    assert_eq!(partner.get(&path).await.0, 200);
    for refused in [
        r#"{"path": "/", "unknown": 1}"#,
        r#"{"path": "/", "status": 1000}"#,
    ] {
        assert_eq!(partner.admin("POST", "faults", refused).await.0, 400);
    }
}

#[tokio::test]
async fn an_ordered_answer_comes_instead_of_the_effect_and_its_count() {
    let partner = Partner::with(SimulatorConfig {
        rate_limits: vec![RateLimit::new(1, 60)],
        ..SimulatorConfig::default()
    })
    .await;
    let id = partner.simulator.add_test_data(AppointmentType::InPerson);
    let fault = Fault::status("/v2/partner/requisition", 503).body("sorry");
    partner.simulator.fault(fault);
    let request = partner.request("PATCH", &format!("requisition/{id}/status"));
    let request = request.json(&json!({"task_business_status": "ORDER_CONFIRMED"}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert!(!answer.headers().contains_key("x-ratelimit-remaining"));
    assert_eq!(answer.text().await.unwrap(), "sorry");
    let (status, requisition) = partner.get(&format!("requisition/{id}")).await;
    assert_eq!(status, 200);
    assert!(requisition["service_requests"][0]["task_business_status"].is_null());
}

#[tokio::test]
async fn headers_alone_leave_the_answer_as_it_is() {
    let partner = Partner::new().await;
    let (id, _) = partner.order().await;
    let fault = Fault {
        path: "/developer/v2/partner/requisition".into(),
        ..Fault::default()
    };
    let fault = fault.method("GET").header("X-RateLimit-Remaining", 0);
    partner.simulator.fault(fault);
    let request = partner.request("GET", &format!("requisition/{id}"));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["x-ratelimit-remaining"], "0");
    assert_eq!(answer.headers()["x-ratelimit-reset"], "60");
    let requisition: Value = answer.json().await.unwrap();
    assert_eq!(requisition["id"], id);
}

#[tokio::test]
async fn a_call_that_is_given_up_is_recorded_and_has_no_effect() {
    let partner = Partner::new().await;
    let id = partner.service_request().await;
    let path = "/v2/partner/service-request";
    partner
        .simulator
        .fault(Fault::delay(path, Duration::from_secs(60)));
    let request = partner.request("POST", &format!("service-request/{id}/results"));
    let request = request.json(&report()).timeout(Duration::from_millis(200));
    assert!(request.send().await.unwrap_err().is_timeout());
    assert_eq!(partner.statuses(path), [None]);
    assert_eq!(partner.simulator.reports(&id).len(), 0);
}

/// Submits a report that meets `fault`; tells how many reports there are afterwards.
async fn reports_after(fault: Fault) -> usize {
    let partner = Partner::new().await;
    let id = partner.service_request().await;
    partner.simulator.fault(fault);
    let request = partner.request("POST", &format!("service-request/{id}/results"));
    assert!(request.json(&report()).send().await.is_err());
    assert_eq!(partner.statuses("/v2/partner/service-request"), [None]);
    partner.simulator.reports(&id).len()
}

#[tokio::test]
async fn a_connection_breaks_before_or_after_the_effect() {
    let before = Fault {
        disconnect: true,
        ..Fault::default()
    };
    assert_eq!(reports_after(before).await, 0);
    let after = Fault {
        disconnect_after_effect: true,
        ..Fault::default()
    };
    assert_eq!(reports_after(after).await, 1);
}

#[tokio::test]
async fn a_connection_breaks_in_the_midst_of_an_answer() {
    let partner = Partner::new().await;
    let id = partner.service_request().await;
    partner.simulator.fault(Fault {
        disconnect_midway: true,
        ..Fault::default()
    });
    let request = partner.request("POST", &format!("service-request/{id}/results"));
    let mut answer = request.json(&report()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.content_length(), None);
    assert_eq!(answer.chunk().await.unwrap().unwrap().len(), 7);
    assert!(answer.chunk().await.is_err());
    assert_eq!(partner.simulator.reports(&id).len(), 1);
    assert_eq!(partner.statuses("/v2/partner/service-request"), [Some(201)]);
}
