//! A proxy between a deployed function and the local AWS that delays, breaks or changes calls.
//!
//! To use it, set `AWS_ENDPOINT_URL_SQS` and the like in the function's environment; they take precedence over
//! `AWS_ENDPOINT_URL`. The proxy recognises operations by `X-Amz-Target`, so it serves the services that speak AWS's
//! JSON protocol: SQS, Secrets Manager, DynamoDB, EventBridge.

mod behaviour;
mod plan;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, JoinSet};

pub use behaviour::Behaviour;

use behaviour::Behaviours;
use plan::Plan;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A running proxy on a port of its own, which ends when this is dropped.
pub struct AwsProxy {
    address: SocketAddr,
    plan: Arc<Plan>,
    door: Mutex<Door>,
}

/// Whether connections are accepted. While the door is closed the proxy keeps its port, so that no other process gets
/// it.
enum Door {
    Open(Server),
    Closed(TcpSocket),
    /// Only while the door moves.
    Moving,
}

/// The task that accepts connections and owns them; they end with it.
struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl AwsProxy {
    /// Starts a proxy on a free port of the loopback interface in front of `upstream`, such as `LocalAws::endpoint()`.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn start(upstream: &str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let plan = Arc::new(Plan::new(upstream));
        let server = Server::run(listener, &plan);
        Ok(Self {
            address,
            plan,
            door: Mutex::new(Door::Open(server)),
        })
    }

    /// The URL for `AWS_ENDPOINT_URL_SQS` and the like.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does this with every call of `operation`, such as `SendMessage`, from now on.
    pub fn set(&self, operation: &str, behaviour: Behaviour) {
        let mut behaviours = self.plan.behaviours();
        behaviours.always.insert(operation.into(), behaviour);
    }

    /// Does this from now on with every call of an operation that has no behaviour of its own.
    pub fn set_all(&self, behaviour: Behaviour) {
        self.plan.behaviours().all = Some(behaviour);
    }

    /// Does this once, with the next call of `operation`. If several are planned, each takes one call, in this order.
    pub fn next(&self, operation: &str, behaviour: Behaviour) {
        let mut behaviours = self.plan.behaviours();
        let queue = behaviours.next.entry(operation.into()).or_default();
        queue.push_back(behaviour);
    }

    /// Passes every call on again and sets the counts to zero. Calls that hang still hang.
    pub fn reset(&self) {
        *self.plan.behaviours() = Behaviours::default();
    }

    /// How often `operation` was called since the start or the last reset, including calls that failed.
    ///
    /// A request without `X-Amz-Target` counts as operation `""`.
    #[must_use]
    pub fn calls(&self, operation: &str) -> usize {
        let behaviours = self.plan.behaviours();
        behaviours.calls.get(operation).copied().unwrap_or_default()
    }

    /// How many connections have been opened since the start or the last reset.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.plan.behaviours().connections
    }

    /// Silences the connections that exist: no call over them is answered any more, and none has an effect. To the
    /// client they look alive, as after a network has dropped them.
    pub fn silence_connections(&self) {
        self.plan.silence();
    }

    /// Refuses every connection from now on, and breaks those that exist.
    ///
    /// # Errors
    ///
    /// If the port can't be kept.
    pub async fn unavailable(&self) -> io::Result<()> {
        let mut door = self.door.lock().await;
        if let Door::Open(server) = std::mem::replace(&mut *door, Door::Moving) {
            server.end().await;
        }
        // the socket is bound but does not listen: the kernel refuses connections and gives the port to nobody else
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(self.address)?;
        *door = Door::Closed(socket);
        Ok(())
    }

    /// Takes connections again, on the same port.
    ///
    /// # Errors
    ///
    /// If the port does not accept connections.
    pub async fn available(&self) -> io::Result<()> {
        let mut door = self.door.lock().await;
        *door = match std::mem::replace(&mut *door, Door::Moving) {
            Door::Closed(socket) => Door::Open(Server::run(socket.listen(BACKLOG)?, &self.plan)),
            unchanged => unchanged,
        };
        Ok(())
    }
}

impl Server {
    fn run(listener: TcpListener, plan: &Arc<Plan>) -> Self {
        let plan = Arc::clone(plan);
        Self(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let plan = Arc::clone(&plan);
                plan.behaviours().connections += 1;
                let generation = plan.generation();
                connections.spawn(async move {
                    let service = service_fn(|call| plan.serve(call, generation));
                    // fails if the client disconnects, or if the plan closes the connection
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
                while connections.try_join_next().is_some() {}
            }
        }))
    }

    /// Ends the task and waits until listener and connections are gone.
    async fn end(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use axum::Router;
    use axum::routing::any;
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::ministack::loopback_client;

    /// A proxy in front of a server that answers each call with the bytes it got.
    async fn proxy_before_an_echo() -> AwsProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = format!("http://{}", listener.local_addr().unwrap());
        let echo = Router::new().fallback(any(|body: Bytes| async { body }));
        tokio::spawn(async move { axum::serve(listener, echo).await });
        AwsProxy::start(&upstream).await.unwrap()
    }

    async fn call(proxy: &AwsProxy, operation: &str) -> reqwest::Result<(u16, String)> {
        let answer = loopback_client()
            .post(proxy.url())
            .header("X-Amz-Target", format!("AmazonSQS.{operation}"))
            .body(r#"{"MessageBody":"x"}"#)
            .timeout(Duration::from_millis(500))
            .send()
            .await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    const ECHO: &str = r#"{"MessageBody":"x"}"#;

    #[tokio::test]
    async fn passes_calls_on_and_counts_them_by_operation() {
        let proxy = proxy_before_an_echo().await;
        for _ in 0..2 {
            assert_eq!(
                call(&proxy, "SendMessage").await.unwrap(),
                (200, ECHO.into())
            );
        }
        assert_eq!(proxy.calls("SendMessage"), 2);
        assert_eq!(proxy.calls("ReceiveMessage"), 0);
    }

    #[tokio::test]
    async fn a_hanging_operation_leaves_the_others_alone() {
        let proxy = proxy_before_an_echo().await;
        proxy.set("SendMessage", Behaviour::Hang);
        assert!(call(&proxy, "SendMessage").await.unwrap_err().is_timeout());
        assert_eq!(call(&proxy, "GetQueueUrl").await.unwrap().0, 200);
        proxy.reset();
        assert_eq!(call(&proxy, "SendMessage").await.unwrap().0, 200);
        assert_eq!(proxy.calls("SendMessage"), 1);
    }

    #[tokio::test]
    async fn fails_as_aws_does() {
        let proxy = proxy_before_an_echo().await;
        let code = "RequestThrottled";
        proxy.set_all(Behaviour::Fail { status: 400, code });
        let (status, body) = call(&proxy, "SendMessage").await.unwrap();
        assert_eq!(status, 400);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["__type"], code);
    }

    #[tokio::test]
    async fn a_closed_connection_is_no_timeout() {
        let proxy = proxy_before_an_echo().await;
        proxy.next("SendMessage", Behaviour::CloseConnection);
        let error = call(&proxy, "SendMessage").await.unwrap_err();
        assert!(error.is_request() && !error.is_timeout() && !error.is_connect());
        assert_eq!(call(&proxy, "SendMessage").await.unwrap().0, 200);
    }

    #[tokio::test]
    async fn a_call_whose_answer_is_lost_has_its_effect() {
        let behind = proxy_before_an_echo().await;
        let proxy = AwsProxy::start(&behind.url()).await.unwrap();
        proxy.next("SendMessage", Behaviour::LoseAnswer);
        let error = call(&proxy, "SendMessage").await.unwrap_err();
        assert!(error.is_request() && !error.is_timeout());
        assert_eq!(behind.calls("SendMessage"), 1);
    }

    #[tokio::test]
    async fn a_silenced_connection_never_answers_and_a_new_one_does() {
        let proxy = proxy_before_an_echo().await;
        let client = loopback_client();
        let call = async || {
            let call = client.post(proxy.url()).timeout(Duration::from_millis(500));
            call.send().await?.text().await
        };
        call().await.unwrap();
        proxy.silence_connections();
        assert!(call().await.unwrap_err().is_timeout());
        call().await.unwrap();
    }

    #[tokio::test]
    async fn delays_and_rewrites_answers() {
        let proxy = proxy_before_an_echo().await;
        proxy.next("SendMessage", Behaviour::Delay(Duration::from_millis(100)));
        let started = Instant::now();
        assert_eq!(call(&proxy, "SendMessage").await.unwrap().0, 200);
        assert!(started.elapsed() >= Duration::from_millis(100));
        proxy.set(
            "SendMessage",
            Behaviour::rewrite(|answer| answer["MessageBody"] = json!("another text")),
        );
        let (_, body) = call(&proxy, "SendMessage").await.unwrap();
        assert_eq!(body, r#"{"MessageBody":"another text"}"#);
    }

    #[tokio::test]
    async fn a_late_call_has_its_effect_late() {
        let behind = proxy_before_an_echo().await;
        let proxy = AwsProxy::start(&behind.url()).await.unwrap();
        proxy.next("SendMessage", Behaviour::Late(Duration::from_millis(200)));
        let (answer, calls) = tokio::join!(call(&proxy, "SendMessage"), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            behind.calls("SendMessage")
        });
        assert_eq!(answer.unwrap(), (200, ECHO.into()));
        assert_eq!((calls, behind.calls("SendMessage")), (0, 1));
    }

    #[tokio::test]
    async fn shows_calls_and_answers_by_itself() {
        let proxy = proxy_before_an_echo().await;
        let seen = Arc::<std::sync::Mutex<Vec<Value>>>::default();
        let watched = seen.clone();
        let watch = Behaviour::watch(move |call| watched.lock().unwrap().push(call));
        proxy.next("SendMessage", watch);
        proxy.next("SendMessage", Behaviour::Answer(json!({"of": "its own"})));
        let (_, body) = call(&proxy, "SendMessage").await.unwrap();
        assert_eq!(body, ECHO);
        assert_eq!(*seen.lock().unwrap(), [json!({"MessageBody": "x"})]);
        let (status, body) = call(&proxy, "SendMessage").await.unwrap();
        assert_eq!((status, body.as_str()), (200, r#"{"of":"its own"}"#));
    }

    #[tokio::test]
    async fn refuses_connections_while_unavailable_and_comes_back_on_the_same_port() {
        let proxy = proxy_before_an_echo().await;
        let url = proxy.url();
        for _ in 0..2 {
            proxy.unavailable().await.unwrap();
            assert!(call(&proxy, "SendMessage").await.unwrap_err().is_connect());
            proxy.available().await.unwrap();
            assert_eq!(call(&proxy, "SendMessage").await.unwrap().0, 200);
        }
        assert_eq!(proxy.url(), url);
    }
}
