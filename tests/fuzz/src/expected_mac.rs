//! HMAC-SHA256 by another implementation than the product's: ring, whose SHA-256 comes from BoringSSL.

use ring::hmac::{HMAC_SHA256, Key};

/// The signature of `body` in lower-case hexadecimal digits.
pub fn signature(body: &[u8], key: &[u8]) -> String {
    let tag = ring::hmac::sign(&Key::new(HMAC_SHA256, key), body);
    tag.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Whether a header is exactly 64 lower-case hexadecimal digits.
pub fn is_well_formed(header: &[u8]) -> bool {
    let is_digit = |byte: &u8| b"0123456789abcdef".contains(byte);
    header.len() == 64 && header.iter().all(is_digit)
}
