//! Receives WHOOP's webhooks with axum: verifies each one, stores it, and only then accepts it.
//!
//! Try it with the simulator, which signs with the same secret and prints each delivery:
//!
//! ```sh
//! WHOOP_SIGNING_SECRET=whsec_test cargo run -p whoop-partner --example axum_webhook &
//! cargo run -p whoop-simulator -- --webhook-url http://127.0.0.1:3000/webhooks --signing-secret whsec_test
//! ```

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use whoop_partner::signature::{self, Keys, SIGNATURE_HEADER};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let app = app(env::var("WHOOP_SIGNING_SECRET")?, "webhooks.jsonl".into());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    Ok(axum::serve(listener, app).await?)
}

/// The service: `POST /webhooks`.
pub fn app(signing_secret: String, file: PathBuf) -> Router {
    let webhooks = Webhooks {
        signing_secret,
        file,
    };
    Router::new()
        .route("/webhooks", post(receive))
        .with_state(Arc::new(webhooks))
}

struct Webhooks {
    signing_secret: String,
    file: PathBuf,
}

/// Takes the raw body, because the signature covers its bytes. Parse them only after they are verified.
async fn receive(
    State(webhooks): State<Arc<Webhooks>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut signatures = headers.get_all(SIGNATURE_HEADER).iter();
    // a header given twice counts as missing: nobody can say which one is right
    let signature = signatures.next().filter(|_| signatures.next().is_none());
    let keys = Keys::current(&webhooks.signing_secret);
    if signature::verify(signature, &body, keys).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    match webhooks.store(body).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Webhooks {
    /// Replace this with your queue or your database. WHOOP does not repeat a webhook after a 204.
    async fn store(&self, body: Bytes) -> io::Result<()> {
        let file = self.file.clone();
        let write = move || {
            let mut file = File::options().create(true).append(true).open(file)?;
            file.write_all(&[&body[..], b"\n"].concat())?;
            file.sync_data()
        };
        tokio::task::spawn_blocking(write).await?
    }
}
