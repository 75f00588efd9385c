//! Reads dates and times of day as published tables have them: local, without a zone, and often only in part.

use jiff::civil::{Date, Time};

/// A date of which not everything is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Day {
    /// Nothing is written.
    Missing,
    /// All of it is known.
    Known(Date),
    /// Its day, its month or its year is not known, or there is no such date.
    Partial,
}

/// `2021-05-03`; of `2021-05-00`, `2021-00-00` and `?-?-?` only a part is known. What stands behind a blank or a `T` is
/// not looked at.
pub(crate) fn day(text: &str) -> Day {
    let date = text.split([' ', 'T']).next().unwrap_or_default();
    if date.is_empty() {
        return Day::Missing;
    }
    let numbers: Vec<Option<i16>> = date.split(['-', '/']).map(|part| part.parse().ok()).collect();
    let [Some(year), Some(month), Some(day)] = numbers[..] else {
        return Day::Partial;
    };
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return Day::Partial;
    };
    let is_year = date.split(['-', '/']).next().is_some_and(|year| year.len() == 4);
    match Date::new(year, month, day) {
        Ok(date) if is_year => Day::Known(date),
        _ => Day::Partial,
    }
}

/// A time of day: `05:30`, `5:30 am`, `5.30`, `17h05`. `None` for `?`, `xx:xx`, and words such as "morning".
pub(crate) fn time(text: &str) -> Option<Time> {
    let lower = text.trim().to_ascii_lowercase();
    let (clock, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim_end(), Some(0)),
        (_, Some(clock)) => (clock.trim_end(), Some(12)),
        _ => (lower.as_str(), None),
    };
    let parts: Vec<&str> = clock.split([':', '.', 'h']).collect();
    let numbers: Option<Vec<i8>> = parts.iter().map(|part| two_digits(part)).collect();
    let (hour, minute, second) = match numbers?[..] {
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let hour = match half {
        None => hour,
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

fn two_digits(text: &str) -> Option<i8> {
    let is_one = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_one)
}

/// Seconds of a length or a place in a recording: `M:SS`, `H:MM:SS`, or a number.
pub(crate) fn clock_s(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (last, above) = parts.split_last()?;
    let mut total = 0.0;
    for part in above {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        total = (total + part.parse::<f64>().ok().filter(|_| is_number)?) * 60.0;
    }
    let is_number = last.starts_with(|c: char| c.is_ascii_digit());
    let seconds: f64 = last.parse().ok().filter(|_| is_number)?;
    let fits = above.is_empty() || seconds < 60.0;
    (above.len() <= 2 && fits && seconds.is_finite()).then_some(total + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_known_whole_or_not_at_all() {
        let known = |year, month, day| Day::Known(jiff::civil::date(year, month, day));
        assert_eq!(day("2021-05-03"), known(2021, 5, 3));
        assert_eq!(day("2021-05-03 04:05:06+00:00"), known(2021, 5, 3));
        for text in [
            "2021-05-00",
            "2021-00-00",
            "0000-00-00",
            "?-?-?",
            "2021-05",
            "20210503",
            "2021-02-30",
            "3-5-2021",
        ] {
            assert_eq!(day(text), Day::Partial, "{text}");
        }
        assert_eq!(day(""), Day::Missing);
    }

    #[test]
    fn times_of_day_as_people_write_them() {
        for (text, expected) in [
            ("05:30", Some((5, 30, 0))),
            ("5:30 am", Some((5, 30, 0))),
            ("12:05 AM", Some((0, 5, 0))),
            ("03:04 PM", Some((15, 4, 0))),
            ("12:00pm", Some((12, 0, 0))),
            ("17h05", Some((17, 5, 0))),
            ("5.30", Some((5, 30, 0))),
            ("23:59:58", Some((23, 59, 58))),
            ("?", None),
            ("xx:xx", None),
            ("?:?", None),
            ("morning", None),
            ("24:10", None),
            ("13:00 pm", None),
            ("", None),
        ] {
            assert_eq!(
                time(text),
                expected.map(|(h, m, s)| jiff::civil::time(h, m, s, 0)),
                "{text}"
            );
        }
    }

    #[test]
    fn clocks_are_seconds() {
        for (text, expected) in [
            ("0:05", Some(5.0)),
            ("1:02", Some(62.0)),
            ("1:02:03", Some(3723.0)),
            ("00:00:05", Some(5.0)),
            ("5", Some(5.0)),
            ("7.5", Some(7.5)),
            ("0:75", None),
            ("", None),
            (":05", None),
            ("-5", None),
            ("1:2:3:4", None),
            ("nan", None),
            ("1:inf", None),
        ] {
            assert_eq!(clock_s(text), expected, "{text}");
        }
    }
}
