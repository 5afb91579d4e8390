//! `webhook send`: posts a webhook as WHOOP does, or as a stranger would.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

use clap::{Args, ValueEnum};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Response};
use secrecy::ExposeSecret;
use uuid::Uuid;
use whoop_partner::heartbeat;
use whoop_partner::http::HttpClient;
use whoop_partner::protected_url::ProtectedUrl;
use whoop_partner::signature::{self, SIGNATURE_HEADER};

use super::answer::{Answer, Summary};
use super::body;
use super::key::KeySource;
use crate::error::ToolError;
use crate::report::Output;
use crate::session::Session;

/// How long an answer may take. WHOOP waits for one second; a longer time shows how slow the answer is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes. The webhook's answers are empty.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// The longest request id that is shown.
const MAX_REQUEST_ID: usize = 128;

/// Send a webhook as WHOOP does, and say what the answer means
///
/// A webhook that is accepted is processed like one of WHOOP's, so choose what to send:
///
/// --heartbeat harms nothing: the event processor counts it and publishes nothing. Without the event processor, whatever reads the
/// queue gets it.
///
/// --event-type lab_requisition.created makes the event processor fetch that order from WHOOP. If WHOOP does not know it, as with a
/// random id, the message is tried for a while and ends in the dead-letter queue as not_found. If WHOOP knows it, a state that has
/// been published is not published again.
///
/// Any other event type is published on the event bus without a resource, and your consumers get it.
///
/// Exit status 0 if the answer is what such a signature should get, and comes within WHOOP's one second.
#[derive(Debug, Args)]
#[group(id = "what", args = ["heartbeat", "event_type", "body"], required = true, multiple = false)]
pub(super) struct Send {
    /// Send a heartbeat, as the stack does itself
    #[arg(long)]
    heartbeat: bool,
    /// Send an event of this type, such as lab_requisition.created or clinical_report_review.requested
    #[arg(long, value_name = "TYPE")]
    event_type: Option<String>,
    /// The id of the resource that the event is about; a random one if it is left out
    #[arg(long, value_name = "ID", requires = "event_type")]
    #[arg(conflicts_with_all = ["heartbeat", "body"])]
    resource_id: Option<String>,
    /// Send the content of this file, or - for standard input, byte for byte
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// How to sign it
    #[arg(long, value_enum, default_value_t = Kind::Right)]
    signature: Kind,
    /// Where to send it, instead of to the stack's WebhookUrl: HTTPS, or HTTP to a loopback address
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Send the same webhook this many times, one after the other
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeat: u16,
    #[command(flatten)]
    key: KeySource,
}

/// How a webhook is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// With the current signing secret
    Right,
    /// With the previous signing secret, which is valid for 24 hours after a rotation
    Old,
    /// With a random key
    Wrong,
    /// Not at all
    Missing,
    /// With the current signing secret, but in upper case
    Malformed,
}

/// The header's value, and the status that it should get.
struct Signed {
    header: Option<HeaderValue>,
    expected_status: u16,
}

impl Send {
    pub async fn run(
        self,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
        output: &Output,
    ) -> Result<ExitCode, ToolError> {
        let url = match &self.url {
            Some(url) => protected(url).map_err(|reason| {
                // clap would quote the URL, which may hold a password
                ToolError::WrongUse(format!("the URL is {reason}"))
            })?,
            None => {
                let session = begin().await?;
                let url = session.stack().await?.output("WebhookUrl")?;
                protected(url)
                    .map_err(|reason| ToolError::Failed(format!("WebhookUrl is {reason}")))?
            }
        };
        let http = HttpClient::from_env().map_err(|error| ToolError::Failed(error.to_string()))?;
        // the secret first: both may come from standard input, and that is refused before anything is read
        let signer = self.signer(&begin).await?;
        let body = self.body()?;
        let signed = signer(&body);
        let mut answers = Vec::new();
        for _ in 0..self.repeat {
            let answer = post(&http, &url, &signed, &body).await;
            output.line(&answer)?;
            answers.push(answer);
        }
        let good = answers.iter().filter(|answer| answer.is_good()).count();
        if answers.len() > 1 {
            let slowest_ms = answers.iter().map(|answer| answer.elapsed_ms).max();
            output.line(&Summary {
                sent: answers.len(),
                good,
                slowest_ms: slowest_ms.unwrap_or_default(),
            })?;
        }
        Ok(match good == answers.len() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        })
    }

    fn body(&self) -> Result<Vec<u8>, ToolError> {
        match (&self.body, &self.event_type) {
            (Some(path), _) => body::read(path),
            (None, Some(event_type)) => {
                let random = || Uuid::new_v4().to_string();
                let resource_id = self.resource_id.clone().unwrap_or_else(random);
                Ok(body::event(event_type, &resource_id))
            }
            (None, None) => Ok(heartbeat::body(SystemTime::now()).into_bytes()),
        }
    }

    /// Gets the key that the chosen kind of signature needs, and returns what signs a body with it.
    async fn signer(
        &self,
        begin: impl AsyncFn() -> Result<Session, ToolError>,
    ) -> Result<impl FnOnce(&[u8]) -> Signed, ToolError> {
        let (key, expected_status) = match self.signature {
            Kind::Missing => (None, 401),
            Kind::Wrong => (Some(Uuid::new_v4().to_string().into()), 401),
            Kind::Right | Kind::Malformed | Kind::Old => {
                let secrets = self.key.get(self.body.as_deref(), begin).await?;
                if self.signature == Kind::Old {
                    let (key, valid_until) = secrets.previous().ok_or_else(no_previous_key)?;
                    let is_valid = SystemTime::now() < valid_until;
                    (Some(key.clone()), if is_valid { 204 } else { 401 })
                } else {
                    let is_right = self.signature == Kind::Right;
                    let key = secrets.current().clone();
                    (Some(key), if is_right { 204 } else { 401 })
                }
            }
        };
        let in_upper_case = self.signature == Kind::Malformed;
        Ok(move |body: &[u8]| {
            let header = key.map(|key: secrecy::SecretString| {
                let mut signature = signature::sign(body, key.expose_secret().as_bytes());
                if in_upper_case {
                    signature.make_ascii_uppercase();
                }
                let mut header =
                    HeaderValue::try_from(signature).expect("hex digits make a header");
                header.set_sensitive(true);
                header
            });
            Signed {
                header,
                expected_status,
            }
        })
    }
}

fn protected(url: &str) -> Result<ProtectedUrl, whoop_partner::protected_url::UrlError> {
    url.parse()
}

fn no_previous_key() -> ToolError {
    ToolError::Failed("the signing secret has no previous version that could sign".into())
}

async fn post(http: &HttpClient, url: &ProtectedUrl, signed: &Signed, body: &[u8]) -> Answer {
    let mut request = Request::new(Method::POST, url.to_url());
    *request.timeout_mut() = Some(ANSWER_TIMEOUT);
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(signature) = &signed.header {
        headers.insert(SIGNATURE_HEADER, signature.clone());
    }
    *request.body_mut() = Some(body.to_vec().into());

    let started = Instant::now();
    let answer = http.send(request).await;
    let expected = signed.expected_status;
    let response = match answer {
        Ok(response) => response,
        Err(unanswered) => return Answer::none(&unanswered.reason, expected, started.elapsed()),
    };
    let status = response.status().as_u16();
    let request_id = request_id(&response);
    if !read_to_end(response).await {
        return Answer::none("the answer broke off", expected, started.elapsed());
    }
    Answer::new(status, expected, started.elapsed(), request_id)
}

/// Reads an answer to its end, or as much of it as counts. Returns whether that worked.
async fn read_to_end(mut response: Response) -> bool {
    let mut bytes = 0;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes += chunk.len(),
            Ok(None) => return true,
            Err(_) => return false,
        }
        if bytes > MAX_ANSWER_BYTES {
            return true;
        }
    }
}

fn request_id(response: &Response) -> Option<String> {
    let id = response.headers().get("apigw-requestid")?.to_str().ok()?;
    (id.len() <= MAX_REQUEST_ID).then(|| id.to_owned())
}
