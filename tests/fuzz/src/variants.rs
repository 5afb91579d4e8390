//! Variants of the inputs in a corpus. libFuzzer makes better ones; these need only a plain `cargo test`.

use std::fs;
use std::path::PathBuf;

use fastrand::Rng;

use crate::SEPARATOR;

/// Texts that often reach other code: values of JSON of each type, the names that the targets know, and bytes that are not text.
const TOKENS: [&[u8]; 30] = [
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"0.1",
    b"[]",
    b"{}",
    b"\"\"",
    b"\"a\"",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"[[[[[[[[",
    b",",
    b":",
    b"\"",
    b" ",
    b"\n",
    b"\xff",
    b"\x00",
    b"\xef\xbf\xbf",
    b"\xf0\x9f\x92\x89",
    b"base64",
    b"AP/+",
    b"{current}",
    b"{previous}",
    b"{signature}",
    b"\"messageId\":\"m\"",
    &[SEPARATOR],
];

/// Returns the folder of a target's corpus.
#[must_use]
pub fn corpus_folder(target: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/targets");
    tests.join("__fuzz__").join(target).join("corpus")
}

/// Reads the corpus of a target, in the order of the files' names.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = corpus_folder(target);
    let files = fs::read_dir(&folder).expect("the target has a corpus");
    let mut files: Vec<_> = files
        .map(|file| file.expect("it is listed").path())
        .collect();
    files.sort();
    let contents = files.iter().map(fs::read);
    contents
        .map(|content| content.expect("it is readable"))
        .collect()
}

/// Makes a variant of one input, with up to four changes.
#[must_use]
pub fn variant(corpus: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut input = pick(corpus, rng).clone();
    for _ in 0..rng.usize(1..=4) {
        change(&mut input, corpus, rng);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    let range = range(input, rng);
    match rng.u8(0..7) {
        // another bit
        0 if !range.is_empty() => input[range.start] ^= 1 << rng.u8(0..8),
        // a piece less
        1 => drop(input.drain(range)),
        // a piece twice
        2 => {
            let piece = input[range.clone()].to_vec();
            input.splice(range.start..range.start, piece);
        }
        // a piece of another input
        3 => {
            let other = pick(corpus, rng);
            let piece = other[self::range(other, rng)].to_vec();
            input.splice(range, piece);
        }
        // a value of JSON in the place of another one
        4 => {
            let value = value_at(input, range.start);
            input.splice(value, pick(&TOKENS, rng).iter().copied());
        }
        _ => drop(input.splice(range, pick(&TOKENS, rng).iter().copied())),
    }
}

fn pick<'t, T>(of: &'t [T], rng: &mut Rng) -> &'t T {
    &of[rng.usize(0..of.len())]
}

/// A short piece of an input, or seldom a long one.
fn range(input: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let start = rng.usize(0..=input.len());
    let longest = if rng.u8(0..8) == 0 { input.len() } else { 8 };
    start..(start + rng.usize(0..=longest)).min(input.len())
}

/// The next value of a field, or element of an array: what stands between the next `:`, `[` or `,` and the end of the value.
fn value_at(input: &[u8], from: usize) -> std::ops::Range<usize> {
    let starts = |byte: &u8| b":[,".contains(byte);
    let start = input[from..].iter().position(starts);
    let start = start.map_or(input.len(), |offset| from + offset + 1);
    let ends = |byte: &u8| b",]}".contains(byte);
    let length = input[start..].iter().position(ends);
    start..length.map_or(input.len(), |length| start + length)
}
