//! Reads JSON files whole, as tolerantly as their publishers write: `NaN` in place of numbers, and texts for numbers.

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use crate::tables::{Problems, decode, read_bytes};

/// An object whose values are asked for by name.
pub(crate) type Object = Map<String, Value>;

/// Values that Python writes for numbers that are none, and JSON does not have.
const NO_NUMBERS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// The value of a JSON file, packed or not; `None`, with a problem, for one that is none.
pub(crate) fn read(file: &Path, problems: &mut Problems) -> Option<Value> {
    let bytes = read_bytes(file, problems)?;
    let text = decode(file, &bytes, problems)?;
    let parsed = serde_json::from_str(&without_no_numbers(&text));
    parsed
        .map_err(|error| {
            let text = error.to_string();
            let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
            problems.line(file, error.line() as u64, format!("is not JSON: {reason}"));
        })
        .ok()
}

/// The text with `null` for `NaN` and the infinities, outside of strings.
fn without_no_numbers(text: &str) -> Cow<'_, str> {
    if !NO_NUMBERS.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while let Some(first) = rest.chars().next() {
        let word = NO_NUMBERS.iter().find(|word| !in_string && rest.starts_with(**word));
        let bytes = match (word, first) {
            (Some(word), _) => {
                kept.push_str("null");
                rest = rest.get(word.len()..).unwrap_or_default();
                continue;
            }
            // An escape and what it escapes.
            (None, '\\') => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            (None, '"') => {
                in_string = !in_string;
                1
            }
            (None, other) => other.len_utf8(),
        };
        let (taken, behind) = rest.split_at_checked(bytes).unwrap_or((rest, ""));
        kept.push_str(taken);
        rest = behind;
    }
    Cow::Owned(kept)
}

/// A value as text without blanks around it: of a text or a number; `None` for an empty one, and for all others.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// The first of several names of a value that holds a text or a number.
pub(crate) fn field(object: &Object, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| object.get(*name).and_then(text_of))
}

/// A whole number, or the text of one.
pub(crate) fn whole(object: &Object, name: &str) -> Option<i64> {
    let text = field(object, &[name])?;
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_are_none_are_null_and_texts_stay() {
        let text = r#"{"a": NaN, "b": [-Infinity, Infinity,NaN], "c": "NaN \" NaN", "d\\": NaN, "é": "Infinity"}"#;
        let value: Value = serde_json::from_str(&without_no_numbers(text)).unwrap();
        let expected = json!({"a": null, "b": [null, null, null], "c": "NaN \" NaN", "d\\": null, "é": "Infinity"});
        assert_eq!(value, expected);
        assert!(matches!(without_no_numbers("[1]"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_no_json_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        for (text, told) in [
            ("{\n\"a\": 1,\n", ":3: is not JSON: EOF"),
            ("nan", ":1: is not JSON"),
            ("", "is not JSON"),
        ] {
            let file = folder.path().join("x.json");
            std::fs::write(&file, text).unwrap();
            let mut problems = Problems::default();
            assert_eq!(read(&file, &mut problems), None);
            assert!(problems.to_string().contains(told), "{problems}");
        }
    }
}
