//! The part of the Lambda Runtime API that a function needs to start, to take events and to answer them.
//!
//! One instance serves one process. It runs on the caller's own thread, so that measurements contain no switch between
//! threads.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// How long a function may take to start, and to answer after its deadline, before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

const API: &str = "/2018-06-01/runtime/";

/// The Runtime API of one process.
pub struct RuntimeApi {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<FromFunction>,
    server: JoinHandle<()>,
}

/// A request of the function.
enum FromFunction {
    Next {
        at: Instant,
        event: oneshot::Sender<Event>,
    },
    Response {
        at: Instant,
        body: Bytes,
    },
    Error(String),
}

/// A function that waits for its next event.
pub struct Ready {
    /// When it asked.
    pub at: Instant,
    event: oneshot::Sender<Event>,
}

/// What a function is invoked with.
struct Event {
    body: Bytes,
    deadline: SystemTime,
}

/// How a function answered an event.
pub struct Answer {
    /// From handing out the event to the whole answer.
    pub elapsed: Duration,
    /// What it answered.
    pub body: Bytes,
}

impl RuntimeApi {
    /// Listens on a free port.
    ///
    /// # Errors
    ///
    /// If no port is free.
    pub async fn listen() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (sender, requests) = mpsc::unbounded_channel();
        Ok(Self {
            address,
            requests,
            server: tokio::spawn(serve(listener, sender)),
        })
    }

    /// The value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Waits until the function asks for its next event.
    ///
    /// # Errors
    ///
    /// If it reports an error instead, ends or hangs.
    pub async fn ready(&mut self) -> Result<Ready> {
        match self.request(PATIENCE).await? {
            FromFunction::Next { at, event } => Ok(Ready { at, event }),
            FromFunction::Response { .. } => bail!("an answer without an event"),
            FromFunction::Error(error) => bail!("the function failed: {error}"),
        }
    }

    /// Hands out an event, tells the function that it has `timeout` for it, and waits for the answer.
    ///
    /// # Errors
    ///
    /// If the function reports an error (its JSON is then in the text), ends, or does not answer.
    pub async fn invoke(&mut self, ready: Ready, body: Bytes, timeout: Duration) -> Result<Answer> {
        let start = Instant::now();
        let deadline = SystemTime::now() + timeout;
        if ready.event.send(Event { body, deadline }).is_err() {
            bail!("the function went away");
        }
        match self.request(timeout + PATIENCE).await? {
            FromFunction::Response { at, body } => Ok(Answer {
                elapsed: at - start,
                body,
            }),
            FromFunction::Next { .. } => bail!("the function asks again instead of answering"),
            FromFunction::Error(error) => bail!("the function failed: {error}"),
        }
    }

    async fn request(&mut self, patience: Duration) -> Result<FromFunction> {
        tokio::time::timeout(patience, self.requests.recv())
            .await
            .context("the function hangs")?
            .context("the Runtime API ended")
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, requests: mpsc::UnboundedSender<FromFunction>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // otherwise the kernel waits for more data to send
        let _ = stream.set_nodelay(true);
        let requests = requests.clone();
        connections.spawn(async move {
            let service = service_fn(|request| handle(request, &requests));
            // it breaks when the function is killed
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    request: Request<Incoming>,
    requests: &mpsc::UnboundedSender<FromFunction>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes());
    let at = Instant::now();
    let text = |body: Bytes| String::from_utf8_lossy(&body).into_owned();
    let (told, status) = match (head.uri.path().strip_prefix(API), body) {
        (Some("invocation/next"), _) => return Ok(next(at, requests).await),
        (Some(path), Ok(body)) if path.ends_with("/response") => {
            (FromFunction::Response { at, body }, StatusCode::ACCEPTED)
        }
        (Some(path), Ok(body)) if path.ends_with("/error") => {
            (FromFunction::Error(text(body)), StatusCode::ACCEPTED)
        }
        (path, _) => (
            FromFunction::Error(format!("it calls {path:?}, which is no part of the API")),
            StatusCode::NOT_FOUND,
        ),
    };
    // if the caller has gone, nobody is left to tell
    let _ = requests.send(told);
    Ok(empty(status))
}

async fn next(
    at: Instant,
    requests: &mpsc::UnboundedSender<FromFunction>,
) -> Response<Full<Bytes>> {
    let (sender, event) = oneshot::channel();
    let _ = requests.send(FromFunction::Next { at, event: sender });
    let Ok(event) = event.await else {
        return empty(StatusCode::GONE);
    };
    let deadline = event.deadline.duration_since(SystemTime::UNIX_EPOCH);
    Response::builder()
        .header("content-type", "application/json")
        .header(
            "lambda-runtime-aws-request-id",
            "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        )
        .header(
            "lambda-runtime-deadline-ms",
            deadline.unwrap_or_default().as_millis().to_string(),
        )
        .header(
            "lambda-runtime-invoked-function-arn",
            "arn:aws:lambda:us-east-1:123456789012:function:function",
        )
        .header(
            "lambda-runtime-trace-id",
            "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
        )
        .body(Full::new(event.body))
        .expect("the headers are well-formed")
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
