//! What API Gateway hands to the function: WHOOP's example of a delivery, signed rightly or wrongly.

use bytes::Bytes;

/// The signing secret that the stub of Secrets Manager hands out.
pub const SIGNING_SECRET: &str = "whsec_test";

/// Payload format 2.0, with the headers and the context that the gateway adds.
const SIGNED: &str = include_str!("../delivery.json");

/// The signature in it.
const SIGNATURE: &str = "7c57d8b5949ea3002db1dd16f8814f74e779d6520e479acb9d08827ed2d8afa6";

/// A delivery whose signature is right.
pub fn signed() -> Bytes {
    Bytes::from_static(SIGNED.as_bytes())
}

/// A delivery whose signature is well-formed and wrong.
pub fn forged() -> Bytes {
    let wrong: String = SIGNATURE.chars().rev().collect();
    SIGNED.replace(SIGNATURE, &wrong).into()
}
