//! Provides `Section`, a reader of one TOML table that reports every unknown key and wrong type with its line.

use crate::tables::{Problems, nfc};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a manifest and where it came from: turns byte offsets into lines.
#[derive(Clone, Copy)]
pub(super) struct TomlText<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

impl TomlText<'_> {
    /// Line (from 1) of a byte offset.
    pub(super) fn line(&self, offset_bytes: usize) -> u64 {
        let before = self.text.as_bytes().get(..offset_bytes).unwrap_or_default();
        1 + before.iter().filter(|&&b| b == b'\n').count() as u64
    }
}

/// One TOML table being read: each `take_*` uses a key up, and `finish` reports the keys nobody asked for.
pub(super) struct Section<'a, 'i> {
    text: TomlText<'a>,
    name: String,
    line: u64,
    entries: Vec<(String, u64, &'a DeValue<'i>)>,
    known: Vec<&'static str>,
}

/// A value taken from a section with its line.
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) line: u64,
}

impl<'a, 'i> Section<'a, 'i> {
    /// Opens a table; `name` is how messages call it ("" for the whole manifest).
    pub(super) fn new(text: TomlText<'a>, name: &str, line: u64, table: &'a DeTable<'i>) -> Self {
        let entry = |(key, value): (&Spanned<_>, &'a Spanned<DeValue<'i>>)| {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            (key.get_ref().to_string(), text.line(key.span().start), value.get_ref())
        };
        Section {
            text,
            name: name.into(),
            line,
            entries: table.iter().map(entry).collect(),
            known: Vec::new(),
        }
    }

    /// The line the table begins on.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    fn take(&mut self, key: &'static str) -> Option<(u64, &'a DeValue<'i>)> {
        self.known.push(key);
        let at = self.entries.iter().position(|(name, ..)| name == key)?;
        let (_, line, value) = self.entries.swap_remove(at);
        Some((line, value))
    }

    fn label(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.into()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    fn type_problem(&self, problems: &mut Problems, key: &str, line: u64, value: &DeValue<'_>, expected: &str) {
        let message = format!("expected {expected}, got a TOML {}", value.type_str());
        problems.cell(self.text.file, line, &self.label(key), &text_of(value), message);
    }

    /// Records a problem of a key that was taken.
    pub(super) fn problem(
        &self,
        problems: &mut Problems,
        key: &str,
        line: u64,
        value: &str,
        message: impl Into<String>,
    ) {
        problems.cell(self.text.file, line, &self.label(key), value, message);
    }

    /// Records that something is missing from the table.
    pub(super) fn report_missing(&self, problems: &mut Problems, message: &str) {
        problems.line(self.text.file, self.line, message);
    }

    /// A sub-table; missing is not a problem.
    pub(super) fn take_section(&mut self, key: &'static str, problems: &mut Problems) -> Option<Section<'a, 'i>> {
        let (line, value) = self.take(key)?;
        match value {
            DeValue::Table(table) => Some(Section::new(self.text, &self.label(key), line, table)),
            other => {
                self.type_problem(problems, key, line, other, "a table");
                None
            }
        }
    }

    /// Whether the key is there and holds a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        self.entries
            .iter()
            .any(|(name, _, value)| name == key && value.is_table())
    }

    /// A string.
    pub(super) fn take_str(&mut self, key: &'static str, problems: &mut Problems) -> Option<Located<String>> {
        let (line, value) = self.take(key)?;
        match value {
            DeValue::String(text) => Some(Located {
                value: text.to_string(),
                line,
            }),
            other => {
                self.type_problem(problems, key, line, other, "a string");
                None
            }
        }
    }

    /// Records a problem when a key is not there.
    fn require(&mut self, key: &'static str, problems: &mut Problems) -> Option<()> {
        if self.entries.iter().any(|(name, ..)| name == key) {
            return Some(());
        }
        self.known.push(key);
        let message = format!("missing key `{}`", self.label(key));
        problems.line(self.text.file, self.line, message);
        None
    }

    /// A string that must be there.
    pub(super) fn require_str(&mut self, key: &'static str, problems: &mut Problems) -> Option<Located<String>> {
        self.require(key, problems)?;
        self.take_str(key, problems)
    }

    /// One of a few words, turned into its value.
    pub(super) fn take_choice<T: Clone>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        let taken = self.take_str(key, problems)?;
        let found = choices
            .iter()
            .find(|(word, _)| *word == taken.value)
            .map(|(_, value)| value.clone());
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.problem(
                problems,
                key,
                taken.line,
                &taken.value,
                format!("expected one of {}", words.join(", ")),
            );
        }
        found
    }

    /// One of a few words that must be there.
    pub(super) fn require_choice<T: Clone>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<T> {
        self.require(key, problems)?;
        self.take_choice(key, choices, problems)
    }

    /// The text of a decimal number, integer or float, exactly as written.
    pub(super) fn take_decimal_text(&mut self, key: &'static str, problems: &mut Problems) -> Option<Located<String>> {
        let (line, value) = self.take(key)?;
        match value {
            DeValue::Float(number) => Some(Located {
                value: number.as_str().into(),
                line,
            }),
            DeValue::Integer(number) if number.radix() == 10 => Some(Located {
                value: number.as_str().into(),
                line,
            }),
            other => {
                self.type_problem(problems, key, line, other, "a decimal number");
                None
            }
        }
    }

    /// A finite number.
    pub(super) fn take_f64(&mut self, key: &'static str, problems: &mut Problems) -> Option<Located<f64>> {
        let taken = self.take_decimal_text(key, problems)?;
        match taken.value.parse::<f64>() {
            Ok(value) if value.is_finite() => Some(Located {
                value,
                line: taken.line,
            }),
            _ => {
                self.problem(problems, key, taken.line, &taken.value, "expected a finite number");
                None
            }
        }
    }

    /// An integer from 0 to 4,294,967,295.
    pub(super) fn take_u32(&mut self, key: &'static str, problems: &mut Problems) -> Option<Located<u32>> {
        let (line, value) = self.take(key)?;
        let parsed = match value {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if parsed.is_none() {
            self.type_problem(problems, key, line, value, "an integer from 0 to 4294967295");
        }
        parsed.map(|value| Located { value, line })
    }

    /// An integer or a string: whichever is there.
    pub(super) fn take_str_or_u32(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Located<Result<u32, String>>> {
        self.take_str_or(key, problems, Self::take_u32)
    }

    /// A finite number or a string: whichever is there.
    pub(super) fn take_str_or_f64(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Located<Result<f64, String>>> {
        self.take_str_or(key, problems, Self::take_f64)
    }

    /// A string, or a list of strings that is not empty: whichever is there.
    pub(super) fn take_str_or_strings(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<Located<String>>> {
        let (_, line, value) = self.entries.iter().find(|(name, ..)| name == key)?;
        let line = *line;
        if !value.is_array() {
            return self.take_str(key, problems).map(|text| vec![text]);
        }
        let strings = self.take_strings(key, problems)?;
        if strings.is_empty() {
            self.problem(problems, key, line, "[]", "expected a string or a list of strings");
        }
        Some(strings).filter(|strings| !strings.is_empty())
    }

    fn take_str_or<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        take: fn(&mut Self, &'static str, &mut Problems) -> Option<Located<T>>,
    ) -> Option<Located<Result<T, String>>> {
        if self
            .entries
            .iter()
            .any(|(name, _, value)| name == key && value.is_str())
        {
            let text = self.take_str(key, problems)?;
            return Some(Located {
                value: Err(text.value),
                line: text.line,
            });
        }
        let number = take(self, key, problems)?;
        Some(Located {
            value: Ok(number.value),
            line: number.line,
        })
    }

    /// A list of strings, in the form of Unicode that the cells of tables have.
    pub(super) fn take_strings(&mut self, key: &'static str, problems: &mut Problems) -> Option<Vec<Located<String>>> {
        let (line, value) = self.take(key)?;
        let DeValue::Array(items) = value else {
            self.type_problem(problems, key, line, value, "a list of strings");
            return None;
        };
        let mut strings = Vec::new();
        for item in items.iter() {
            let line = self.text.line(item.span().start);
            match item.get_ref() {
                DeValue::String(text) => strings.push(Located {
                    value: nfc(text).into_owned(),
                    line,
                }),
                other => self.type_problem(problems, key, line, other, "a string in the list"),
            }
        }
        Some(strings)
    }

    /// A table of strings, such as aliases: (key, value) in the order of the keys, in the form of Unicode that the
    /// cells of tables have.
    pub(super) fn take_string_map(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Vec<(String, Located<String>)>> {
        let (line, value) = self.take(key)?;
        let DeValue::Table(table) = value else {
            self.type_problem(problems, key, line, value, "a table of strings");
            return None;
        };
        let mut pairs: Vec<(String, Located<String>)> = Vec::new();
        for (name, item) in table.iter() {
            let line = self.text.line(name.span().start);
            match item.get_ref() {
                DeValue::String(text) => {
                    let (name, value) = (nfc(name.get_ref()).into_owned(), nfc(text).into_owned());
                    if pairs.iter().any(|(earlier, _)| *earlier == name) {
                        let message = "is there twice, in two forms of Unicode; keep one of them";
                        problems.cell(self.text.file, line, &self.label(key), &name, message);
                    }
                    pairs.push((name, Located { value, line }));
                }
                other => self.type_problem(problems, key, line, other, "a string"),
            }
        }
        Some(pairs)
    }

    /// Reports the keys that nothing above asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for (key, line, value) in &self.entries {
            let known = self.known.join(", ");
            let message = if known.is_empty() {
                "unknown key".into()
            } else {
                format!("unknown key; expected one of {known}")
            };
            problems.cell(self.text.file, *line, &self.label(key), &text_of(value), message);
        }
    }
}

fn text_of(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().into(),
        DeValue::Float(number) => number.as_str().into(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(value) => value.to_string(),
        DeValue::Array(items) => format!("[{} items]", items.len()),
        DeValue::Table(table) => format!("{{{} keys}}", table.len()),
    }
}
