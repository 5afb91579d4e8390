//! The webhook's URL, called as a stranger calls it: without a signature.

use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use whoop_partner::http::{HttpClient, Unanswered};
use whoop_partner::protected_url::ProtectedUrl;

use crate::error::ToolError;
use crate::finding::Finding;
use crate::session::Session;

/// WHOOP counts a delivery as failed after this time.
const WHOOP_LIMIT: Duration = Duration::from_secs(1);

/// How long an answer is waited for.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// An answer, or why there is none, and how long it took, including the connection.
type Answer = (Result<StatusCode, Unanswered>, Duration);

/// Checks the URL of the stack's own API.
pub(super) async fn answers(session: &Session) -> Result<Finding, ToolError> {
    let url = session.stack().await?.output("WebhookUrl")?;
    look(url).await
}

/// Checks the URL that WHOOP calls, if it is another one.
pub(super) async fn answers_in_public(session: &Session) -> Result<Finding, ToolError> {
    let stack = session.stack().await?;
    match stack.parameters.get("WebhookPublicUrl") {
        Some(url) if !url.is_empty() => look(url).await,
        _ => Ok(Finding::skipped("the parameter is not set")),
    }
}

async fn look(url: &str) -> Result<Finding, ToolError> {
    let parsed: ProtectedUrl = url
        .parse()
        .map_err(|error| ToolError::Failed(format!("the URL is {error}")))?;
    let client = HttpClient::unpooled_from_env();
    let client = client.map_err(|error| ToolError::Failed(error.to_string()))?;
    let first = post(&client, &parsed).await;
    if first.1 < WHOOP_LIMIT {
        return Ok(judge(url, &first));
    }
    // the first one may have met a cold start
    Ok(judge(url, &post(&client, &parsed).await))
}

async fn post(client: &HttpClient, url: &ProtectedUrl) -> Answer {
    let mut request = Request::new(Method::POST, url.to_url());
    *request.timeout_mut() = Some(ANSWER_LIMIT);
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(CONTENT_TYPE, json);
    *request.body_mut() = Some("{}".into());
    let posted_at = Instant::now();
    let answer = client.send(request).await;
    (answer.map(|answer| answer.status()), posted_at.elapsed())
}

fn judge(url: &str, (answer, elapsed): &Answer) -> Finding {
    let status = match answer {
        Ok(status) => status.as_u16(),
        Err(unanswered) => {
            return Finding::bad(
                format!("no answer: {}", unanswered.reason),
                format!("check the name, the certificate and the way there: curl -v -X POST {url}"),
            );
        }
    };
    let milliseconds = elapsed.as_millis();
    let found = format!("answers {status} to an unsigned request, in {milliseconds} ms");
    let remedy = match status {
        401 if *elapsed < WHOOP_LIMIT => return Finding::good(found),
        401 => "WHOOP gives up after 1000 ms: docs/runbook.md#late",
        403 => {
            "something in front refuses requests, such as WAF: docs/deploy.md#cloudfront-with-waf"
        }
        404 => "the URL does not lead to the webhook: docs/deploy.md#a-custom-domain",
        429 => {
            "too many requests, or the function may not run: docs/runbook.md#shutout, docs/runbook.md#throttle"
        }
        503 => "docs/runbook.md#unavailable",
        500.. => "docs/runbook.md#servererror",
        _ => "something else answers at this URL: docs/runbook.md#noheartbeat",
    };
    Finding::bad(found, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Mark;

    fn judged(status: u16, milliseconds: u64) -> Finding {
        let status = StatusCode::from_u16(status).unwrap();
        judge(
            "https://lab/hook",
            &(Ok(status), Duration::from_millis(milliseconds)),
        )
    }

    #[test]
    fn a_refusal_within_a_second_is_good() {
        assert_eq!(judged(401, 999).mark, Mark::Good);
        let late = judged(401, 1000);
        assert_eq!(late.mark, Mark::Bad);
        assert!(late.found.contains("1000 ms"), "{late:?}");
    }

    #[test]
    fn each_other_answer_has_a_remedy() {
        for (status, remedy) in [
            (200, "something else"),
            (204, "something else"),
            (302, "something else"),
            (403, "WAF"),
            (404, "custom-domain"),
            (429, "throttle"),
            (500, "servererror"),
            (502, "servererror"),
            (503, "unavailable"),
        ] {
            let finding = judged(status, 5);
            assert_eq!(finding.mark, Mark::Bad, "{status}");
            assert!(finding.remedy.unwrap().contains(remedy), "{status}");
        }
        let unanswered = Unanswered {
            reason: "no connection".into(),
            sent: false,
        };
        let finding = judge("https://lab/hook", &(Err(unanswered), Duration::ZERO));
        assert!(
            finding
                .remedy
                .unwrap()
                .ends_with("curl -v -X POST https://lab/hook")
        );
    }
}
