//! The published calls, their limits, and the record of them.

use uuid::Uuid;

use super::*;

#[tokio::test]
async fn tokens_are_issued_for_the_right_credentials_only() {
    let partner = Partner::new().await;
    let (status, answer) = partner.post("token", token_request()).await;
    assert_eq!(status, 200);
    assert_eq!(answer["token_type"], "bearer");
    assert_eq!(answer["expires_in"], 3600);
    for (field, value, expected) in [
        ("client_secret", json!("wrong"), 401),
        ("client_id", json!("wrong"), 401),
        ("grant_type", json!("password"), 400),
        ("scope", json!("all"), 400),
        ("client_id", json!(7), 400),
        ("unknown", json!(""), 400),
    ] {
        let mut request = token_request();
        request[field] = value;
        assert_eq!(partner.post("token", request).await.0, expected, "{field}");
    }
    partner.simulator.set_credentials("rotated", "secret");
    assert_eq!(partner.post("token", token_request()).await.0, 401);
}

#[tokio::test]
async fn calls_without_a_good_token_are_401() {
    let mut partner = Partner::new().await;
    let (id, _) = partner.order().await;
    let path = format!("requisition/{id}");
    partner.simulator.expire_tokens();
    assert_eq!(partner.get(&path).await.0, 401);
    partner.token = "made-up".into();
    assert_eq!(partner.get(&path).await.0, 401);
    let last = partner.simulator.calls().pop().unwrap();
    assert_eq!((last.authorized, last.status), (false, Some(401)));
}

#[tokio::test]
async fn tokens_expire_after_their_lifetime() {
    let partner = Partner::with(SimulatorConfig {
        token_lifetime: Duration::ZERO,
        ..SimulatorConfig::default()
    })
    .await;
    assert_eq!(partner.get("requisition/x").await.0, 401);
}

#[tokio::test]
async fn an_order_is_confirmed_and_reported() {
    let partner = Partner::new().await;
    let (id, requisition) = partner.order().await;
    let service_request = requisition["service_requests"][0]["id"].as_str().unwrap();
    let confirmed = json!({"task_business_status": "ORDER_CONFIRMED"});

    let path = format!("requisition/{id}/status");
    assert_eq!(partner.patch(&path, confirmed).await.0, 204);
    let (_, updated) = partner.get(&format!("requisition/{id}")).await;
    for one in updated["service_requests"].as_array().unwrap() {
        assert_eq!(one["task_business_status"], "ORDER_CONFIRMED");
    }
    assert_ne!(updated["updated_at"], requisition["updated_at"]);

    let path = format!("service-request/{service_request}");
    let attended = json!({"task_business_status": "A_STATUS_OF_TOMORROW", "reason": "came"});
    let (status, answer) = partner.patch(&format!("{path}/status"), attended).await;
    assert_eq!(status, 200);
    assert_eq!(answer["task_business_status"], "A_STATUS_OF_TOMORROW");
    assert_eq!(partner.get(&path).await, (200, answer));

    let path = format!("{path}/results");
    assert_eq!(partner.post(&path, report()).await, (201, Value::Null));
    assert_eq!(partner.simulator.reports(service_request), [report()]);
}

/// As WHOOP's tutorial reports results: by the names of the tests, and without a status of each observation.
#[tokio::test]
async fn a_report_as_in_whoops_tutorial_is_accepted() {
    let partner = Partner::new().await;
    let id = partner.service_request().await;
    let report = json!({"status": "final", "observations": [
        {"code": "TOTAL_CHOLESTEROL", "value_numeric": 189, "unit": "mg/dL"},
        {"code": "COMMENT", "value_text": "fasting"},
    ]});
    let path = format!("service-request/{id}/results");
    assert_eq!(
        partner.post(&path, report.clone()).await,
        (201, Value::Null)
    );
    assert_eq!(partner.simulator.reports(&id), [report]);
}

#[tokio::test]
async fn reports_and_statuses_that_the_document_does_not_allow_are_400() {
    let partner = Partner::new().await;
    let id = partner.service_request().await;
    let path = format!("service-request/{id}/results");
    assert_eq!(partner.post(&path, report()).await.0, 201);
    for (pointer, key, value) in [
        ("", "unknown", json!(1)),
        ("", "status", Value::Null),
        ("", "observations", json!({})),
        ("/observations/0", "unknown", json!(1)),
        ("/observations/0", "value_numeric", json!("4.9")),
        ("/observations/0", "status", Value::Null),
    ] {
        let mut body = report();
        body.pointer_mut(pointer).unwrap()[key] = value;
        assert_eq!(partner.post(&path, body.clone()).await.0, 400, "{body}");
    }
    let mut without_value = report();
    let observation = without_value["observations"][0].as_object_mut().unwrap();
    observation.remove("value_numeric");
    assert_eq!(partner.post(&path, without_value).await.0, 400);
    assert_eq!(partner.simulator.reports(&id), [report()]);

    for body in [
        json!({}),
        json!({"task_business_status": 1}),
        json!({"task_business_status": "A", "reason": null}),
        json!({"task_business_status": "A", "unknown": 1}),
    ] {
        for path in [
            format!("service-request/{id}/status"),
            format!("requisition/{id}/status"),
        ] {
            assert_eq!(partner.patch(&path, body.clone()).await.0, 400, "{body}");
        }
    }
}

#[tokio::test]
async fn what_is_not_published_is_refused() {
    let partner = Partner::new().await;
    for id in [&Uuid::new_v4().to_string(), "no-uuid"] {
        for path in ["requisition", "service-request", "document"] {
            let path = format!("{path}/{id}");
            assert_eq!(partner.get(&path).await.0, 404);
            assert_eq!(partner.post(&path, json!({})).await.0, 405);
        }
        let status = json!({"task_business_status": "ORDER_CONFIRMED"});
        for path in ["requisition", "service-request"] {
            let path = format!("{path}/{id}/status");
            assert_eq!(partner.patch(&path, status.clone()).await.0, 404);
        }
        let path = format!("service-request/{id}/results");
        assert_eq!(partner.post(&path, report()).await.0, 404);
    }
    assert_eq!(partner.get("unknown").await.0, 404);
    assert_eq!(partner.get("token").await.0, 405);
    let moon = "development/add-test-data?appointmentType=MOON";
    assert_eq!(partner.post(moon, Value::Null).await.0, 400);
    let form = partner
        .request("POST", "token")
        .body("client_id=a&client_secret=b");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send().await.unwrap().status(), 415);
    let elsewhere = partner
        .client
        .post(format!("{}/v2/partner/token", partner.simulator.url()));
    assert_eq!(elsewhere.send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn resources_are_served_as_they_were_put_in() {
    let partner = Partner::new().await;
    let id = Uuid::new_v4();
    let odd = format!(
        r#"{{ "id": "{id}", "new": 1.10, "large": {} }}"#,
        "9".repeat(40)
    );
    assert_eq!(
        partner.admin("POST", "requisitions", odd.clone()).await.0,
        204
    );
    let served = partner.request("GET", &format!("requisition/{id}"));
    assert_eq!(served.send().await.unwrap().text().await.unwrap(), odd);
    let (status, _) = partner.admin("POST", "requisitions", "{}").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_document_has_content_or_is_only_a_link() {
    let partner = Partner::new().await;
    let id = Uuid::new_v4();
    let link = json!({"id": id, "document_type": "REPORT", "url": "https://example.com/report"});
    assert_eq!(
        partner.admin("POST", "documents", link.to_string()).await.0,
        204
    );
    let path = format!("document/{id}");
    assert_eq!(partner.get(&path).await, (200, link));
    let path = format!("{path}/content");
    assert_eq!(partner.get(&path).await.0, 404);

    let put = format!("documents/{id}/content");
    assert_eq!(partner.admin("PUT", &put, &b"%PDF\xff\0"[..]).await.0, 204);
    let content = partner.request("GET", &path).send().await.unwrap();
    assert_eq!(
        content.headers()["content-type"],
        "application/octet-stream"
    );
    assert_eq!(content.bytes().await.unwrap(), &b"%PDF\xff\0"[..]);
    let put = format!("documents/{}/content", Uuid::new_v4());
    assert_eq!(partner.admin("PUT", &put, "").await.0, 404);
}

#[tokio::test]
async fn test_data_follows_either_publication() {
    let partner = Partner::new().await;
    let path = "development/add-test-data?appointmentType=MOBILE";
    let (status, answer) = partner.post(path, Value::Null).await;
    assert_eq!(status, 200);
    let id = answer["requisition_id"].as_str().unwrap();
    let (_, requisition) = partner.get(&format!("requisition/{id}")).await;
    assert_eq!(requisition["appointments"][0]["type"], "MOBILE");
    for service_request in requisition["service_requests"].as_array().unwrap() {
        assert_eq!(service_request["intent"], "order");
        assert_eq!(service_request["based_on"][0]["id"], id);
    }

    partner.simulator.set_form(Form {
        schema: SchemaForm::Documentation,
        partner: PartnerForm::Basic,
    });
    assert_eq!(partner.post(path, Value::Null).await, (204, Value::Null));
    let (_, resources) = partner.admin("GET", "resources", "").await;
    let requisitions = resources["requisitions"].as_array().unwrap();
    assert_eq!(requisitions.len(), 2);
    let older = requisitions.iter().find(|one| one["id"] != id).unwrap();
    assert!(older.get("appointments").is_none());
    let service_request = older["service_requests"][0].as_object().unwrap();
    for newer in ["intent", "based_on"] {
        assert!(!service_request.contains_key(newer), "{newer}");
    }
}

#[tokio::test]
async fn every_answer_tells_the_rate_limit_and_429_comes_without_retry_after() {
    let partner = Partner::with(SimulatorConfig {
        rate_limits: vec![RateLimit::new(1, 60)],
        ..SimulatorConfig::default()
    })
    .await;
    let path = format!("requisition/{}", Uuid::new_v4());
    let url = format!("{}/v2/partner/{path}", partner.simulator.base_url());
    let without_token = partner.client.get(url).send().await.unwrap();
    assert_eq!(without_token.status(), 401);
    assert_eq!(without_token.headers()["x-ratelimit-remaining"], "1");
    let first = partner.request("GET", &path).send().await.unwrap();
    assert_eq!(first.status(), 404);
    assert_eq!(first.headers()["x-ratelimit-limit"], "1, 1;window=60");
    assert_eq!(first.headers()["x-ratelimit-remaining"], "0");
    let second = partner.request("GET", &path).send().await.unwrap();
    assert_eq!(second.status(), 429);
    assert_eq!(second.headers()["x-ratelimit-reset"], "60");
    assert!(!second.headers().contains_key("retry-after"));

    let token = partner.request("POST", "token").json(&token_request());
    let token = token.send().await.unwrap();
    assert_eq!(token.status(), 200);
    assert_eq!(token.headers()["x-ratelimit-remaining"], "0");
    let calls = partner.simulator.calls();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.remaining, call.reset))
        .collect();
    assert_eq!(told[1], (Some(1), Some(60)));
    assert_eq!(told[3], (Some(0), Some(60)));
    partner.simulator.set_rate_limits(Vec::new());
    assert_eq!(partner.get(&path).await.0, 404);
}

#[tokio::test]
async fn token_requests_are_counted_if_told() {
    let partner = Partner::with(SimulatorConfig {
        rate_limits: vec![RateLimit::new(1, 60)],
        count_token_requests: true,
        ..SimulatorConfig::default()
    })
    .await;
    assert_eq!(partner.post("token", token_request()).await.0, 429);
}

#[tokio::test]
async fn calls_are_recorded_without_the_client_secret() {
    let partner = Partner::new().await;
    let (_, recorded) = partner.admin("GET", "calls", "").await;
    let calls = recorded["calls"].as_array().unwrap();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["method"], "POST");
    assert_eq!(calls[0]["path"], "/v2/partner/token");
    assert_eq!(calls[0]["status"], 200);
    assert_eq!(calls[0]["body"]["scope"], "whoop-partner/token");
    assert_eq!(calls[0]["body"]["client_secret"], "REDACTED");
    let secret = SimulatorConfig::default().client_secret;
    assert!(!recorded.to_string().contains(&secret));
}

#[tokio::test]
async fn a_reset_forgets_everything_but_the_configuration() {
    let partner = Partner::new().await;
    let (id, _) = partner.order().await;
    partner.simulator.fault(Fault::status("/", 500));
    partner.simulator.reset();
    assert_eq!(partner.simulator.calls().len(), 0);
    assert_eq!(partner.simulator.deliveries().len(), 0);
    assert_eq!(partner.get(&format!("requisition/{id}")).await.0, 401);
    assert_eq!(partner.post("token", token_request()).await.0, 200);
    let (_, resources) = partner.admin("GET", "resources", "").await;
    assert_eq!(resources["requisitions"], json!([]));
}
