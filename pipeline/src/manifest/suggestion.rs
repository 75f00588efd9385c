//! Provides `suggestion`: which class, alias or marker somebody may have meant by a label that is none of them.

use shardfmt::{Taxa, Taxon};

use super::label_rules::LabelRules;

/// Shorter words differ by one letter from too much.
const MIN_LETTERS: usize = 3;

/// What somebody may have meant by `label`: a code, alias or marker that differs from it in case or by one letter, or
/// the class whose name it is. Completes the sentence "the label ...".
pub(super) fn suggestion(label: &str, taxa: &Taxa, rules: &LabelRules) -> Option<String> {
    let lower = label.to_lowercase();
    let of_name = taxa.iter().find_map(|taxon| Some((which_name(&lower, taxon)?, taxon)));
    if let Some((name, taxon)) = of_name {
        let code = &taxon.species_code;
        return Some(format!("is the {name} of {code}; add it to [labels] aliases"));
    }
    let letters: Vec<char> = lower.chars().collect();
    let known = || {
        let markers = rules.unknown_bird_codes.iter().chain(&rules.no_bird_codes);
        let codes = taxa.iter().map(|taxon| &taxon.species_code);
        let words = codes.chain(rules.aliases.keys()).chain(markers);
        // An alias of an alias leads nowhere.
        words.filter(|word| *word != label)
    };
    let same = known().find(|word| word.to_lowercase() == lower);
    let meant = same.or_else(|| known().find(|word| differ_by_one(&letters, word)))?;
    Some(format!("did you mean {meant}?"))
}

/// Which of the class's names the label is, both as BirdNET joins them included.
fn which_name(lower: &str, taxon: &Taxon) -> Option<&'static str> {
    let is = |name: &str| name.to_lowercase() == lower;
    let (common, scientific) = (taxon.common_name.as_deref(), taxon.scientific_name.as_deref());
    if common.is_some_and(is) {
        return Some("common name");
    }
    if scientific.is_some_and(is) {
        return Some("scientific name");
    }
    let (common, scientific) = (common?, scientific?);
    let joined = [", ", "_"]
        .iter()
        .any(|mark| is(&format!("{scientific}{mark}{common}")));
    joined.then_some("scientific and common name")
}

/// Whether one letter inserted, deleted or changed, or two neighbours swapped, make one of the words the other,
/// whatever their case.
fn differ_by_one(letters: &[char], word: &str) -> bool {
    // Most words are of another length, and a set may have ten thousand classes.
    if word.len() + 1 < letters.len() {
        return false;
    }
    let word: Vec<char> = word.to_lowercase().chars().collect();
    if letters.len().min(word.len()) < MIN_LETTERS {
        return false;
    }
    let mut pairs = letters.iter().zip(&word);
    let prefix = pairs.by_ref().take_while(|(a, b)| a == b).count();
    let rest = |of: &[char]| of.get(prefix..).unwrap_or_default().to_vec();
    let (a, b) = (rest(letters), rest(&word));
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let middle = |of: &[char]| of.get(..of.len() - suffix).unwrap_or_default().to_vec();
    match (&*middle(&a), &*middle(&b)) {
        ([_], []) | ([], [_]) | ([_], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::manifest::label_rules;
    use crate::tables::Problems;

    fn suggested(label: &str) -> Option<String> {
        let taxon = |code: &str, common: Option<&str>, scientific: Option<&str>| Taxon {
            species_code: code.into(),
            common_name: common.map(Into::into),
            scientific_name: scientific.map(Into::into),
        };
        let taxa = Taxa::new(vec![
            taxon("woothr", Some("Wood Thrush"), Some("Hylocichla mustelina")),
            taxon("norcar", None, Some("Cardinalis cardinalis")),
            taxon("or", None, None),
        ]);
        let (mut rules, _) = label_rules::read(None, false, &mut Problems::default());
        rules.aliases.insert("EATO".into(), "norcar".into());
        rules.unknown_bird_codes.push("unkbrd".into());
        rules.no_bird_codes.push("nocall".into());
        suggestion(label, &taxa.unwrap(), &rules)
    }

    #[test]
    fn case_and_one_letter_are_near_misses() {
        for label in [
            "Woothr", "WOOTHR", "wothr", "wooothr", "wooth", "xwoothr", "waothr", "wotohr", "Wootrh",
        ] {
            assert_eq!(suggested(label).unwrap(), "did you mean woothr?", "{label}");
        }
        assert_eq!(suggested("EAOT").unwrap(), "did you mean EATO?");
        assert_eq!(suggested("unkbird").unwrap(), "did you mean unkbrd?");
        assert_eq!(suggested("no call").unwrap(), "did you mean nocall?");
        assert_eq!(suggested("OR").unwrap(), "did you mean or?");
    }

    #[test]
    fn two_differences_and_short_words_are_none() {
        for label in ["hergul", "woohrt", "ow", "oar", "o", "", "thrush", "wrooth"] {
            assert_eq!(suggested(label), None, "{label}");
        }
    }

    #[test]
    fn a_name_of_a_class_is_told_from_its_code() {
        let told = |label| suggested(label).unwrap();
        assert_eq!(
            told("wood thrush"),
            "is the common name of woothr; add it to [labels] aliases"
        );
        assert_eq!(
            told("Cardinalis cardinalis"),
            "is the scientific name of norcar; add it to [labels] aliases"
        );
        for label in ["Hylocichla mustelina, Wood Thrush", "Hylocichla mustelina_Wood Thrush"] {
            assert_eq!(
                told(label),
                "is the scientific and common name of woothr; add it to [labels] aliases"
            );
        }
    }
}
