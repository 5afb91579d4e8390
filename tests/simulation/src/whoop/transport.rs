//! The network between our functions and WHOOP, and what it sees of the rate limit.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Request, Response};
use serde_json::{Value, json};
use tokio::time::timeout;
use whoop_partner::future::BoxFuture;
use whoop_partner::http::{HttpClient, Transport, Unanswered};

use super::partner_api::{Answer, Call};
use crate::network::{self, Broken, Fault};
use crate::process::{Fetched, Process};
use crate::weather::Service;
use crate::world::World;

/// How many calls an execution may make for each of its messages: a requisition and three service requests, and for each four
/// attempts, three repetitions after a 429 and two more tokens, in doubt.
const CALLS_PER_MESSAGE: u32 = 4 * 9;

/// Makes the HTTP client of a process.
pub(crate) fn http_client(world: &Arc<World>, process: &Arc<Process>) -> HttpClient {
    HttpClient::new(Network {
        world: world.clone(),
        process: process.clone(),
    })
}

struct Network {
    world: Arc<World>,
    process: Arc<Process>,
}

impl Transport for Network {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Unanswered>> {
        Box::pin(async move {
            let (world, process) = (&self.world, &self.process);
            self.check();
            let call = call_of(&request);
            let asked = call.clone();
            let perform = move |world: &Arc<World>| world.whoop.answer(world, &asked);
            let sent = network::call(world, process, Service::Whoop, perform, failure);
            let limit = request
                .timeout()
                .copied()
                .unwrap_or(Duration::from_secs(60));
            let reason = match timeout(limit, sent).await {
                Ok(Ok(answer)) => {
                    self.observe(&call, &answer);
                    return Ok(response(&answer));
                }
                Ok(Err(Broken)) => "the connection broke",
                Err(_) => "no answer in time",
            };
            crate::note!(
                world,
                &process.name,
                "{} {}: {reason}",
                call.method,
                call.path
            );
            Err(Unanswered {
                reason: reason.into(),
                sent: true,
            })
        })
    }
}

impl Network {
    /// Checks that the process may make a call.
    fn check(&self) {
        let (world, process) = (&self.world, &self.process);
        let mut state = process.state();
        state.whoop_calls += 1;
        let most = CALLS_PER_MESSAGE * (state.present.batch.len() as u32).max(1);
        let (calls, limited_until) = (state.whoop_calls, state.limited_until);
        drop(state);
        if let Some(until) = limited_until
            && world.now() < until
        {
            let left = until - world.now();
            world.violation(format!(
                "{} calls WHOOP {left:?} too early after a 429",
                process.name
            ));
        }
        if calls > most {
            world.violation(format!(
                "{} has made {calls} calls of WHOOP in one execution",
                process.name
            ));
        }
    }

    /// Remembers what a process has been told.
    fn observe(&self, call: &Call, answer: &Answer) {
        let (world, process) = (&self.world, &self.process);
        let version = answer.body["version"]
            .as_u64()
            .map(|version| version as usize);
        let shown = version.map(|version| format!(", version {version}"));
        let told = answer
            .told
            .map(|told| format!(", {} left, {} s", told.remaining, told.reset));
        crate::note!(
            world,
            &process.name,
            "{} {}: {}{}{}",
            call.method,
            call.path,
            answer.status,
            shown.unwrap_or_default(),
            told.unwrap_or_default()
        );
        let mut state = process.state();
        if answer.status == 429
            && answer.has_headers
            && let Some(told) = answer.told
        {
            state.limited_until = Some(world.now() + Duration::from_secs(told.reset));
        }
        if call.method == "GET"
            && let Some(id) = call.path.strip_prefix("requisition/")
        {
            let status = answer.status;
            let earlier = state
                .present
                .fetched
                .get(id)
                .and_then(|fetched| fetched.version);
            let oldest = match (earlier, version) {
                (Some(earlier), Some(version)) => Some(earlier.min(version)),
                (earlier, version) => earlier.or(version),
            };
            let fetched = Fetched {
                status,
                version: oldest,
            };
            state.present.fetched.insert(id.to_owned(), fetched);
        }
    }
}

fn call_of(request: &Request) -> Call {
    let path = request.url().path();
    let token = request.headers().get("authorization");
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let body = request.body().and_then(|body| body.as_bytes());
    Call {
        method: request.method().to_string(),
        path: path
            .split("/v2/partner/")
            .last()
            .unwrap_or_default()
            .to_owned(),
        token: token.map(str::to_owned),
        body: body
            .and_then(|body| serde_json::from_slice(body).ok())
            .unwrap_or(Value::Null),
    }
}

fn failure(fault: Fault) -> Answer {
    let status = match fault {
        Fault::Internal => [500, 502, 503, 504, 408][fastrand::usize(..5)],
        // a 429 of a gateway, which does not say for how long
        Fault::Throttled => 429,
    };
    Answer::new(status, json!({}))
}

fn response(answer: &Answer) -> Response {
    let mut response = http::Response::builder().status(answer.status);
    if let Some(told) = answer.told
        && answer.has_headers
    {
        response = response
            .header("X-RateLimit-Remaining", told.remaining)
            .header("X-RateLimit-Reset", told.reset);
    }
    let response = response.body(answer.body.to_string());
    response.expect("numbers fit into headers").into()
}
