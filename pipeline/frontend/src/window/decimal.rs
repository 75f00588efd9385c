//! Defines `Decimal`, an exact decimal number for durations.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::WindowConfigError;

/// A non-negative decimal number, exact: `digits / 10^places`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    pub(super) digits: u64,
    pub(super) places: u32,
}

/// Digits and places that a [`Decimal`] can have, so that products with a rate fit 128 bits.
pub(super) const MAX_DIGITS: usize = 18;

impl FromStr for Decimal {
    type Err = WindowConfigError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let fraction = fraction.trim_end_matches('0');
            let digits = format!("{whole}{fraction}");
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            let significant = digits.trim_start_matches('0');
            if !plain || significant.len() > MAX_DIGITS || fraction.len() > MAX_DIGITS {
                return None;
            }
            let digits = if significant.is_empty() {
                0
            } else {
                significant.parse().ok()?
            };
            Some(Self {
                digits,
                places: fraction.len() as u32,
            })
        };
        parse().ok_or_else(|| WindowConfigError::Decimal { text: text.to_owned() })
    }
}

impl TryFrom<f64> for Decimal {
    type Error = WindowConfigError;

    /// Takes the shortest decimal that reads back as `value`: what was written in a configuration.
    fn try_from(value: f64) -> Result<Self, Self::Error> {
        value.to_string().parse()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places as usize;
        let digits = format!("{:0>width$}", self.digits, width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        f.write_str(whole)?;
        if places > 0 { write!(f, ".{fraction}") } else { Ok(()) }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DecimalVisitor;
        impl Visitor<'_> for DecimalVisitor {
            type Value = Decimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a non-negative decimal number, or one as text")
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Decimal, E> {
                Decimal::try_from(value).map_err(E::custom)
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Decimal, E> {
                value.to_string().parse().map_err(E::custom)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Decimal, E> {
                value.to_string().parse().map_err(E::custom)
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Decimal, E> {
                value.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(DecimalVisitor)
    }
}

impl Decimal {
    /// A whole number.
    pub const fn from_whole(number: u32) -> Self {
        Self {
            digits: number as u64,
            places: 0,
        }
    }

    /// The nearest binary number, for display.
    pub fn to_f64(self) -> f64 {
        self.digits as f64 / 10f64.powi(self.places as i32)
    }

    /// `self * factor` as a reduced fraction.
    pub(super) fn times(self, factor: u32) -> (u128, u128) {
        let (numerator, denominator) = (u128::from(self.digits) * u128::from(factor), 10u128.pow(self.places));
        let divisor = gcd(numerator, denominator);
        (numerator / divisor, denominator / divisor)
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}
