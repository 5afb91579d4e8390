//! The stub itself: its ports, its connections, its latency.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::Endpoints;
use super::certificate::tls;
use super::services::Services;

/// Serves until standard input ends. Writes the certificate of its authority to `authority`.
pub async fn serve(latency: Duration, authority: &Path) -> Result<()> {
    let server = Server {
        acceptor: TlsAcceptor::from(Arc::new(tls(authority)?)),
        services: Arc::new(Services::new()),
        latency,
    };
    let mut ports = [None; 5];
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        *port = Some(listener.local_addr()?);
        tokio::spawn(server.clone().accept(listener));
    }
    let [secrets_manager, sqs, dynamodb, event_bridge, whoop] =
        ports.map(|port| port.expect("all are bound"));
    say(&Endpoints {
        secrets_manager,
        sqs,
        dynamodb,
        event_bridge,
        whoop,
    })?;
    let mut questions = BufReader::new(tokio::io::stdin()).lines();
    while questions.next_line().await?.is_some() {
        say(&server.services.calls())?;
    }
    Ok(())
}

fn say(answer: &impl serde::Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(answer)?)?;
    Ok(out.flush()?)
}

#[derive(Clone)]
struct Server {
    acceptor: TlsAcceptor,
    services: Arc<Services>,
    latency: Duration,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        while let Ok((stream, _)) = listener.accept().await {
            // a client that is killed is nothing to tell about
            tokio::spawn(self.clone().connection(stream));
        }
    }

    async fn connection(self, stream: TcpStream) -> Result<()> {
        stream.set_nodelay(true)?;
        let stream = self.acceptor.accept(stream).await?;
        let service = service_fn(|request| self.handle(request));
        hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await?;
        Ok(())
    }

    async fn handle(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, hyper::Error> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let due = Instant::now() + self.latency;
        let response = self.services.answer(&head, &body);
        // the runtime's own timer has a resolution of a millisecond
        let _ = tokio::task::spawn_blocking(move || {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        })
        .await;
        Ok(response)
    }
}
