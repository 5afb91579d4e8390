//! API Gateway and the webhook function.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::sleep;
use webhook::{Config, Webhook, WebhookRequest};

use super::{Crashed, execute};
use crate::aws::http_clients;
use crate::chance::{between, chance, seconds};
use crate::process::Process;
use crate::world::World;

/// The template's time limit.
const TIME_LIMIT: Duration = seconds(5);

/// The function, with its processes that have nothing to do.
pub(crate) struct WebhookFunction {
    world: Arc<World>,
    idle: RefCell<Vec<Instance>>,
}

struct Instance {
    process: Arc<Process>,
    webhook: Webhook,
}

impl WebhookFunction {
    pub(crate) fn new(world: &Arc<World>) -> Rc<Self> {
        Rc::new(Self {
            world: world.clone(),
            idle: RefCell::default(),
        })
    }

    /// Posts a webhook. The function goes on if the sender does not wait for the status.
    pub(crate) async fn post(self: Rc<Self>, body: String, signature: String) -> u16 {
        let (answer, arrives) = oneshot::channel();
        tokio::task::spawn_local(async move {
            sleep(between(Duration::from_millis(2), Duration::from_millis(20))).await;
            let status = self.invoke(body, signature).await;
            sleep(between(Duration::from_millis(2), Duration::from_millis(20))).await;
            let _ = answer.send(status);
        });
        arrives.await.unwrap_or(502)
    }

    async fn invoke(&self, body: String, signature: String) -> u16 {
        let world = &self.world;
        let idle = self.idle.borrow_mut().pop();
        let Instance { process, webhook } = match idle {
            Some(instance) if !chance(0.1) => instance,
            _ => self.start().await,
        };
        process.begin(Vec::new());
        let request = json!({
            "version": "2.0",
            "headers": {"whoop-signed": signature},
            "requestContext": {"requestId": format!("q{}", world.next_number())},
            "body": body,
            "isBase64Encoded": false,
        });
        let request: WebhookRequest =
            serde_json::from_value(request).expect("any JSON is a request");
        let handled = execute(world, &process, TIME_LIMIT, webhook.handle(request, None)).await;
        match handled {
            Ok(response) => {
                let status = u16::try_from(response.status_code).expect("it is a status");
                world.ledger.answered(world, &process, &body, status);
                self.idle.borrow_mut().push(Instance { process, webhook });
                status
            }
            Err(Crashed) => 502,
        }
    }

    async fn start(&self) -> Instance {
        let world = &self.world;
        let process = Process::start(world, "webhook");
        sleep(between(
            Duration::from_millis(20),
            Duration::from_millis(120),
        ))
        .await;
        let config = Config::from_env().expect("the variables are set");
        let clients = http_clients(world, &process);
        let webhook = Webhook::connect(config, clients, process.clock(world)).await;
        Instance {
            process,
            webhook: webhook.expect("the variables are set"),
        }
    }
}
