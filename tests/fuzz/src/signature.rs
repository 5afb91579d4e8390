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

    let right = expected_mac::signature(body, current);
    assert_eq!(signature::sign(body, current), right);
    assert_near_misses_are_refused(&right, body, keys);
    let missing = signature::verify(None::<&[u8]>, body, keys);
    assert_eq!(missing, Err(SignatureError::Missing));
}

/// No fuzzer finds by chance what differs from the right signature in a single digit.
fn assert_near_misses_are_refused(right: &str, body: &[u8], keys: Keys<'_>) {
    for (place, digit) in right
        .char_indices()
        .filter(|(_, digit)| digit.is_alphabetic())
    {
        let capital = digit.to_ascii_uppercase().to_string();
        let mut header = right.to_owned();
        header.replace_range(place..=place, &capital);
        let verified = signature::verify(Some(&header), body, keys);
        assert_eq!(verified, Err(SignatureError::Malformed), "header {header}");
    }
    // another place for each body, because a MAC for each of them would take long
    let place = body.len() % right.len();
    let digit = if right.as_bytes()[place] == b'0' {
        "1"
    } else {
        "0"
    };
    let mut header = right.to_owned();
    header.replace_range(place..=place, digit);
    let verified = signature::verify(Some(&header), body, keys);
    assert_eq!(verified, Err(SignatureError::Wrong), "header {header}");
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
