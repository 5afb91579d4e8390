//! Header and body: the signature of a webhook.
//!
//! An input has four parts: header, current key, previous key, body. In the header, `{current}` and `{previous}` stand for the
//! right signature under that key, because no fuzzer finds one by chance. An empty previous key means that there is none.

use whoop_partner::signature::{self, Keys, MatchedKey, SignatureError};

use crate::expected_mac;
use crate::parts;

/// Fails unless the product accepts exactly what the other implementation of HMAC accepts.
pub fn check(input: &[u8]) {
    let [header, current, previous, body] = parts(input);
    let header = filled_in(header, current, previous, body);
    let previous = Some(previous).filter(|key| !key.is_empty());
    let keys = Keys::current(current).and_previous(previous);

    let expected = if !expected_mac::is_well_formed(&header) {
        Err(SignatureError::Malformed)
    } else if header == expected_mac::signature(body, current).as_bytes() {
        Ok(MatchedKey::Current)
    } else if previous.is_some_and(|key| header == expected_mac::signature(body, key).as_bytes()) {
        Ok(MatchedKey::Previous)
    } else {
        Err(SignatureError::Wrong)
    };
    let verified = signature::verify(Some(&header), body, keys);
    assert_eq!(verified, expected, "header {header:02x?}");

    assert_eq!(
        signature::sign(body, current),
        expected_mac::signature(body, current)
    );
    let missing = signature::verify(None::<&[u8]>, body, keys);
    assert_eq!(missing, Err(SignatureError::Missing));
}

/// Puts the right signatures in the place of their names.
fn filled_in(header: &[u8], current: &[u8], previous: &[u8], body: &[u8]) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut rest = header;
    while let Some(first) = rest.first() {
        let (piece, length) = if rest.starts_with(b"{current}") {
            (expected_mac::signature(body, current), "{current}".len())
        } else if rest.starts_with(b"{previous}") {
            (expected_mac::signature(body, previous), "{previous}".len())
        } else {
            filled.push(*first);
            rest = &rest[1..];
            continue;
        };
        filled.extend_from_slice(piece.as_bytes());
        rest = &rest[length..];
    }
    filled
}
