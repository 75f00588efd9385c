//! Provides the SPDX expression of a licence as published tables write it, and whole addresses.

/// The address with its scheme: Xeno-canto's begin with `//`.
pub(crate) fn address(text: &str) -> String {
    match text.strip_prefix("//") {
        Some(rest) => format!("https://{rest}"),
        None => text.to_owned(),
    }
}

/// The SPDX expression of a Creative Commons licence: of its address, its short or its long name. Others are kept as
/// they are written, with a whole address.
pub(crate) fn spdx(text: &str) -> String {
    let lower = text.to_lowercase();
    let version = || {
        let numbers = lower.split(|c: char| !c.is_ascii_digit() && c != '.');
        numbers
            .map(|number| number.trim_matches('.'))
            .find(|number| number.split('.').count() == 2)
    };
    if lower.contains("publicdomain/zero") || lower.contains("cc0") {
        return "CC0-1.0".into();
    }
    let is_cc = lower.contains("creativecommons") || lower.contains("creative commons") || lower.starts_with("cc");
    let words: Vec<&str> = lower.split(|c: char| !c.is_ascii_alphabetic()).collect();
    let has = |short: &str, long: &str| words.contains(&short) || words.contains(&long);
    let parts = [
        ("BY", has("by", "attribution")),
        ("NC", has("nc", "noncommercial")),
        ("SA", has("sa", "sharealike")),
        ("ND", has("nd", "noderivs") || words.contains(&"noderivatives")),
    ];
    let named: Vec<&str> = parts.iter().filter(|(_, has)| *has).map(|(part, _)| *part).collect();
    match version() {
        Some(version) if is_cc && named.first() == Some(&"BY") => format!("CC-{}-{version}", named.join("-")),
        _ => address(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_of_all_sources_are_spdx() {
        for (text, expected) in [
            ("//creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
            ("http://creativecommons.org/licenses/by-nc-nd/2.5/", "CC-BY-NC-ND-2.5"),
            ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
            ("cc-by-nc-sa 4.0", "CC-BY-NC-SA-4.0"),
            (
                "Creative Commons Attribution-NonCommercial-ShareAlike 4.0",
                "CC-BY-NC-SA-4.0",
            ),
            ("Creative Commons Attribution 3.0", "CC-BY-3.0"),
            ("cc0 1.0", "CC0-1.0"),
            ("//example.org/terms", "https://example.org/terms"),
            ("all rights reserved", "all rights reserved"),
            ("cc-by-nc", "cc-by-nc"),
        ] {
            assert_eq!(spdx(text), expected, "{text}");
        }
    }
}
