//! Defines `SitePattern`, which finds a recording's site in its path.

use std::fmt;
use std::str::FromStr;

/// What stands for the site.
const SITE: &str = "{site}";

/// A pattern of paths below a scanned folder. `{site}` is the site, `*` any text and `?` one character, all within a name;
/// `**` is any number of folders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SitePattern {
    text: String,
    parts: Vec<Part>,
}

/// A name of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Any number of folders.
    Folders,
    /// One name.
    Name(Vec<Token>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Any,
    Site,
}

/// A text that is no pattern of sites.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a pattern of paths with one {SITE} in it, such as {SITE} or */{SITE}_*.wav, got {text:?}")]
pub struct InvalidSitePattern {
    /// The text.
    pub text: String,
}

impl FromStr for SitePattern {
    type Err = InvalidSitePattern;

    fn from_str(text: &str) -> Result<Self, InvalidSitePattern> {
        let is_one = text.matches(SITE).count() == 1 && !text.starts_with('/');
        let parts = text.trim_end_matches('/').split('/').map(part).collect();
        is_one
            .then_some(SitePattern {
                text: text.into(),
                parts,
            })
            .ok_or_else(|| InvalidSitePattern { text: text.into() })
    }
}

impl fmt::Display for SitePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn part(text: &str) -> Part {
    if text == "**" {
        return Part::Folders;
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (token, bytes) = match first {
            '{' if rest.starts_with(SITE) => (Token::Site, SITE.len()),
            '*' => (Token::Any, 1),
            '?' => (Token::One, 1),
            other => (Token::Char(other), other.len_utf8()),
        };
        if !(token == Token::Any && tokens.last() == Some(&Token::Any)) {
            tokens.push(token);
        }
        rest = rest.get(bytes..).unwrap_or_default();
    }
    Part::Name(tokens)
}

impl SitePattern {
    /// The site of a file, by its path below the scanned folder: the pattern is of the first folders, the fewest that fit,
    /// or else of the whole path. A last name that is the site alone is that of a folder. A site takes as much of a name
    /// as it can.
    pub(super) fn site_of(&self, below: &str) -> Option<String> {
        let names: Vec<&str> = below.split('/').collect();
        let is_folder = matches!(self.parts.last(), Some(Part::Name(tokens)) if tokens == &[Token::Site]);
        let most = names.len() - usize::from(is_folder);
        (1..=most).find_map(|count| of_names(&self.parts, names.get(..count)?))
    }
}

/// The site where these parts are these names, all of them.
fn of_names(parts: &[Part], names: &[&str]) -> Option<String> {
    // Whether the first parts can be the first names, and with which site; a row for each part.
    let mut reached: Vec<Option<Option<String>>> = vec![None; names.len() + 1];
    *reached.first_mut()? = Some(None);
    for part in parts {
        let mut next = vec![None; names.len() + 1];
        for at in 0..=names.len() {
            let Some(site) = reached.get(at).cloned().flatten() else {
                continue;
            };
            match part {
                Part::Folders => next.iter_mut().skip(at).filter(|slot| slot.is_none()).for_each(|slot| {
                    *slot = Some(site.clone());
                }),
                Part::Name(tokens) => {
                    let Some(found) = names.get(at).and_then(|name| of_name(tokens, name)) else {
                        continue;
                    };
                    if let Some(slot) = next.get_mut(at + 1).filter(|slot| slot.is_none()) {
                        *slot = Some(found.or(site));
                    }
                }
            }
        }
        reached = next;
    }
    reached.pop()??
}

/// Whether the tokens are the name, and the site among them where there is one.
fn of_name(tokens: &[Token], name: &str) -> Option<Option<String>> {
    let Some(at) = tokens.iter().position(|token| *token == Token::Site) else {
        return is_name(tokens, name).then_some(None);
    };
    let (before, after) = (tokens.get(..at)?, tokens.get(at + 1..)?);
    let ends: Vec<usize> = name.char_indices().map(|(at, _)| at).chain([name.len()]).collect();
    let starts = ends
        .iter()
        .filter(|&&start| is_name(before, name.get(..start).unwrap_or_default()));
    starts.into_iter().find_map(|&start| {
        let longest = ends.iter().rev().take_while(|&&end| end > start);
        let end = longest
            .into_iter()
            .find(|&&end| is_name(after, name.get(end..).unwrap_or_default()))?;
        name.get(start..*end).map(|site| Some(site.to_owned()))
    })
}

/// Whether tokens without a site are a text: the places in it that the tokens so far can end at, token by token.
fn is_name(tokens: &[Token], text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let mut reached = vec![false; chars.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for token in tokens {
        let mut next = vec![false; chars.len() + 1];
        let mut is_behind = false;
        for (at, slot) in next.iter_mut().enumerate() {
            let here = reached.get(at).copied().unwrap_or_default();
            is_behind |= here;
            let before = at
                .checked_sub(1)
                .filter(|&before| reached.get(before).copied().unwrap_or_default());
            let passed = before.and_then(|before| chars.get(before).copied());
            *slot = match token {
                Token::Any => is_behind,
                Token::One => passed.is_some(),
                Token::Char(expected) => passed == Some(*expected),
                Token::Site => false,
            };
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn sites_in_folders_and_names() {
        for (pattern, path, site) in [
            ("{site}", "ridge/20240501/a.wav", Some("ridge")),
            ("{site}", "a.wav", None),
            ("{site}/", "ridge/a.wav", Some("ridge")),
            ("*/{site}", "2024/ridge/a.wav", Some("ridge")),
            ("*/{site}", "2024/a.wav", None),
            ("site_{site}", "site_3/a.wav", Some("3")),
            ("{site}_*", "north_ridge_2024/a.wav", Some("north_ridge")),
            ("**/{site}_*_*.wav", "x/y/MY_SITE_20190522_000000.wav", Some("MY_SITE")),
            (
                "**/{site}_????????_*.wav",
                "S4A03895_20190522_000000.wav",
                Some("S4A03895"),
            ),
            ("**/{site}/Data", "trip/ridge/Data/a.wav", Some("ridge")),
            ("{site}-*/**", "Wald é-1/b/a.wav", Some("Wald é")),
            ("{site}_x.wav", "_x.wav", None),
        ] {
            let pattern: SitePattern = pattern.parse().unwrap();
            assert_eq!(pattern.site_of(path).as_deref(), site, "{pattern} {path}");
        }
        for text in ["", "*", "{site}/{site}", "/{site}", "site"] {
            assert!(text.parse::<SitePattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern: SitePattern = format!("{}{{site}}{}b", "*a".repeat(50), "*a".repeat(50))
            .parse()
            .unwrap();
        assert_eq!(pattern.site_of(&"a".repeat(250)), None);
    }
}
