//! Defines `Reading`, a moment as a recorder wrote it, and reads it from texts and from names of files.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

/// Years that a recording can be of. Others are other numbers.
const YEARS: std::ops::RangeInclusive<i16> = 1900..=2099;

/// Offsets that are in use somewhere, in minutes.
const OFFSETS_MIN: std::ops::RangeInclusive<i32> = -720..=840;

/// A moment by a recorder's clock, and how far that was ahead of UTC where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// What the clock showed.
    pub(super) local: DateTime,
    /// Local time minus UTC.
    pub(super) offset: Option<Offset>,
}

/// What a file's name says of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Nothing.
    Nothing,
    /// One moment.
    One(Reading),
    /// Several moments, of which none is known to be the start.
    Several,
}

/// Reads a text that is one moment: `2024-05-01T04:30:00.5+02:00`, or with a blank for the `T`, an offset of hours only,
/// or none.
pub(super) fn timestamp(text: &str) -> Option<Reading> {
    let mut cursor = Cursor::new(text.trim());
    let (date, _) = cursor.date(false)?;
    cursor.one_of(b"Tt ")?;
    let time = cursor.time(false)?;
    let time = cursor.fraction(b".,", time);
    cursor.one_of(b" ");
    let offset = cursor.offset();
    cursor.is_at_end().then(|| Reading::new(date, time, offset)).flatten()
}

/// Looks for the moment in a file's name without its extension: `PREFIX_20240501_043000`, `20240501_043000_-0400`,
/// `2024-06-15-birdnet-07:30:00`, `20190626T160000+1000_REC`, `S20240501T043000_E20240501T053000` and their like.
pub(super) fn in_name(stem: &str) -> Named {
    let mut cursor = Cursor::new(stem);
    let mut found: Vec<(Option<u8>, Reading)> = Vec::new();
    while !cursor.is_at_end() {
        let before = cursor.before();
        let mut here = cursor;
        match before.is_some_and(|byte| byte.is_ascii_digit()) {
            false if let Some(reading) = here.named_moment() => {
                found.push((before, reading));
                cursor = here;
            }
            _ => cursor.skip(),
        }
    }
    match found.as_slice() {
        [] => Named::Nothing,
        [(_, reading)] => Named::One(*reading),
        // The start and the end, as Frontier Labs name them.
        [(Some(b'S'), start), (Some(b'E'), _)] => Named::One(*start),
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => Named::One(*first),
        _ => Named::Several,
    }
}

/// Reads a name of the first AudioMoths, `5B1A2C3D`: seconds since 1970 in UTC.
pub(super) fn hexadecimal(stem: &str) -> Option<Reading> {
    let is_code = stem.len() == 8
        && stem
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    let seconds = is_code.then(|| i64::from_str_radix(stem, 16).ok()).flatten()?;
    let local = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    Some(Reading {
        local,
        offset: Some(Offset::UTC),
    })
}

/// An offset in words of sign, hours and minutes.
pub(super) fn offset_of(is_west: bool, hours: i32, minutes: i32) -> Option<Offset> {
    let total = (60 * hours + minutes) * if is_west { -1 } else { 1 };
    let is_one = (0..60).contains(&minutes) && OFFSETS_MIN.contains(&total);
    is_one.then(|| Offset::from_seconds(60 * total).ok()).flatten()
}

impl Reading {
    /// A moment of a day; 24:00:00 is the start of the next one.
    fn new(date: Date, (hour, minute, second, nanosecond): ClockTime, offset: Option<Offset>) -> Option<Self> {
        let is_next_day = (hour, minute, second) == (24, 0, 0);
        let time = Time::new(if is_next_day { 0 } else { hour }, minute, second, nanosecond).ok()?;
        let date = if is_next_day {
            date.checked_add(1.day()).ok()?
        } else {
            date
        };
        Some(Reading {
            local: date.to_datetime(time),
            offset,
        })
    }

    /// A moment as parts of a text that are numbers.
    pub(super) fn of_numbers([year, month, day]: [i32; 3], [hour, minute, second]: [i32; 3]) -> Option<Self> {
        let small = |number: i32| i8::try_from(number).ok();
        let date = Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
        let time = (small(hour)?, small(minute)?, small(second)?, 0);
        YEARS
            .contains(&date.year())
            .then(|| Reading::new(date, time, None))
            .flatten()
    }

    /// The instant, where the offset is known.
    pub(super) fn instant(self) -> Option<Timestamp> {
        self.offset?.to_timestamp(self.local).ok()
    }
}

/// Hour, minute, second, nanosecond.
type ClockTime = (i8, i8, i8, i32);

/// A place in a text.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    /// The start of a text.
    pub(super) fn new(text: &'t str) -> Self {
        Cursor {
            text: text.as_bytes(),
            at: 0,
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn before(&self) -> Option<u8> {
        self.text.get(self.at.checked_sub(1)?).copied()
    }

    fn skip(&mut self) {
        self.at += 1;
    }

    /// Goes past a byte if it is one of these.
    pub(super) fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| bytes.contains(byte))?;
        self.skip();
        Some(byte)
    }

    /// Goes past a text if it stands here.
    pub(super) fn word(&mut self, word: &str) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        rest.starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// A number of exactly so many digits; with `blanks`, blanks may stand for leading zeros.
    pub(super) fn digits(&mut self, count: usize, blanks: bool) -> Option<i32> {
        let digits = self.text.get(self.at..self.at + count)?;
        let zeros = digits.iter().take_while(|byte| blanks && **byte == b' ').count();
        let digits = digits.get(zeros..).filter(|digits| !digits.is_empty())?;
        let number = digits.iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit().then(|| 10 * number + i32::from(byte - b'0'))
        })?;
        self.at += count;
        Some(number)
    }

    fn two(&mut self, blanks: bool) -> Option<i8> {
        self.digits(2, blanks)?.try_into().ok()
    }

    /// A date with `-`, `_` or nothing between its parts, and whether there is something between them.
    fn date(&mut self, blanks: bool) -> Option<(Date, bool)> {
        let year = i16::try_from(self.digits(4, false)?).ok()?;
        let separator = self.one_of(b"-_");
        let month = self.two(blanks && separator.is_none())?;
        if let Some(separator) = separator {
            self.one_of(&[separator])?;
        }
        let day = self.two(blanks && separator.is_none())?;
        let date = Date::new(year, month, day).ok()?;
        YEARS.contains(&year).then_some((date, separator.is_some()))
    }

    /// A time of day to the second, with `:`, `-`, `_` or nothing between its parts.
    fn time(&mut self, blanks: bool) -> Option<ClockTime> {
        let hour = self.two(blanks)?;
        let separator = self.one_of(b":-_");
        let minute = self.two(blanks && separator.is_none())?;
        if let Some(separator) = separator {
            self.one_of(&[separator])?;
        }
        let second = self.two(blanks && separator.is_none())?;
        let is_number_longer = self.peek().is_some_and(|byte| byte.is_ascii_digit());
        (!is_number_longer).then_some((hour, minute, second, 0))
    }

    /// The same time with the part of a second that follows one of these bytes, if one does.
    fn fraction(&mut self, marks: &[u8], time: ClockTime) -> ClockTime {
        let mut here = *self;
        if here.one_of(marks).is_none() {
            return time;
        }
        let (mut nanosecond, mut unit) = (0, 100_000_000);
        let start = here.at;
        while let Some(digit) = here.digits(1, false) {
            nanosecond += digit * unit;
            unit /= 10;
        }
        if here.at == start {
            return time;
        }
        *self = here;
        (time.0, time.1, time.2, nanosecond)
    }

    /// `Z`, or a sign with hours of one or two digits and minutes, if that follows as a whole.
    fn offset(&mut self) -> Option<Offset> {
        let mut here = *self;
        let offset = match here.one_of(b"Zz+-")? {
            b'Z' | b'z' => Offset::UTC,
            sign => {
                let hours = here.digits(2, false).or_else(|| here.digits(1, false))?;
                let colon = here.one_of(b":");
                let minutes = match here.digits(2, false) {
                    Some(minutes) => minutes,
                    None if colon.is_none() => 0,
                    None => return None,
                };
                offset_of(sign == b'-', hours, minutes)?
            }
        };
        *self = here;
        Some(offset)
    }

    /// The offset in a name: `Z`, or a sign, two digits of hours and two of minutes; other numbers follow times too.
    fn named_offset(&mut self) -> Option<Offset> {
        let mut here = *self;
        let offset = match here.one_of(b"Z+-_")? {
            b'Z' => Offset::UTC,
            sign => {
                let sign = if sign == b'_' { here.one_of(b"+-")? } else { sign };
                let hours = here.digits(2, false)?;
                here.one_of(b":");
                offset_of(sign == b'-', hours, here.digits(2, false)?)?
            }
        };
        let is_other = here
            .peek()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
        (!is_other).then(|| *self = here)?;
        Some(offset)
    }

    /// A moment in a name.
    fn named_moment(&mut self) -> Option<Reading> {
        let (date, _) = self.date(true)?;
        let is_t = match self.word("-birdnet-") {
            Some(()) => false,
            None => self.one_of(b"T_$ -") == Some(b'T'),
        };
        let time = self.time(is_t)?;
        let time = self.milliseconds(time);
        let offset = self.named_offset();
        Reading::new(date, time, offset)
    }

    /// The time with the milliseconds that follow it in a name, three digits.
    fn milliseconds(&mut self, time: ClockTime) -> ClockTime {
        let mut here = *self;
        let found = here.one_of(b"._").and_then(|_| here.digits(3, false));
        match found.filter(|_| !here.peek().is_some_and(|byte| byte.is_ascii_digit())) {
            Some(milliseconds) => {
                *self = here;
                (time.0, time.1, time.2, 1_000_000 * milliseconds)
            }
            None => time,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shown(reading: Option<Reading>) -> String {
        reading.map_or("-".into(), |reading| match reading.offset {
            Some(offset) => format!("{} {}", reading.local, offset.seconds() / 60),
            None => reading.local.to_string(),
        })
    }

    #[test]
    fn names_of_every_recorder() {
        for (name, expected) in [
            ("20240501_043000", "2024-05-01T04:30:00"),
            ("20240501_043000T", "2024-05-01T04:30:00"),
            ("20240501_043000_SYNC", "2024-05-01T04:30:00"),
            ("20240501_043000_125", "2024-05-01T04:30:00.125"),
            ("24F319046035D3B1_20240501_043000", "2024-05-01T04:30:00"),
            ("S4A03895_20190522_000000", "2019-05-22T00:00:00"),
            ("P_0+1_20211023_230001", "2021-10-23T23:00:01"),
            ("SM304290_0+1_20171121$143444", "2017-11-21T14:34:44"),
            ("SwiftOne_20220719_000000_-0400", "2022-07-19T00:00:00 -240"),
            ("20190626T160000+1000_REC_-27.3888+152.8808", "2019-06-26T16:00:00 600"),
            ("20181101_050000_REC [-27.3866 152.8761]", "2018-11-01T05:00:00"),
            ("201906 7T160000+1000_REC", "2019-06-07T16:00:00 600"),
            ("20190607T 60000_REC", "2019-06-07T06:00:00"),
            ("20190626T240000+1000_REC", "2019-06-27T00:00:00 600"),
            (
                "S20240501T043000+0930_E20240501T053000+0930_-12.3+131.0",
                "2024-05-01T04:30:00 570",
            ),
            ("2021-06-23T14_54_03.208Z", "2021-06-23T14:54:03.208 0"),
            ("2024-06-15-birdnet-07:30:00", "2024-06-15T07:30:00"),
            ("site 3 2024-06-15 07-30-00", "2024-06-15T07:30:00"),
            ("20240501043000", "2024-05-01T04:30:00"),
            ("20240501_043000_-27.3888", "2024-05-01T04:30:00"),
        ] {
            let found = match in_name(name) {
                Named::One(reading) => Some(reading),
                _ => None,
            };
            assert_eq!(shown(found), expected, "{name}");
        }
    }

    #[test]
    fn other_numbers_are_no_times() {
        for name in [
            "",
            "5B1A2C3D",
            "XC123456",
            "20240501",
            "20240501_0430",
            "20241301_043000",
            "20240501_256000",
            "120240501_043000",
            "20240501_0430001",
            "2024-05_01_04:30:00",
            "12345678_123456",
            "202405010430000",
        ] {
            assert_eq!(in_name(name), Named::Nothing, "{name}");
        }
        assert_eq!(in_name("20240501_043000_20240502_043000"), Named::Several);
        assert!(matches!(in_name("20240501_043000_20240501_043000"), Named::One(_)));
    }

    #[test]
    fn names_of_the_first_audiomoths() {
        assert_eq!(shown(hexadecimal("5B1A2C3D")), "2018-06-08T07:11:57 0");
        for other in ["5b1a2c3d", "5B1A2C3", "5B1A2C3DE", "5B1A2C3G"] {
            assert_eq!(hexadecimal(other), None);
        }
    }

    #[test]
    fn texts_with_and_without_offsets() {
        for (text, expected) in [
            ("2024-05-01T04:30:00", "2024-05-01T04:30:00"),
            ("2024-05-01 04:30:00.25", "2024-05-01T04:30:00.25"),
            (" 2024-05-01 04:30:00+02:00 ", "2024-05-01T04:30:00 120"),
            ("2024-05-01T04:30:00-4:00", "2024-05-01T04:30:00 -240"),
            ("2024-05-01T04:30:00.123456+0530", "2024-05-01T04:30:00.123456 330"),
            ("2024-05-01T04:30:00Z", "2024-05-01T04:30:00 0"),
            ("2024-05-01T04:30:00+02", "2024-05-01T04:30:00 120"),
            ("2024-05-01", "-"),
            ("2024-05-01T04:30", "-"),
            ("2024-05-01T04:30:00+", "-"),
            ("2024-05-01T04:30:00+99:00", "-"),
            ("2024-05-01T04:30:00 CEST", "-"),
            ("yesterday", "-"),
            ("", "-"),
        ] {
            assert_eq!(shown(timestamp(text)), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,60}") {
            in_name(&text);
            timestamp(&text);
            hexadecimal(&text);
        }
    }
}
