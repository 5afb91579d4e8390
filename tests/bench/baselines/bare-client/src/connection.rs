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

/// How large an answer may be, head and body together, in bytes; those of the two calls have some hundred.
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

/// A connection that is kept between calls.
pub struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    answer: Box<[u8; MAX_ANSWER]>,
}

impl Connection {
    /// Connects; the TLS handshake is part of the first call.
    pub fn open(endpoint: &Endpoint, tls: Arc<ClientConfig>) -> Result<Self> {
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

    /// Sends a request and reads its answer whole, which must be 200.
    pub fn call(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.answer[filled..])?;
            ensure!(read > 0, "the answer ends early or is too large");
            filled += read;
            if is_whole(&self.answer[..filled])? {
                return Ok(());
            }
        }
    }
}

/// Says whether an answer is all there. A status other than 200 is an error.
fn is_whole(bytes: &[u8]) -> Result<bool> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body) = head.parse(bytes)? else {
        return Ok(false);
    };
    let status = head.code.unwrap_or_default();
    ensure!(status == 200, "status {status}");
    let end = body + content_length(head.headers)?;
    ensure!(bytes.len() <= end, "more bytes than one answer");
    Ok(bytes.len() == end)
}

fn content_length(headers: &[httparse::Header<'_>]) -> Result<usize> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
        .context("no Content-Length")
}
