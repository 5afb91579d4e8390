//! What API Gateway sends: the few fields of its payload format 2.0 that are used.
//!
//! Not `lambda_http::Request`: its conversion panics on headers that a stranger may send, and the typed event refuses others.
//! Here any JSON makes a request, and what is missing or odd shows in the answer.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use whoop_partner::lenient;
use whoop_partner::signature::SIGNATURE_HEADER;

/// One HTTP request. `Debug` shows no header and no body.
#[derive(Default)]
pub struct WebhookRequest {
    /// The header `WHOOP-Signed`.
    pub signature: Option<String>,
    /// API Gateway's id of the request.
    pub request_id: Option<String>,
    body: String,
    is_base64_encoded: bool,
}

/// The gateway says that the body is base64, and it is not.
#[derive(Debug, PartialEq, Eq)]
pub struct MalformedBase64;

impl WebhookRequest {
    /// Takes the raw bytes that WHOOP sent.
    ///
    /// # Errors
    ///
    /// When the gateway says that the body is base64, and it does not decode.
    pub fn take_body(&mut self) -> Result<Vec<u8>, MalformedBase64> {
        let body = std::mem::take(&mut self.body).into_bytes();
        if self.is_base64_encoded {
            BASE64.decode(body).map_err(|_| MalformedBase64)
        } else {
            Ok(body)
        }
    }
}

impl fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl<'de> Deserialize<'de> for WebhookRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let payload: Payload = lenient::object(deserializer)?;
        Ok(Self {
            signature: payload.headers.signature,
            request_id: payload.request_context.request_id,
            body: payload.body.unwrap_or_default(),
            is_base64_encoded: payload.is_base64_encoded,
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Payload {
    #[serde(deserialize_with = "lenient::object")]
    headers: Headers,
    #[serde(deserialize_with = "lenient::object")]
    request_context: RequestContext,
    #[serde(deserialize_with = "lenient::string")]
    body: Option<String>,
    #[serde(deserialize_with = "lenient::flag")]
    is_base64_encoded: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RequestContext {
    #[serde(deserialize_with = "lenient::string")]
    request_id: Option<String>,
}

/// The one header that counts; given twice it counts as missing, because nobody can say which is meant.
#[derive(Default)]
struct Headers {
    signature: Option<String>,
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor)
    }
}

struct HeadersVisitor;

impl<'de> Visitor<'de> for HeadersVisitor {
    type Value = Headers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // mutant "return Ok(Default::default())": nobody reads this, because `lenient::object` passes on nothing but objects
        f.write_str("headers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
        let mut signatures = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name.eq_ignore_ascii_case(SIGNATURE_HEADER) {
                signatures.push(map.next_value::<HeaderValue>()?.0);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let signature = match signatures.len() {
            1 => signatures.remove(0),
            _ => None,
        };
        Ok(Headers { signature })
    }
}

#[derive(Deserialize)]
struct HeaderValue(#[serde(deserialize_with = "lenient::string")] Option<String>);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn request(payload: serde_json::Value) -> WebhookRequest {
        serde_json::from_str(&payload.to_string()).expect("any JSON makes a request")
    }

    #[test]
    fn reads_the_fields_of_payload_format_2_0() {
        let mut request = request(json!({
            "version": "2.0",
            "headers": {"content-type": "application/json", "whoop-signed": "abc"},
            "requestContext": {"requestId": "JKJaXmPLvHcESHA=", "http": {"method": "POST"}},
            "body": "{\"a\": \"\\u00e9\"}\r\n",
            "isBase64Encoded": false,
        }));
        assert_eq!(request.signature.as_deref(), Some("abc"));
        assert_eq!(request.request_id.as_deref(), Some("JKJaXmPLvHcESHA="));
        assert_eq!(request.take_body().unwrap(), b"{\"a\": \"\\u00e9\"}\r\n");
    }

    #[test]
    fn decodes_base64_to_the_raw_bytes() {
        let mut request = request(json!({"body": "AP/+", "isBase64Encoded": true}));
        assert_eq!(request.take_body().unwrap(), b"\x00\xff\xfe");
    }

    #[test]
    fn base64_that_does_not_decode_is_an_error_and_no_panic() {
        for body in ["%%%", "A", "AP/+\n", "AP_-", "\u{e9}"] {
            let mut request = request(json!({"body": body, "isBase64Encoded": true}));
            assert_eq!(request.take_body(), Err(MalformedBase64), "{body:?}");
        }
    }

    #[test]
    fn header_names_compare_without_regard_to_case() {
        let request = request(json!({"headers": {"WHOOP-Signed": "abc"}}));
        assert_eq!(request.signature.as_deref(), Some("abc"));
    }

    #[test]
    fn a_signature_given_twice_counts_as_missing() {
        let request = request(json!({"headers": {"WHOOP-Signed": "abc", "whoop-signed": "abc"}}));
        assert_eq!(request.signature, None);
    }

    #[test]
    fn odd_headers_and_fields_do_no_harm() {
        for payload in [
            json!({"headers": {"x-forwarded-proto": "https,http", "host": "a b", "": "", "x": null, "y": ["z"]}}),
            json!({"headers": {"whoop-signed": null}}),
            json!({"headers": {"whoop-signed": ["abc"]}}),
            json!({"headers": null, "body": null, "requestContext": null, "isBase64Encoded": null}),
            json!({"headers": [], "body": 7, "requestContext": "x", "isBase64Encoded": "yes"}),
            json!({"requestContext": {"requestId": {}}}),
            json!({}),
            json!([]),
            json!("text"),
            json!(null),
            json!(1.5),
        ] {
            let mut request = request(payload.clone());
            assert_eq!(request.signature, None, "{payload}");
            assert_eq!(request.request_id, None, "{payload}");
            assert_eq!(request.take_body().unwrap(), b"", "{payload}");
        }
    }

    #[test]
    fn debug_shows_neither_signature_nor_body() {
        let signature = "the-signature-that-nobody-may-see";
        let body = "the-body-that-nobody-may-see";
        let request = request(json!({"headers": {"whoop-signed": signature}, "body": body}));
        let text = format!("{request:?}");
        assert_eq!(text, "WebhookRequest { request_id: None, .. }");
    }
}
