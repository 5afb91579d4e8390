//! WHOOP as a function that answers.

use reqwest::{Request, Response};
use whoop_partner::future::BoxFuture;
use whoop_partner::http::{HttpClient, Transport, Unanswered};

/// Makes a client whose requests `answer` answers with a status and a body.
pub fn http_client(
    answer: impl Fn(&Request) -> (u16, Vec<u8>) + Send + Sync + 'static,
) -> HttpClient {
    HttpClient::new(Canned(answer))
}

/// The answer of the token endpoint.
pub fn token() -> (u16, Vec<u8>) {
    let token = br#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#;
    (200, token.to_vec())
}

struct Canned<A>(A);

impl<A: Fn(&Request) -> (u16, Vec<u8>) + Send + Sync> Transport for Canned<A> {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, Unanswered>> {
        let (status, body) = (self.0)(&request);
        let response = http::Response::builder().status(status).body(body);
        let response = response.expect("the status is a number of three digits");
        Box::pin(async { Ok(Response::from(response)) })
    }
}
