//! Provides `difference`, the leaves in which two JSON trees differ.

use std::fmt;

use serde_json::Value;

/// A leaf in which two trees differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Keys from the root to the leaf, joined by dots.
    pub path: String,
    /// Its value in the first tree; `None` where it has none, or null.
    pub was: Option<Value>,
    /// Its value in the second tree.
    pub is: Option<Value>,
}

impl Difference {
    /// Both values as JSON, or `not set`.
    #[must_use]
    pub fn values(&self) -> [String; 2] {
        [&self.was, &self.is].map(|value| value.as_ref().map_or_else(|| "not set".into(), Value::to_string))
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [was, is] = self.values();
        write!(f, "{} was {was} and is {is}", self.path)
    }
}

/// The leaves in which `was` and `is`, the values at `path`, differ: in the order of the first tree, then those that
/// only the second has. Whatever is not an object is a leaf, and null is the same as a key that is missing.
#[must_use]
pub fn difference(path: &str, was: &Value, is: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(path, Some(was), Some(is), &mut found);
    found
}

fn compare<'a>(path: &str, was: Option<&'a Value>, is: Option<&'a Value>, found: &mut Vec<Difference>) {
    let [was, is] = [was, is].map(|value| value.filter(|value| !value.is_null()));
    let empty = serde_json::Map::new();
    let members = |value: Option<&'a Value>| match value {
        None => Some(&empty),
        Some(value) => value.as_object(),
    };
    match (members(was), members(is)) {
        (Some(a), Some(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(&path, a.get(key), b.get(key), found);
            }
        }
        _ if was == is => {}
        _ => found.push(Difference {
            path: path.to_owned(),
            was: was.cloned(),
            is: is.cloned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(was: &Value, is: &Value) -> Vec<String> {
        difference("", was, is).iter().map(Difference::to_string).collect()
    }

    #[test]
    fn leaves_are_named_with_both_values() {
        let was = json!({"clips": {"hop_s": "3", "tail": "drop"}, "rate": 1, "mean": [1, 2], "odd": 1, "none": null});
        let is = json!({"rate": 1.5, "clips": {"hop_s": "1.5", "tail": "drop"}, "mean": [1], "odd": {"a": 1}, "new": {"b": true, "c": {}}});
        let expected = [
            r#"clips.hop_s was "3" and is "1.5""#,
            "rate was 1 and is 1.5",
            "mean was [1,2] and is [1]",
            r#"odd was 1 and is {"a":1}"#,
            "new.b was not set and is true",
        ];
        assert_eq!(texts(&was, &is), expected);
        assert!(texts(&was, &was).is_empty());
    }

    #[test]
    fn the_root_may_be_a_leaf_and_has_the_name_given() {
        let found = difference("labels", &json!(1), &Value::Null);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "labels was 1 and is not set");
        assert_eq!(difference("labels", &Value::Null, &Value::Null), []);
    }
}
