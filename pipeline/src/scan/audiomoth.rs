//! Reads the comment that an AudioMoth writes into its recordings: only when it was made, and by which device.
//!
//! The rest of the comment differs from firmware to firmware (1.0 to 1.11), and says nothing that a table needs.

use jiff::tz::Offset;

use super::clock::{Cursor, Reading, offset_of};

/// What a comment says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comment {
    /// When the recording starts, with the offset where it is known.
    pub(super) reading: Reading,
    /// The zone as written, where its sign was lost: `(UTC:30)` of old firmware is 30 minutes before or after UTC.
    pub(super) unsigned_zone: Option<String>,
    /// The device's number, unless the comment has the deployment's instead.
    pub(super) serial: Option<String>,
}

/// Parses a comment; `None` where it is not an AudioMoth's.
pub(super) fn comment(text: &str) -> Option<Comment> {
    let mut cursor = Cursor::new(text);
    cursor.word("Recorded at ")?;
    let time = triple(&mut cursor, [2, 2, 2], b":")?;
    // Milliseconds, of synchronized recorders.
    let mut after = cursor;
    if after.one_of(b".").is_some() && after.digits(3, false).is_some() {
        cursor = after;
    }
    cursor.word(" ")?;
    let [day, month, year] = triple(&mut cursor, [2, 2, 4], b"/")?;
    let mut reading = Reading::of_numbers([year, month, day], time)?;
    let mut unsigned_zone = None;
    if cursor.word(" (UTC").is_some() {
        match zone(&mut cursor)? {
            Zone::Offset(offset) => reading.offset = Some(offset),
            Zone::Unsigned(minutes) => unsigned_zone = Some(format!("(UTC:{minutes:02})")),
        }
    }
    if !text.contains("AudioMoth") && cursor.word(" during deployment ").is_none() {
        return None;
    }
    Some(Comment {
        reading,
        unsigned_zone,
        serial: text.split_once("by AudioMoth ").and_then(|(_, rest)| serial(rest)),
    })
}

/// The device's number in the artist field: `AudioMoth 24F319046035D3B1`.
pub(super) fn artist_serial(text: &str) -> Option<String> {
    serial(text.strip_prefix("AudioMoth ")?)
}

/// The number that a text begins with: 16 hexadecimal digits, or fewer.
fn serial(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
    let number = text.get(..end)?;
    let is_number = (8..=16).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_number.then(|| number.to_owned())
}

enum Zone {
    Offset(Offset),
    Unsigned(i32),
}

/// What follows `(UTC`: `)`, `+2)`, `-10)`, `+5:30)`, or `:30)`, whose sign was lost.
fn zone(cursor: &mut Cursor<'_>) -> Option<Zone> {
    if cursor.word(")").is_some() {
        return Some(Zone::Offset(Offset::UTC));
    }
    if cursor.one_of(b":").is_some() {
        let minutes = cursor.digits(2, false)?;
        cursor.word(")")?;
        return Some(Zone::Unsigned(minutes));
    }
    let is_west = cursor.one_of(b"+-")? == b'-';
    let hours = match cursor.one_of(b":") {
        // The sign without hours.
        Some(_) => 0,
        None => {
            let hours = cursor.digits(2, false).or_else(|| cursor.digits(1, false))?;
            if cursor.word(")").is_some() {
                return offset_of(is_west, hours, 0).map(Zone::Offset);
            }
            cursor.word(":")?;
            hours
        }
    };
    let minutes = cursor.digits(2, false)?;
    cursor.word(")")?;
    offset_of(is_west, hours, minutes).map(Zone::Offset)
}

/// Three numbers of so many digits, with a byte between them.
fn triple(cursor: &mut Cursor<'_>, counts: [usize; 3], between: &[u8]) -> Option<[i32; 3]> {
    let [a, b, c] = counts;
    let first = cursor.digits(a, false)?;
    cursor.one_of(between)?;
    let second = cursor.digits(b, false)?;
    cursor.one_of(between)?;
    Some([first, second, cursor.digits(c, false)?])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn comments_of_every_firmware() {
        let date = "Recorded at 04:30:00 01/05/2024";
        let by = "by AudioMoth 24F319046035D3B1";
        for (text, offset_min, has_serial) in [
            // 1.0, 1.0.1 to 1.1, 1.2.0, 1.2.2 and later.
            (
                format!("{date} {by} at gain setting 2 while battery state was 3.7V"),
                None,
                true,
            ),
            (
                format!("{date} (UTC) {by} at gain setting 2 while battery state was < 3.6V"),
                Some(0),
                true,
            ),
            (
                format!("{date} (UTC-5) {by} at gain setting 2 while battery state was > 4.9V"),
                Some(-300),
                true,
            ),
            (
                format!("{date} (UTC+5:30) {by} at gain setting 4 while battery state was 4.2V"),
                Some(330),
                true,
            ),
            (
                format!(
                    "{date} (UTC-3:30) {by} at medium gain setting while battery state was 4.2V and temperature was \
                      -1.5C."
                ),
                Some(-210),
                true,
            ),
            (
                format!(
                    "{date} (UTC) {by} at medium gain while battery was less than 2.5V and temperature was 21.3C. \
                      Band-pass filter applied with cut-off frequencies of 1.0kHz and 8.0kHz. Amplitude threshold was \
                      1% with 5s minimum trigger duration."
                ),
                Some(0),
                true,
            ),
            (
                format!(
                    "{date} (UTC+10) during deployment 0123456789ABCDEF using external microphone at low-medium gain \
                      while battery was 4.0V and temperature was 5.0C."
                ),
                Some(600),
                false,
            ),
            (
                "Recorded at 04:30:00.125 01/05/2024 (UTC) by AudioMoth 24F319046035D3B1 at low gain".into(),
                Some(0),
                true,
            ),
        ] {
            let comment = comment(&text).unwrap();
            assert_eq!(comment.reading.local.to_string(), "2024-05-01T04:30:00", "{text}");
            assert_eq!(
                comment.reading.offset.map(|offset| offset.seconds() / 60),
                offset_min,
                "{text}"
            );
            let serial = has_serial.then(|| "24F319046035D3B1".to_owned());
            assert_eq!((comment.serial, comment.unsigned_zone), (serial, None), "{text}");
        }
    }

    #[test]
    fn a_zone_that_lost_its_sign_is_no_zone() {
        let text = "Recorded at 04:30:00 01/05/2024 (UTC:30) by AudioMoth 24F319046035D3B1 at gain setting 2";
        let comment = comment(text).unwrap();
        assert_eq!(comment.reading.offset, None);
        assert_eq!(comment.unsigned_zone.as_deref(), Some("(UTC:30)"));
    }

    #[test]
    fn other_comments_are_refused() {
        for text in [
            "",
            "a bird sang",
            "Recorded at noon by AudioMoth 24F319046035D3B1",
            "Recorded at 04:30:00 31/02/2024 (UTC) by AudioMoth 24F319046035D3B1",
            "Recorded at 25:30:00 01/05/2024 (UTC) by AudioMoth 24F319046035D3B1",
            "Recorded at 04:30:00 01/05/2024 (UTC+99) by AudioMoth 24F319046035D3B1",
            "Recorded at 04:30:00 01/05/2024 (UTC+5:3) by AudioMoth 24F319046035D3B1",
            "Recorded at 04:30:00 01/05/2024 (UTC) by my phone",
            "Recorded at 4:30:00 01/05/2024 (UTC) by AudioMoth 24F319046035D3B1",
        ] {
            assert_eq!(comment(text), None, "{text}");
        }
        assert_eq!(
            artist_serial("AudioMoth 24F319046035D3B1\0").as_deref(),
            Some("24F319046035D3B1")
        );
        assert_eq!(artist_serial("Chronister"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "(Recorded at [0-9:/ .]{0,22})?( [(]UTC[-+:0-9]{0,6}[)])?.{0,40}") {
            comment(&text);
            artist_serial(&text);
        }
    }
}
