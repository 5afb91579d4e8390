//! Plays WHOOP, the schedules and strangers: carries out the [`plan`] against the deployed stack.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use alarms::MetricId;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use uuid::Uuid;
use whoop_simulator::{AppointmentType, Fault, RateLimit};

use super::figures::Figure;
use super::plan::{Action, plan};
use super::{Run, unix_seconds};
use crate::stack::{Answer, StackError, signed};
use crate::world::World;

/// What WHOOP calls an order.
const ORDERS: &str = "/v2/partner/requisition";

/// Calls that WHOOP accepts in ten seconds: enough for a wave, but not for one with the messages that an outage has left behind.
const CALLS: u32 = 60;
const WINDOW_SECONDS: u64 = 10;

/// A request as its sender saw it.
struct Request {
    /// In Unix seconds.
    at: u64,
    /// The status of the answer, if one came in time.
    status: Option<u16>,
    elapsed: Duration,
}

struct Traffic {
    world: Arc<World>,
    new_secret: String,
    /// What others than WHOOP have sent.
    requests: Mutex<Vec<Request>>,
}

/// Sends everything that is planned, and returns what the senders measured: `AWS/ApiGateway`'s `Latency` and `5xx` as they saw
/// them, of the API `api`.
///
/// # Errors
///
/// If the local AWS does not answer, or refuses a call.
pub(super) async fn send(
    world: &Arc<World>,
    run: Run,
    api: &str,
) -> Result<Vec<Figure>, StackError> {
    let limit = RateLimit::new(CALLS, WINDOW_SECONDS);
    world.simulator.set_rate_limits(vec![limit]);
    let traffic = Arc::new(Traffic {
        world: Arc::clone(world),
        new_secret: format!("signing-secret-{}", Uuid::new_v4().simple()),
        requests: Mutex::default(),
    });
    let mut actions = JoinSet::new();
    for (at, action) in plan() {
        sleep_until(run.start + at).await;
        let traffic = Arc::clone(&traffic);
        actions.spawn(async move { traffic.act(action).await });
        while let Some(done) = actions.try_join_next() {
            done.expect("an action does not panic")?;
        }
    }
    sleep_until(run.end()).await;
    let requests = traffic.requests();
    Ok(requests
        .iter()
        .flat_map(|request| request.figures(api))
        .collect())
}

impl Traffic {
    async fn act(&self, action: Action) -> Result<(), StackError> {
        let World {
            stack, simulator, ..
        } = &*self.world;
        match action {
            Action::Order => {
                simulator.add_test_data(AppointmentType::InPerson);
            }
            Action::Repeat => self.repeat().await,
            Action::Heartbeat => {
                let at = unix_seconds(SystemTime::now());
                let result = stack
                    .invoke(stack.output("HeartbeatFunctionName"), &json!({}))
                    .await?;
                // a function error is a figure of the run
                if let Some(elapsed) = result.payload["elapsed_ms"].as_u64() {
                    let elapsed = Duration::from_millis(elapsed);
                    let status = Some(204);
                    self.note(Request {
                        at,
                        status,
                        elapsed,
                    });
                }
            }
            Action::RefreshToken => {
                stack
                    .invoke(stack.output("TokenRefreshFunctionName"), &json!({}))
                    .await?;
            }
            Action::Scan => {
                let at = SystemTime::now();
                let answer = stack.post_webhook("{}", HeaderMap::new()).await?;
                self.note(Request::answered(at, &answer));
            }
            Action::Forge => {
                let body = event();
                let at = SystemTime::now();
                let headers = signed(body.as_bytes(), "a key that is not WHOOP's");
                let answer = stack.post_webhook(body, headers).await?;
                self.note(Request::answered(at, &answer));
            }
            Action::StoreNewSecret => stack.put_signing_secret(&self.new_secret).await?,
            Action::SignWithNewSecret => simulator.set_signing_secret(&self.new_secret),
            Action::BeginOutage => simulator.fault(Fault::status(ORDERS, 503).times(u32::MAX)),
            Action::EndOutage => simulator.clear_faults(),
            Action::SendNoWebhook => {
                let message = stack
                    .sqs
                    .send_message()
                    .queue_url(stack.output("WebhookQueueUrl"));
                let sent = message.message_body("no webhook").send().await;
                sent.map_err(StackError::aws("SendMessage"))?;
            }
        }
        Ok(())
    }

    /// Delivers a webhook again that WHOOP delivered some time ago.
    async fn repeat(&self) {
        let deliveries = self.world.simulator.deliveries();
        let Some(earlier) = deliveries.get(deliveries.len() / 2) else {
            return;
        };
        let body: Value = serde_json::from_str(&earlier.body).expect("WHOOP sends JSON");
        self.world.simulator.deliver(&body).await;
    }

    fn note(&self, request: Request) {
        let requests = self.requests.lock();
        requests
            .unwrap_or_else(PoisonError::into_inner)
            .push(request);
    }

    /// All requests, WHOOP's too.
    fn requests(&self) -> Vec<Request> {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let mut requests = std::mem::take(&mut *requests);
        for delivery in self.world.simulator.deliveries() {
            requests.extend(delivery.attempts.iter().map(|attempt| Request {
                at: attempt.time.as_second().cast_unsigned(),
                status: attempt.status,
                elapsed: Duration::from_millis(attempt.duration_ms),
            }));
        }
        requests
    }
}

impl Request {
    fn answered(at: SystemTime, answer: &Answer) -> Self {
        Self {
            at: unix_seconds(at),
            status: Some(answer.status),
            elapsed: answer.elapsed,
        }
    }

    fn figures(&self, api: &str) -> [Figure; 2] {
        let figure = |name, value| Figure {
            metric: MetricId::new("AWS/ApiGateway", name, &[("ApiId", api)]),
            at: self.at,
            value,
        };
        let is_5xx = self.status.is_some_and(|status| status >= 500);
        [
            figure("Latency", self.elapsed.as_secs_f64() * 1000.0),
            figure("5xx", f64::from(u8::from(is_5xx))),
        ]
    }
}

/// An event as WHOOP sends it, about nothing that exists.
fn event() -> String {
    let resource_id = Uuid::new_v4().to_string();
    json!({"event_type": "lab_requisition.created", "resource_id": resource_id}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: Option<u16>, milliseconds: u64, expected: [f64; 2]) {
        let elapsed = Duration::from_millis(milliseconds);
        let request = Request {
            at: 7,
            status,
            elapsed,
        };
        let figures = request.figures("a");
        assert_eq!(figures.each_ref().map(|figure| figure.value), expected);
        let names = figures.map(|figure| (figure.metric.to_string(), figure.at));
        let expected = [
            "AWS/ApiGateway Latency ApiId=a",
            "AWS/ApiGateway 5xx ApiId=a",
        ];
        assert_eq!(names, expected.map(|name| (name.to_owned(), 7)));
    }

    #[test]
    fn the_sender_sees_latency_and_server_errors() {
        check(Some(204), 12, [12.0, 0.0]);
        check(Some(401), 3, [3.0, 0.0]);
        check(Some(503), 800, [800.0, 1.0]);
        check(None, 1000, [1000.0, 0.0]);
    }
}
