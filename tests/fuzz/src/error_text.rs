//! Errors quote nothing: apart from numbers, each error has one of a few texts, whatever the input says.

/// Returns a text with `#` in the place of each number.
#[must_use]
pub fn without_numbers(text: &str) -> String {
    let mut result = String::new();
    for character in text.chars() {
        if !character.is_ascii_digit() {
            result.push(character);
        } else if !result.ends_with('#') {
            result.push('#');
        }
    }
    result
}

/// What the product says about JSON that does not decode: `{json}` in a list.
const JSON_ERRORS: [&str; 3] = [
    "Syntax error in line #, column #",
    "Eof error in line #, column #",
    "Data error in line #, column #",
];

/// Fails unless `text` is on the list `allowed`. There, `#` stands for a number, and `{json}` for an error about JSON.
///
/// # Panics
///
/// If the text is another one. If a new error is right, and nothing that the input says can show in it, add it to the list.
pub fn assert_is_listed(text: &str, allowed: &[&str]) {
    let known = without_numbers(text);
    let mut json_errors = JSON_ERRORS.iter();
    let listed = allowed.contains(&known.as_str())
        || json_errors.any(|json| {
            let mut listed = allowed.iter();
            listed.any(|listed| listed.replace("{json}", json) == known)
        });
    assert!(
        listed,
        "an error has a text that is not on the list: {text:?}"
    );
}
