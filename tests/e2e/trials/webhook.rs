//! The webhook through API Gateway, Lambda and SQS: every answer, and what the queue holds afterwards.

mod faults;
mod rotation;
mod slow_services;
mod tracing;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use libtest_mimic::Trial;
use local_aws::stack::{Answer, Stack, signed};
use local_aws::world::World;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;
use whoop_simulator::{SIGNATURE_HEADER, sign};

use crate::harness::{Harness, Outcome, trials};

/// The largest SQS message, attributes included.
const MAX_MESSAGE_SIZE: usize = 1024 * 1024;

/// The trials of this area.
pub fn trials(harness: &Arc<Harness>) -> Vec<Trial> {
    let mut trials = trials![harness.on_webhook_stack;
        whoop_gets_its_204_at_the_first_attempt,
        a_signed_webhook_is_answered_204_and_queued_with_its_attributes,
        text_bodies_arrive_byte_for_byte,
        bodies_that_the_gateway_sends_in_base64_arrive_byte_for_byte,
        what_sqs_takes_for_no_text_arrives_in_base64,
        a_repeated_delivery_is_queued_again,
        a_missing_malformed_or_wrong_signature_is_401_and_all_look_alike,
        header_names_compare_without_regard_to_case,
        an_empty_body_is_400_if_signed_and_401_if_not,
        base64_that_does_not_decode_is_400,
        the_largest_message_is_204_and_a_larger_one_413,
        headers_of_strangers_never_crash_the_function,
        events_that_api_gateway_would_never_send_never_crash_the_function,
        other_routes_are_404,
        a_missing_or_malformed_variable_is_named_at_start_up,
    ];
    trials.extend(faults::trials(harness));
    trials.extend(rotation::trials(harness));
    trials.extend(slow_services::trials(harness));
    trials.extend(tracing::trials(harness));
    trials
}

/// The function as deployed, with the world's signing secret and an empty queue.
async fn fresh(world: &World) -> Result<&Stack, local_aws::stack::StackError> {
    let stack = &world.stack;
    stack.put_signing_secret(&world.signing_secret).await?;
    stack.restart(stack.output("WebhookFunctionName")).await?;
    stack.purge(stack.output("WebhookQueueUrl")).await?;
    Ok(stack)
}

/// A body as WHOOP sends it, about a resource of its own.
fn event() -> Vec<u8> {
    json!({"event_type": "lab_requisition.created", "resource_id": Uuid::new_v4()})
        .to_string()
        .into_bytes()
}

/// Takes the next message and checks its body, whatever its encoding; returns its attributes.
async fn assert_queued(stack: &Stack, body: &[u8]) -> Result<Value, libtest_mimic::Failed> {
    let message = stack.receive(stack.output("WebhookQueueUrl")).await?;
    let message = message.ok_or("nothing is in the queue")?;
    let attributes: Value = message
        .message_attributes()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            assert_eq!(value.data_type(), "String");
            (name.clone(), Value::from(value.string_value()))
        })
        .collect();
    let queued = message.body().unwrap_or_default();
    let queued = match attributes["body_encoding"].as_str() {
        None => queued.as_bytes().to_vec(),
        Some("base64") => BASE64.decode(queued)?,
        Some(other) => return Err(format!("unknown body_encoding {other}").into()),
    };
    assert!(
        queued == body,
        "{} bytes queued, not the {} sent",
        queued.len(),
        body.len()
    );
    Ok(attributes)
}

async fn assert_nothing_queued(stack: &Stack) -> Outcome {
    assert_eq!(stack.queue_depth(stack.output("WebhookQueueUrl")).await?, 0);
    Ok(())
}

#[track_caller]
fn assert_status(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
}

/// Headers with a signature of the test's choice.
fn with_signature(signature: &str) -> HeaderMap {
    let mut headers = signed(b"", "");
    headers.insert(
        SIGNATURE_HEADER,
        HeaderValue::try_from(signature).expect("a header value"),
    );
    headers
}

/// The function's answer to an event that it gets directly, not through the gateway.
async fn invoke(stack: &Stack, event: &Value) -> Result<Value, libtest_mimic::Failed> {
    for (kind, value) in [
        ("webhook body", &event["body"]),
        ("signature", &event["headers"]["whoop-signed"]),
    ] {
        stack
            .recorder
            .forbid(kind, value.as_str().unwrap_or_default());
    }
    let invocation = stack
        .invoke(stack.output("WebhookFunctionName"), event)
        .await?;
    match invocation.function_error {
        None => Ok(invocation.payload),
        Some(error) => Err(format!("{error}: {}", invocation.payload).into()),
    }
}

/// How often the function has started so far.
fn starts(stack: &Stack) -> Result<usize, libtest_mimic::Failed> {
    let lines = stack.logs(stack.output("WebhookFunctionName"))?;
    let starts = lines
        .iter()
        .filter(|line| line.contains("\"message\":\"started\""))
        .count();
    assert!(starts > 0, "the function does not log its start");
    Ok(starts)
}

async fn whoop_gets_its_204_at_the_first_attempt(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let event = json!({"event_type": "lab_requisition.created", "resource_id": Uuid::new_v4()});
    let delivery = world.simulator.deliver(&event).await;
    assert!(
        delivery.succeeded() && delivery.attempts.len() == 1,
        "{:?}",
        delivery.attempts
    );
    assert_queued(stack, delivery.body.as_bytes()).await?;
    Ok(())
}

async fn a_signed_webhook_is_answered_204_and_queued_with_its_attributes(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let body = event();
    let answer = stack.deliver(body.clone(), &world.signing_secret).await?;
    assert_status(&answer, 204);
    assert_eq!(answer.body, "");

    let attributes = assert_queued(stack, &body).await?;
    assert_eq!(attributes["event_type"], "lab_requisition.created");
    assert!(
        attributes["request_id"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    );
    let received_at: jiff::Timestamp = attributes["received_at"]
        .as_str()
        .unwrap_or_default()
        .parse()?;
    assert!(
        received_at
            .duration_since(jiff::Timestamp::now())
            .abs()
            .as_secs()
            < 60
    );
    assert_eq!(attributes.as_object().map(|all| all.len()), Some(3));
    Ok(())
}

async fn text_bodies_arrive_byte_for_byte(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    for body in [
        " {\r\n\t\"resource_id\" : \"a\\u00e9\",\"event_type\":\"moon.risen\" }\n ",
        "{\"event_type\":\"t\u{e9}\u{1f600}\",\"note\":\"\u{7f}\u{fffd}\u{10ffff}\"}",
        "this is no JSON",
        "[\"lab_requisition.created\", \"e72719d6\"]",
        "{\"event_type\":7}",
    ] {
        let answer = stack.deliver(body, &world.signing_secret).await?;
        assert_status(&answer, 204);
        let attributes = assert_queued(stack, body.as_bytes()).await?;
        assert_eq!(attributes.get("body_encoding"), None);
        let event_type = body
            .contains("\"event_type\":\"")
            .then(|| &attributes["event_type"]);
        assert_eq!(attributes.get("event_type"), event_type, "{body}");
    }
    Ok(())
}

async fn bodies_that_the_gateway_sends_in_base64_arrive_byte_for_byte(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    for content_type in [
        None,
        Some("application/octet-stream"),
        Some("application/vnd.whoop+json"),
    ] {
        let body = event();
        let mut headers = signed(&body, &world.signing_secret);
        headers.remove(CONTENT_TYPE);
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        assert_status(&stack.post_webhook(body.clone(), headers).await?, 204);
        let attributes = assert_queued(stack, &body).await?;
        assert_eq!(attributes.get("body_encoding"), None);
        assert_eq!(attributes["event_type"], "lab_requisition.created");
    }
    Ok(())
}

async fn what_sqs_takes_for_no_text_arrives_in_base64(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    for body in [
        &b"\xff\xfe\x00\x01 binary"[..],
        b"{\"event_type\":\"bell\"}\x07\x00",
        "u\u{ffff}".as_bytes(),
    ] {
        let mut headers = signed(body, &world.signing_secret);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        );
        assert_status(&stack.post_webhook(body.to_vec(), headers).await?, 204);
        let attributes = assert_queued(stack, body).await?;
        assert_eq!(attributes["body_encoding"], "base64");
    }
    Ok(())
}

async fn a_repeated_delivery_is_queued_again(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let body = event();
    for _ in 0..2 {
        assert_status(
            &stack.deliver(body.clone(), &world.signing_secret).await?,
            204,
        );
    }
    for _ in 0..2 {
        assert_queued(stack, &body).await?;
    }
    assert_nothing_queued(stack).await
}

async fn a_missing_malformed_or_wrong_signature_is_401_and_all_look_alike(
    world: &World,
) -> Outcome {
    let stack = fresh(world).await?;
    let body = event();
    let right = sign(&body, world.signing_secret.as_bytes());
    let flipped = if right.starts_with('0') { "1" } else { "0" };
    let mut without = signed(&body, &world.signing_secret);
    without.remove(SIGNATURE_HEADER);
    let mut twice = signed(&body, &world.signing_secret);
    twice.append(SIGNATURE_HEADER, HeaderValue::try_from(right.as_str())?);

    let mut answers = vec![
        stack.post_webhook(body.clone(), without).await?,
        stack.post_webhook(body.clone(), twice).await?,
        stack.deliver(body.clone(), "another key").await?,
        // changed after signing
        stack
            .post_webhook(
                [&body[..], b" "].concat(),
                signed(&body, &world.signing_secret),
            )
            .await?,
    ];
    for signature in [
        "",
        &right[..63],
        &format!("{right}0"),
        &format!("sha256={right}"),
        &right.to_uppercase(),
        &format!("{flipped}{}", &right[1..]),
        &"z".repeat(64),
    ] {
        answers.push(
            stack
                .post_webhook(body.clone(), with_signature(signature))
                .await?,
        );
    }
    for answer in &answers {
        assert_status(answer, 401);
        assert_eq!(answer.body, answers[0].body);
        assert_eq!(
            answer.headers.keys().collect::<Vec<_>>(),
            answers[0].headers.keys().collect::<Vec<_>>()
        );
    }
    assert_nothing_queued(stack).await
}

async fn header_names_compare_without_regard_to_case(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let body = String::from_utf8(event())?;
    let signature = sign(body.as_bytes(), world.signing_secret.as_bytes());
    for name in ["WHOOP-Signed", "Whoop-signed", "whoop-signed"] {
        // not through the gateway, because that lower-cases the names
        let answer = invoke(stack, &json!({"headers": {name: signature}, "body": body})).await?;
        assert_eq!(answer["statusCode"], 204, "{name}");
        assert_queued(stack, body.as_bytes()).await?;
    }
    Ok(())
}

async fn an_empty_body_is_400_if_signed_and_401_if_not(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    assert_status(&stack.deliver("", &world.signing_secret).await?, 400);
    assert_status(&stack.deliver("", "another key").await?, 401);
    assert_nothing_queued(stack).await
}

async fn base64_that_does_not_decode_is_400(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    for body in ["%%%%", "AAA", "AA==A"] {
        let event = json!({
            "headers": {"whoop-signed": sign(body.as_bytes(), world.signing_secret.as_bytes())},
            "body": body,
            "isBase64Encoded": true,
        });
        assert_eq!(invoke(stack, &event).await?["statusCode"], 400, "{body}");
    }
    assert_nothing_queued(stack).await
}

async fn the_largest_message_is_204_and_a_larger_one_413(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    // invoked directly, so that the length of the attributes is known: there is no request id
    let attributes = "received_at".len() + "String".len() + "2026-11-23T00:00:00.000Z".len();
    for (length, status) in [
        (MAX_MESSAGE_SIZE - attributes, 204),
        (MAX_MESSAGE_SIZE - attributes + 1, 413),
    ] {
        let body = "x".repeat(length);
        let signature = sign(body.as_bytes(), world.signing_secret.as_bytes());
        let answer = invoke(
            stack,
            &json!({"headers": {"whoop-signed": signature}, "body": body}),
        )
        .await?;
        assert_eq!(answer["statusCode"], status, "{length} bytes");
    }
    assert_queued(stack, "x".repeat(MAX_MESSAGE_SIZE - attributes).as_bytes()).await?;

    // fits as it is, but not in the base64 that SQS needs
    let binary = vec![0xff; MAX_MESSAGE_SIZE * 4 / 5];
    let mut headers = signed(&binary, &world.signing_secret);
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    assert_status(&stack.post_webhook(binary, headers).await?, 413);

    let body = "y".repeat(MAX_MESSAGE_SIZE);
    assert_status(
        &stack.deliver(body.clone(), &world.signing_secret).await?,
        413,
    );
    assert_status(&stack.deliver(body, "another key").await?, 401);
    assert_nothing_queued(stack).await
}

async fn headers_of_strangers_never_crash_the_function(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let body = event();
    stack.deliver(body.clone(), &world.signing_secret).await?;
    assert_queued(stack, &body).await?;
    let before = starts(stack)?;
    for (name, value) in [
        ("x-forwarded-proto", &b"https,http"[..]),
        ("x-forwarded-port", b"many"),
        ("host", b"a:b:c"),
        ("cookie", b";;=;\"=\xe9"),
        ("x-odd", b"\xff\xfe"),
        ("content-type", b"multipart/form-data; boundary"),
        ("x-amzn-trace-id", b"Root=;;;"),
    ] {
        let mut headers = signed(&body, &world.signing_secret);
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value)?,
        );
        assert_status(&stack.post_webhook(body.clone(), headers).await?, 204);
        assert_queued(stack, &body).await?;
    }
    assert_eq!(starts(stack)?, before, "the function was started anew");
    Ok(())
}

async fn events_that_api_gateway_would_never_send_never_crash_the_function(
    world: &World,
) -> Outcome {
    let stack = fresh(world).await?;
    assert_eq!(invoke(stack, &json!({})).await?["statusCode"], 401);
    let before = starts(stack)?;
    for event in [
        json!(null),
        json!("text"),
        json!(["list"]),
        json!(7),
        json!({"headers": "text", "body": {"a": 1}, "requestContext": 1, "isBase64Encoded": "no"}),
        json!({"headers": {"whoop-signed": ["0"]}, "body": null}),
        json!({"headers": {"WHOOP-Signed": "0", "whoop-signed": "0"}}),
        json!({"headers": {"whoop-signed": "\u{e8}".repeat(32)}, "body": "%", "isBase64Encoded": true}),
    ] {
        assert_eq!(invoke(stack, &event).await?["statusCode"], 401, "{event}");
    }
    assert_eq!(starts(stack)?, before, "the function was started anew");
    assert_nothing_queued(stack).await
}

async fn other_routes_are_404(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let url = stack.output("WebhookUrl");
    let other = url.replace("/whoop/webhook", "/whoop/other");
    assert_eq!(stack.http.post(other).send().await?.status(), 404);
    assert_eq!(stack.http.get(url).send().await?.status(), 404);
    Ok(())
}

async fn a_missing_or_malformed_variable_is_named_at_start_up(world: &World) -> Outcome {
    let stack = fresh(world).await?;
    let function = stack.output("WebhookFunctionName");
    for (name, value) in [
        ("WEBHOOK_QUEUE_URL", None),
        ("WEBHOOK_SIGNING_SECRET_ID", None),
        ("WEBHOOK_DEADLINE_MS", Some("99")),
        ("WEBHOOK_DEADLINE_MS", Some("951")),
        ("AWS_LAMBDA_LOG_LEVEL", Some("LOUD")),
    ] {
        stack.configure(function, &[(name, value)]).await?;
        let before = stack.logs(function)?.len();
        let answer = stack.deliver(event(), &world.signing_secret).await?;
        assert!(answer.status >= 500, "{name}: {answer:?}");
        let lines = stack.logs(function)?.split_off(before);
        let naming = lines.iter().filter(|line| line.contains(name)).count();
        assert_eq!(naming, 1, "{name} is to be named once in {lines:?}");
    }
    fresh(world).await?;
    assert_status(&stack.deliver(event(), &world.signing_secret).await?, 204);
    Ok(())
}
