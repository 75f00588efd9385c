//! Provides `items`, the texts of a list that pandas wrote into a cell of a table, as Python shows it.

/// The items of `['a', "b"]`, and of a list of numbers, as text; empty items are none, so that `['']` is `[]`.
///
/// # Errors
/// What was expected.
pub(crate) fn items(cell: &str) -> Result<Vec<String>, &'static str> {
    const EXPECTED: &str = "expected a list as Python shows it, such as ['amecro', 'norcar'] or []";
    let inner = cell
        .trim()
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .ok_or(EXPECTED)?;
    let mut items = Vec::new();
    let mut rest = inner.trim_start();
    while !rest.is_empty() {
        let (item, behind) = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => quoted(rest.get(1..).unwrap_or_default(), quote).ok_or(EXPECTED)?,
            _ => {
                let end = rest.find(',').unwrap_or(rest.len());
                let (item, behind) = rest.split_at(end);
                let item = item.trim();
                let is_plain = !item.is_empty() && item.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c));
                if !is_plain {
                    return Err(EXPECTED);
                }
                (item.to_owned(), behind)
            }
        };
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if behind.is_empty() => behind,
            None => return Err(EXPECTED),
        };
        let item = item.trim();
        if !item.is_empty() {
            items.push(item.to_owned());
        }
    }
    Ok(items)
}

/// The text up to the closing quote, and what stands behind it.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut item = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => item.push(characters.next()?.1),
            _ if character == quote => return Some((item, text.get(at + quote.len_utf8()..)?)),
            _ => item.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_as_python_shows_them() {
        for (cell, expected) in [
            ("[]", vec![]),
            ("['']", vec![]),
            ("[\"\"]", vec![]),
            (" [ ] ", vec![]),
            ("['amecro']", vec!["amecro"]),
            ("['amecro', 'norcar']", vec!["amecro", "norcar"]),
            ("['amecro','norcar',]", vec!["amecro", "norcar"]),
            ("['1139490', '47158son16']", vec!["1139490", "47158son16"]),
            ("[1139490, 2.5]", vec!["1139490", "2.5"]),
            ("[\"Cassin's\", 'Cassin\\'s']", vec!["Cassin's", "Cassin's"]),
            ("['a, b', 'c]']", vec!["a, b", "c]"]),
            ("['', 'amecro']", vec!["amecro"]),
        ] {
            assert_eq!(
                items(cell),
                Ok(expected.into_iter().map(str::to_owned).collect()),
                "{cell}"
            );
        }
        for cell in [
            "",
            "amecro",
            "[",
            "]",
            "['a",
            "['a' 'b']",
            "['a'b]",
            "[,]",
            "[a b]",
            "['a'], ['b']",
            "[['a']]",
        ] {
            assert!(items(cell).is_err(), "{cell}");
        }
    }

    proptest! {
        #[test]
        fn any_list_comes_back_and_no_text_panics(texts in prop::collection::vec("[^'\\\\]{0,8}", 0..5), any in ".{0,40}") {
            let shown: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
            let kept: Vec<String> = texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect();
            prop_assert_eq!(items(&format!("[{}]", shown.join(", "))), Ok(kept));
            let _ = items(&any);
        }
    }
}
