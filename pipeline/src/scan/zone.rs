//! Defines `Zone`, the time zone that recordings without one were made in.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use super::clock;

/// A time zone: a fixed offset, or a name with its rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A text that names no time zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an offset such as +02:00, or a name that this machine knows such as Europe/Berlin; {cause}")]
pub struct InvalidZone {
    /// What is wrong with it.
    pub cause: String,
}

impl FromStr for Zone {
    type Err = InvalidZone;

    fn from_str(text: &str) -> Result<Self, InvalidZone> {
        let invalid = |cause: String| InvalidZone { cause };
        // A moment of any day, for the one parser of offsets.
        let reading = clock::timestamp(&format!("2000-01-01T00:00:00{text}"));
        let offset = reading.and_then(|reading| reading.offset);
        let zone = match offset.filter(|_| text.starts_with(['+', '-', 'Z', 'z'])) {
            Some(offset) => TimeZone::fixed(offset),
            None if text.starts_with(['+', '-']) => return Err(invalid(format!("{text:?} is no offset"))),
            None => TimeZone::get(text).map_err(|error| invalid(error.to_string()))?,
        };
        let name = text.to_owned();
        Ok(Zone { name, zone })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Zone {
    /// The offset at a local time, or why there is not one: clocks were set forward or back.
    pub(super) fn offset(&self, local: DateTime) -> Result<Offset, &'static str> {
        match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => Ok(offset),
            AmbiguousOffset::Gap { .. } => Err("is skipped there, where clocks are set forward"),
            AmbiguousOffset::Fold { .. } => Err("is there twice, where clocks are set back"),
        }
    }

    /// The local time of an instant.
    pub(super) fn local(&self, instant: jiff::Timestamp) -> DateTime {
        self.zone.to_datetime(instant)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_names() {
        let at = |zone: &str, local: &str| {
            let offset = zone.parse::<Zone>().unwrap().offset(local.parse().unwrap());
            offset.map(|offset| offset.seconds() / 60)
        };
        assert_eq!(at("+02:00", "2024-05-01T04:30:00"), Ok(120));
        assert_eq!(at("-0330", "2024-05-01T04:30:00"), Ok(-210));
        assert_eq!(at("Z", "2024-05-01T04:30:00"), Ok(0));
        for text in [
            "",
            "+99:00",
            "+2:3",
            "Middle/Earth",
            "../../etc/passwd",
            "Europe/Berlin\n",
        ] {
            assert!(text.parse::<Zone>().is_err(), "{text}");
        }
        // A machine may have no database of zones.
        if "Europe/Berlin".parse::<Zone>().is_ok() {
            assert_eq!(at("Europe/Berlin", "2024-05-01T04:30:00"), Ok(120));
            assert_eq!(at("Europe/Berlin", "2024-01-01T04:30:00"), Ok(60));
            assert!(
                at("Europe/Berlin", "2024-03-31T02:30:00")
                    .unwrap_err()
                    .contains("skipped")
            );
            assert!(
                at("Europe/Berlin", "2024-10-27T02:30:00")
                    .unwrap_err()
                    .contains("twice")
            );
        }
    }
}
