//! Cases of header, key and body, in which the signature check has to agree with Python and OpenSSL.

use fastrand::Rng;
use whoop_partner::signature::{self, Keys, SignatureError};

/// How many bodies and headers there are for each key.
pub const CASES_PER_KEY: usize = 20;

/// A header, a body, and the key to verify it with.
pub struct Case {
    /// The key.
    pub key: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
    /// The header.
    pub header: Vec<u8>,
}

/// What is said about a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is the signature of the body.
    Right,
    /// It is the signature of something else.
    Wrong,
    /// It is no signature.
    Malformed,
}

impl Case {
    /// What the product says.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match signature::verify(Some(&self.header), &self.body, Keys::current(&self.key)) {
            Ok(_) => Verdict::Right,
            Err(SignatureError::Malformed) => Verdict::Malformed,
            Err(_) => Verdict::Wrong,
        }
    }
}

/// Makes cases. The same seed makes the same cases.
#[must_use]
pub fn cases(number: usize, seed: u64) -> Vec<Case> {
    let mut rng = Rng::with_seed(seed);
    let mut cases: Vec<Case> = Vec::with_capacity(number);
    while cases.len() < number {
        let key = match cases.last() {
            Some(last) if rng.u8(0..4) == 0 => near_miss(&last.key, &mut rng),
            _ => text(&mut rng, 200),
        };
        let mut body = text(&mut rng, 4096);
        for _ in 0..CASES_PER_KEY.min(number - cases.len()) {
            body = match rng.u8(0..3) {
                0 => near_miss(&body, &mut rng),
                1 => text(&mut rng, 4096),
                _ => body,
            };
            let header = header(&key, &body, &mut rng);
            let (key, body) = (key.clone(), body.clone());
            cases.push(Case { key, body, header });
        }
    }
    cases
}

/// An empty text, a short or a long one, around SHA-256's block size of 64 bytes; of bytes, of ASCII or of other characters.
fn text(rng: &mut Rng, longest: usize) -> Vec<u8> {
    let length = match rng.u8(0..8) {
        0 => 0,
        1 => rng.usize(63..=65),
        2 => rng.usize(127..=129),
        3 => rng.usize(0..longest),
        _ => rng.usize(1..64),
    };
    match rng.u8(0..4) {
        0 => (0..length).map(|_| rng.u8(..)).collect(),
        1 => {
            let characters = ['é', '漢', '💉', '\u{0}', '\u{feff}', 'a'];
            let text: String = (0..length).map(|_| characters[rng.usize(0..6)]).collect();
            text.into_bytes()
        }
        2 => {
            let filler = "x".repeat(length);
            format!(r#"{{"event_type":"lab_requisition.created","resource_id":"{filler}"}}"#).into()
        }
        _ => (0..length).map(|_| rng.u8(b' '..=b'~')).collect(),
    }
}

/// Almost the same bytes.
fn near_miss(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match rng.u8(0..5) {
        0 => bytes.push(b'\n'),
        1 => bytes.push(0),
        2 => bytes.insert(0, b' '),
        3 => drop(bytes.pop()),
        _ if bytes.is_empty() => {}
        _ => {
            let place = rng.usize(0..bytes.len());
            bytes[place] ^= 1 << rng.u8(0..8);
        }
    }
    bytes
}

/// A header: right, or wrong in one of many ways.
fn header(key: &[u8], body: &[u8], rng: &mut Rng) -> Vec<u8> {
    let right = signature::sign(body, key).into_bytes();
    match rng.u8(0..14) {
        0 => with_another_digit(right, rng),
        1 => near_miss(&right, rng),
        2 => right.to_ascii_uppercase(),
        3 => [right, b"\r\n".to_vec()].concat(),
        4 => [b"sha256=".to_vec(), right].concat(),
        5 => right[..rng.usize(0..64)].to_vec(),
        6 => [right.clone(), right].concat(),
        7 => signature::sign(&near_miss(body, rng), key).into_bytes(),
        8 => signature::sign(body, &near_miss(key, rng)).into_bytes(),
        9 => right.iter().rev().copied().collect(),
        10 => (0..64).map(|_| rng.u8(..)).collect(),
        _ => right,
    }
}

fn with_another_digit(mut header: Vec<u8>, rng: &mut Rng) -> Vec<u8> {
    header[rng.usize(0..64)] = b"0123456789abcdef"[rng.usize(0..16)];
    header
}
