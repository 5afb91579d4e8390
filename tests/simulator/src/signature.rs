//! The `WHOOP-Signed` header: lower-case hex HMAC-SHA256 of the raw request body, keyed with the webhook signing secret
//! (WHOOP's partner documentation, "Webhooks").
//!
//! The simulator signs with code of its own, so that it can't share a mistake with the library that verifies.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Name of the header that carries the signature.
pub const SIGNATURE_HEADER: &str = "whoop-signed";

/// Signs a body as WHOOP does. The key is the UTF-8 bytes of the signing secret.
#[must_use]
pub fn sign(body: &[u8], key: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(body);
    let mac = mac.finalize().into_bytes();
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_the_second_test_case_of_rfc_4231_as_published() {
        assert_eq!(
            sign(b"what do ya want for nothing?", b"Jefe"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
