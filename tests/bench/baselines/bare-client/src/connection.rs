//! HTTP/1.1 over a kept TLS connection: one request, one answer, blocking.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// How long an answer may take: then something is wrong, and no time worth measuring.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How large an answer may be, head and body together, in bytes; those of the calls have some thousand at most.
const MAX_ANSWER: usize = 16 * 1024;

/// How many headers an answer may have.
const MAX_HEADERS: usize = 32;

/// Where a service listens.
pub struct Endpoint {
    /// Host and port.
    pub authority: String,
    name: ServerName<'static>,
}

impl Endpoint {
    /// Reads a URL of the form `https://HOST:PORT`.
    pub fn parse(url: &str) -> Result<Self> {
        let authority = url
            .strip_prefix("https://")
            .map(|rest| rest.trim_end_matches('/'));
        let host = authority.and_then(|authority| authority.rsplit_once(':'));
        let (Some(authority), Some((host, _))) = (authority, host) else {
            bail!("{url} is not of the form https://HOST:PORT");
        };
        let name =
            ServerName::try_from(host.to_owned()).with_context(|| format!("the host of {url}"))?;
        Ok(Self {
            authority: authority.to_owned(),
            name,
        })
    }
}

/// A service. Its first call opens the connection, which is kept.
pub struct Service {
    /// Where it listens.
    pub endpoint: Endpoint,
    tls: Arc<ClientConfig>,
    connection: Option<Connection>,
}

impl Service {
    /// Nothing is opened yet.
    pub fn new(endpoint: Endpoint, tls: Arc<ClientConfig>) -> Self {
        Self {
            endpoint,
            tls,
            connection: None,
        }
    }

    /// Sends a request and returns the body of its answer, whose status must be 200.
    pub fn call(&mut self, request: &[u8]) -> Result<&[u8]> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(&self.endpoint, self.tls.clone())?,
        };
        self.connection.insert(connection).call(request)
    }
}

/// A connection that is kept between calls.
struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    answer: Box<[u8; MAX_ANSWER]>,
}

impl Connection {
    /// Connects; the TLS handshake is part of the first call.
    fn open(endpoint: &Endpoint, tls: Arc<ClientConfig>) -> Result<Self> {
        let tcp = TcpStream::connect(&endpoint.authority)
            .with_context(|| format!("connecting to {}", endpoint.authority))?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(TIMEOUT))?;
        let client = ClientConnection::new(tls, endpoint.name.clone())?;
        Ok(Self {
            stream: StreamOwned::new(client, tcp),
            answer: Box::new([0; MAX_ANSWER]),
        })
    }

    /// Sends a request, reads its answer whole, and returns the body.
    fn call(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..])?;
            ensure!(read > 0, "the answer ends early or is too large");
            filled += read;
            if let Some(body) = body(&self.answer[..filled])? {
                return Ok(&self.answer[body..filled]);
            }
        }
    }
}

/// Returns where the body of an answer begins; `None` if the answer is not all there yet. A status other than 200 is an error.
fn body(bytes: &[u8]) -> Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body) = head.parse(bytes)? else {
        return Ok(None);
    };
    let status = head.code.unwrap_or_default();
    ensure!(status == 200, "status {status}");
    let end = body + content_length(head.headers)?;
    ensure!(bytes.len() <= end, "more bytes than one answer");
    Ok((bytes.len() == end).then_some(body))
}

fn content_length(headers: &[httparse::Header<'_>]) -> Result<usize> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
        .context("no Content-Length")
}
