//! Reads GUANO metadata, lines of `Key: value` (<https://github.com/riggsd/guano-spec>).

use super::clock::{self, Reading};
use super::place::{Place, degrees};

/// The fields of a GUANO text.
pub(super) struct Guano {
    fields: Vec<(String, String)>,
}

impl Guano {
    /// Parses the body of a `guan` chunk: up to its first NUL, with which writers pad it. Bytes that are not UTF-8 cost
    /// their own characters only. `None` where it is no GUANO.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.split(|&byte| byte == 0).find(|part| !part.is_empty())?;
        let text = String::from_utf8_lossy(bytes);
        let field = |line: &str| {
            let (key, value) = line.split_once(':')?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        };
        let text = text.trim_start_matches('\u{feff}');
        let fields: Vec<_> = text.lines().filter_map(field).collect();
        fields
            .iter()
            .any(|(key, _)| key == "GUANO|Version")
            .then_some(Guano { fields })
    }

    /// A field that is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let field = self
            .fields
            .iter()
            .find(|(name, value)| name == key && !value.is_empty());
        field.map(|(_, value)| value.as_str())
    }

    /// When the recording starts, or the text that is no time.
    pub(super) fn timestamp(&self) -> Option<Result<Reading, &str>> {
        let text = self.get("Timestamp")?;
        Some(clock::timestamp(text).ok_or(text))
    }

    /// Where it was made: `Loc Position`, latitude and longitude.
    pub(super) fn place(&self) -> Option<Place> {
        let mut numbers = self
            .get("Loc Position")?
            .split([' ', ',', '\t'])
            .filter(|part| !part.is_empty());
        let place = Place::new(degrees(numbers.next()?)?, degrees(numbers.next()?)?)?;
        numbers.next().is_none().then_some(place)
    }

    /// The recorder's serial number.
    pub(super) fn serial(&self) -> Option<&str> {
        self.get("Serial")
    }

    /// By how much the sound was slowed down, where it was.
    pub(super) fn time_expansion(&self) -> Option<f64> {
        let factor = self.get("TE")?.parse().ok()?;
        (factor != 1.0).then_some(factor)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn fields_of_several_makers() {
        let text = "GUANO|Version: 1.0\r\nTimestamp: 2019-04-13 23:55:01+02:00\r\nLoc Position: 46.2519 -1.5\r\n\
                    Serial: S4U01234\r\nNote: a: b\\nc\r\nWA|Song Meter|Prefix: A\r\nTE: 10\r\n\0\0";
        let guano = Guano::parse(text.as_bytes()).unwrap();
        let reading = guano.timestamp().unwrap().unwrap();
        assert_eq!(reading.local.to_string(), "2019-04-13T23:55:01");
        assert_eq!(reading.offset.unwrap().seconds(), 7200);
        let place = guano.place().unwrap();
        assert_eq!((place.latitude, place.longitude), (46.2519, -1.5));
        assert_eq!((guano.serial(), guano.time_expansion()), (Some("S4U01234"), Some(10.0)));
        assert_eq!(guano.get("Note"), Some("a: b\\nc"));
    }

    #[test]
    fn what_is_unset_or_unreadable_is_nothing() {
        let guano = |text: &str| Guano::parse(text.as_bytes());
        for (fields, place) in [
            ("Loc Position: 0 0", None),
            ("Loc Position: 0.0 0.0", None),
            ("Loc Position: 91 0", None),
            ("Loc Position: 1 2 3", None),
            ("Loc Position: nan 2", None),
            ("Loc Position: here", None),
            ("Loc Position:", None),
            ("Loc Position: 0 12.5", Some((0.0, 12.5))),
        ] {
            let parsed = guano(&format!("GUANO|Version: 1.0\n{fields}\nTE: 1\nTimestamp: noon")).unwrap();
            assert_eq!(
                parsed.place().map(|place| (place.latitude, place.longitude)),
                place,
                "{fields}"
            );
            assert_eq!((parsed.time_expansion(), parsed.timestamp()), (None, Some(Err("noon"))));
        }
        assert!(guano("").is_none() && guano("\0\0").is_none() && guano("Timestamp: 2024-05-01T04:30:00").is_none());
        assert!(
            Guano::parse(b"GUANO|Version: 1.0\nNote: \xff\xfe\nSerial: 7")
                .unwrap()
                .serial()
                == Some("7")
        );
    }
}
