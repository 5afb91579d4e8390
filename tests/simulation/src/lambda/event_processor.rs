//! The event source mapping and the event processor: at most two executions at once, with up to ten messages each.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use event_processor::{Config, EventProcessor, SqsBatch};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::{Crashed, execute};
use crate::aws::http_clients;
use crate::aws::sqs::Received;
use crate::chance::{between, chance, hours, seconds};
use crate::process::Process;
use crate::weather::Service;
use crate::whoop::transport::http_client;
use crate::world::World;

/// The template's limits.
const TIME_LIMIT: Duration = seconds(90);
const CONCURRENCY: usize = 2;
const BATCH: usize = 10;

/// The function, with its processes that have nothing to do.
pub(crate) struct EventProcessorFunction {
    world: Arc<World>,
    slots: Arc<Semaphore>,
    idle: RefCell<Vec<Instance>>,
    pub(crate) running: Cell<usize>,
}

struct Instance {
    process: Arc<Process>,
    processor: EventProcessor,
}

impl EventProcessorFunction {
    pub(crate) fn new(world: &Arc<World>) -> Rc<Self> {
        Rc::new(Self {
            world: world.clone(),
            slots: Arc::new(Semaphore::new(CONCURRENCY)),
            idle: RefCell::default(),
            running: Cell::new(0),
        })
    }

    /// Takes messages from the queue, for ever.
    pub(crate) async fn poll(self: Rc<Self>) {
        let world = &self.world;
        loop {
            let slot = self
                .slots
                .clone()
                .acquire_owned()
                .await
                .expect("nobody closes it");
            if world.is_down(Service::Sqs) {
                sleep(seconds(20)).await;
                continue;
            }
            let most = if fastrand::bool() {
                BATCH
            } else {
                fastrand::usize(1..=BATCH)
            };
            let batch = world.sqs.receive(world, most);
            if batch.is_empty() {
                drop(slot);
                let next = world.sqs.next_visible();
                let pause = next.map_or(hours(1), |at| at.saturating_sub(world.now()));
                let pause = pause.max(Duration::from_millis(20));
                let _ = timeout(pause, world.sqs.changed.notified()).await;
                // messages that arrive together may come together
                sleep(between(Duration::ZERO, seconds(1))).await;
                continue;
            }
            let function = self.clone();
            tokio::task::spawn_local(async move {
                function.running.set(function.running.get() + 1);
                function.clone().invoke(batch).await;
                function.running.set(function.running.get() - 1);
                drop(slot);
            });
        }
    }

    async fn invoke(&self, batch: Vec<Received>) {
        let world = &self.world;
        world.ledger.executed();
        let idle = self.idle.borrow_mut().pop();
        let Instance { process, processor } = match idle {
            Some(instance) if !chance(0.1) => instance,
            _ => self.start().await,
        };
        process.begin(batch.clone());
        let bodies = batch
            .iter()
            .map(|message| format!("{} ({})", message.id, message.receive_count));
        let bodies = bodies.collect::<Vec<_>>().join(", ");
        crate::note!(world, &process.name, "receives messages {bodies}");
        let records: Vec<Value> = batch.iter().map(Received::record).collect();
        let event = json!({"Records": records});
        let event: SqsBatch = serde_json::from_value(event).expect("any records are a batch");
        // Lambda and the process share the machine and its clock
        let deadline = process.clock(world).now() + TIME_LIMIT;
        let handled = execute(
            world,
            &process,
            TIME_LIMIT,
            processor.handle(event, deadline),
        )
        .await;
        let response = match handled {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return world.violation(format!("{}: {error}", process.name)),
            Err(Crashed) => return,
        };
        for message in &batch {
            let id = message.id.to_string();
            let mut failures = response.batch_item_failures.iter();
            if !failures.any(|failure| failure.item_identifier == id) {
                world.ledger.done(world, &process, message);
                // if Lambda can't delete it, it comes again
                if world.is_calm() || !chance(world.plan.fault_rate / 4.0) {
                    world.sqs.delete(message.id);
                }
            }
        }
        self.idle.borrow_mut().push(Instance { process, processor });
    }

    async fn start(&self) -> Instance {
        let world = &self.world;
        let process = Process::start(world, "processor");
        sleep(between(
            Duration::from_millis(20),
            Duration::from_millis(200),
        ))
        .await;
        let mut config = Config::from_env().expect("the variables are set");
        config.auto_confirm_orders = world.plan.auto_confirm_orders;
        let (aws, http) = (http_clients(world, &process), http_client(world, &process));
        let processor = EventProcessor::connect(config, aws, http, process.clock(world)).await;
        Instance {
            process,
            processor: processor.expect("the variables are set"),
        }
    }
}
