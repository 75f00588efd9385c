//! Defines the parameters of a loss: declared once with default and range, read from a table, unknown ones refused.

use toml::{Table, Value};

use super::Setup;
use crate::error::{Error, Result};

/// The range and the default of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Domain {
    /// A number between bounds, both included.
    Number {
        /// Default.
        default: f64,
        /// Lowest value.
        min: f64,
        /// Highest value.
        max: f64,
    },
    /// A number between bounds, both included, by default worked out from the training set.
    Derived {
        /// Works it out and describes it.
        value: fn(&Setup) -> (f64, String),
        /// Lowest value.
        min: f64,
        /// Highest value.
        max: f64,
    },
    /// One of a few words, by default the first.
    Word(&'static [&'static str]),
}

/// A parameter of a loss, as declared by the loss.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    /// Name in the configuration.
    pub name: &'static str,
    /// Range and default.
    pub domain: Domain,
    /// Its effect, in a few words.
    pub summary: &'static str,
}

impl Declared {
    /// A parameter called `name` that is a number of at least `min` and at most `max`.
    #[must_use]
    pub const fn number(name: &'static str, default: f64, [min, max]: [f64; 2], summary: &'static str) -> Self {
        Self {
            name,
            domain: Domain::Number { default, min, max },
            summary,
        }
    }

    /// A parameter called `name` that is one of `words`, by default the first.
    #[must_use]
    pub const fn word(name: &'static str, words: &'static [&'static str], summary: &'static str) -> Self {
        Self {
            name,
            domain: Domain::Word(words),
            summary,
        }
    }

    /// The default; `None` for [`Domain::Derived`].
    fn default(&self) -> Option<Value> {
        match self.domain {
            Domain::Number { default, .. } => Some(Value::Float(default)),
            Domain::Word(words) => words.first().map(|word| Value::String((*word).to_owned())),
            Domain::Derived { .. } => None,
        }
    }
}

/// Values of a loss's parameters: given or default, all within their ranges.
#[derive(Clone, Debug)]
pub struct Parameters {
    method: &'static str,
    values: Vec<(Declared, Option<Value>)>,
}

impl Parameters {
    /// Reads `given` as parameters of `method`.
    ///
    /// # Errors
    /// [`Error::Setting`] naming the parameter that is unknown, of another type or out of range, and what is allowed.
    pub fn read(method: &'static str, declared: &[Declared], given: &Table) -> Result<Self> {
        if let Some(name) = given
            .keys()
            .find(|name| declared.iter().all(|known| known.name != name.as_str()))
        {
            let known: Vec<_> = declared.iter().map(|known| known.name).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(Error::setting(
                setting(method, name),
                format!("unknown parameter; those of {method}: {known}"),
            ));
        }
        let checked = |parameter: &Declared| -> Result<Option<Value>> {
            let Some(value) = given.get(parameter.name) else {
                return Ok(parameter.default());
            };
            check(parameter.domain, value).map_err(|reason| Error::setting(setting(method, parameter.name), reason))
        };
        let values = declared.iter().map(|parameter| Ok((*parameter, checked(parameter)?)));
        Ok(Self {
            method,
            values: values.collect::<Result<_>>()?,
        })
    }

    /// Works out the [`Domain::Derived`] parameters that were not given. Returns a note on each whose value is the one
    /// worked out, also if it was read from the configuration of a resumed run, which then prints the same notes as
    /// before.
    #[must_use]
    pub fn derived(mut self, setup: &Setup) -> (Self, Vec<String>) {
        let mut notes = Vec::new();
        for (declared, value) in &mut self.values {
            let Domain::Derived { value: of, .. } = declared.domain else {
                continue;
            };
            let (number, what) = of(setup);
            if *value.get_or_insert(Value::Float(number)) == Value::Float(number) {
                notes.push(format!("{}: {} = {number:.4}, {what}", self.method, declared.name));
            }
        }
        (self, notes)
    }

    fn value(&self, name: &str) -> Result<Option<&Value>> {
        let found = self.values.iter().find(|(declared, _)| declared.name == name);
        let (_, value) =
            found.ok_or_else(|| Error::setting(setting(self.method, name), "not declared by the method"))?;
        Ok(value.as_ref())
    }

    /// A number.
    ///
    /// # Errors
    /// [`Error::Setting`] if the method declares no such number, or it is not worked out yet.
    pub fn number(&self, name: &str) -> Result<f64> {
        let number = self.value(name)?.and_then(Value::as_float);
        number.ok_or_else(|| Error::setting(setting(self.method, name), "no number"))
    }

    /// Whether the word parameter `name` is `word`.
    ///
    /// # Errors
    /// [`Error::Setting`] if the method declares no such parameter.
    pub fn is(&self, name: &str, word: &str) -> Result<bool> {
        Ok(self.value(name)?.and_then(Value::as_str) == Some(word))
    }

    /// Every parameter with its value, for the record of a run; without those that are not worked out yet.
    #[must_use]
    pub fn table(&self) -> Table {
        let filled = self.values.iter();
        let filled = filled.filter_map(|(declared, value)| Some((declared.name.to_owned(), value.clone()?)));
        filled.collect()
    }
}

fn setting(method: &str, name: &str) -> String {
    format!("loss parameter {name} of {method}")
}

/// The value in its domain's own type, or an error that says what is allowed.
fn check(domain: Domain, value: &Value) -> std::result::Result<Option<Value>, String> {
    match domain {
        Domain::Number { min, max, .. } | Domain::Derived { min, max, .. } => {
            let number = value
                .as_float()
                .or_else(|| value.as_integer().map(|whole| whole as f64));
            match number {
                Some(number) if number >= min && number <= max => Ok(Some(Value::Float(number))),
                _ => Err(format!("{value} is not a number from {min} to {max}")),
            }
        }
        Domain::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(Some(value.clone())),
            _ => Err(format!("{value} is not one of: {}", words.join(", "))),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const DECLARED: &[Declared] = &[
        Declared::number("eps", 0.1, [0.0, 1.0], "smoothing"),
        Declared::word("form", &["paper", "published"], ""),
    ];

    fn read(text: &str) -> Result<Parameters> {
        Parameters::read("ls", DECLARED, &text.parse().unwrap())
    }

    #[test]
    fn defaults_and_given_values() {
        let parameters = read("").unwrap();
        assert_eq!(parameters.number("eps").unwrap(), 0.1);
        assert!(parameters.is("form", "paper").unwrap());
        let parameters = read("eps = 1\nform = 'published'").unwrap();
        assert_eq!(parameters.number("eps").unwrap(), 1.0);
        assert!(parameters.is("form", "published").unwrap());
        assert_eq!(parameters.table().to_string(), "eps = 1.0\nform = \"published\"\n");
    }

    #[test]
    fn errors_name_the_parameter_and_what_is_allowed() {
        for (text, parts) in [
            ("epz = 1", ["epz", "eps, form"]),
            ("eps = 2", ["eps", "0 to 1"]),
            ("eps = 'x'", ["eps", "0 to 1"]),
            ("eps = nan", ["eps", "0 to 1"]),
            ("form = 'x'", ["form", "paper, published"]),
        ] {
            let message = read(text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        }
    }
}
