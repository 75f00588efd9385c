//! Decides when a recording was made, from all that says so: an instant only where the offset from UTC is known.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

use super::clock::Reading;
use super::finding::Kind;
use super::zone::Zone;

/// Seconds within which two sources say the same.
const SAME_S: i64 = 2;

/// What says when a recording was made, the more trusted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// GUANO's `Timestamp`.
    Guano,
    /// Wildlife Acoustics' own metadata.
    Wamd,
    /// The comment of an AudioMoth.
    Comment,
    /// The file's name.
    Name,
    /// The broadcast extension, which has no zone.
    Broadcast,
}

impl Source {
    /// As reports and tables name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Source::Guano => "guano",
            Source::Wamd => "wamd",
            Source::Comment => "comment",
            Source::Name => "name",
            Source::Broadcast => "bext",
        }
    }
}

/// What one source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) source: Source,
    pub(super) reading: Reading,
}

/// When a recording was made, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// Time and offset as the recordings table has them.
    pub(super) recorded_at: Option<String>,
    /// What the recorder's clock showed, where its offset is not known.
    pub(super) local: Option<DateTime>,
    /// The day, by the clock that the recording was named by or in the zone that was given.
    pub(super) day: Option<Date>,
    /// Where it comes from.
    pub(super) source: Option<Source>,
}

/// Decides between the sightings of one recording, in the order of sources; what is odd about them goes to `findings`.
pub(super) fn decide(sightings: &[Sighting], zone: Option<&Zone>, findings: &mut Vec<(Kind, String)>) -> Moment {
    let sightings: Vec<Sighting> = sightings
        .iter()
        .copied()
        .filter(|seen| is_set(seen, findings))
        .collect();
    let complete = sightings.iter().find(|seen| seen.reading.offset.is_some());
    let Some(mut chosen) = complete.or(sightings.first()).copied() else {
        return Moment::default();
    };
    if let Some(corrected) = of_firmware_1_2_2(chosen, &sightings) {
        findings.push((Kind::Times, disagreement(chosen, corrected, corrected)));
        chosen = corrected;
    }
    if chosen.reading.offset.is_none()
        && let Some(zone) = zone
    {
        match zone.offset(chosen.reading.local) {
            Ok(offset) => chosen.reading.offset = Some(offset),
            Err(why) => findings.push((
                Kind::NoInstant,
                format!("{} {why}; it has no time in the table", chosen.reading.local),
            )),
        }
    }
    for other in sightings.iter().filter(|other| other.source != chosen.source) {
        if !agree(chosen.reading, other.reading, zone) {
            let text = disagreement(chosen, *other, chosen);
            if !findings.iter().any(|(kind, _)| *kind == Kind::Times) {
                findings.push((Kind::Times, text));
            }
        }
    }
    let Reading { local, offset } = chosen.reading;
    let there = zone
        .zip(chosen.reading.instant())
        .map(|(zone, instant)| zone.local(instant));
    Moment {
        recorded_at: offset.map(|offset| with_offset(local, offset)),
        local: offset.is_none().then_some(local),
        day: Some(there.unwrap_or(local).date()),
        source: Some(chosen.source),
    }
}

/// Whether a clock was set: an AudioMoth's starts in 1970.
fn is_set(seen: &Sighting, findings: &mut Vec<(Kind, String)>) -> bool {
    let is_set = seen.reading.local.year() != 1970;
    if !is_set {
        let text = format!(
            "its {} says {}: the clock was not set",
            seen.source.name(),
            seen.reading.local
        );
        findings.push((Kind::NoInstant, text));
    }
    is_set
}

/// The name's time with the comment's offset, where firmware 1.2.2 of AudioMoth, in zones of half hours, wrote the comment
/// up to an hour off and the name right.
fn of_firmware_1_2_2(chosen: Sighting, sightings: &[Sighting]) -> Option<Sighting> {
    let offset = chosen.reading.offset.filter(|offset| offset.seconds() % 3600 != 0)?;
    let named = sightings
        .iter()
        .find(|seen| seen.source == Source::Name && seen.reading.offset.is_none())?;
    let apart_s = seconds_apart(chosen.reading.local, named.reading.local).abs();
    let is_it = chosen.source == Source::Comment && (SAME_S + 1..=3600).contains(&apart_s);
    is_it.then_some(Sighting {
        source: Source::Name,
        reading: Reading {
            local: named.reading.local,
            offset: Some(offset),
        },
    })
}

/// Whether two readings may be of one moment: the same by the clock, the same instant, or the other one in UTC.
fn agree(chosen: Reading, other: Reading, zone: Option<&Zone>) -> bool {
    let is_near = |a: Timestamp, b: Timestamp| (a.as_second() - b.as_second()).abs() <= SAME_S;
    let in_zone = |reading: Reading| {
        let offset = reading.offset.or_else(|| zone?.offset(reading.local).ok());
        Reading { offset, ..reading }.instant()
    };
    let in_utc = |reading: Reading| Offset::UTC.to_timestamp(reading.local).ok();
    match (chosen.instant(), other.instant()) {
        (Some(a), Some(b)) => is_near(a, b),
        _ if seconds_apart(chosen.local, other.local).abs() <= SAME_S => true,
        (Some(a), None) => [in_zone(other), in_utc(other).filter(|_| zone.is_none())]
            .into_iter()
            .flatten()
            .any(|b| is_near(a, b)),
        _ => false,
    }
}

fn seconds_apart(a: DateTime, b: DateTime) -> i64 {
    let second = |time: DateTime| {
        Offset::UTC
            .to_timestamp(time)
            .map_or(i64::MAX / 4, |time| time.as_second())
    };
    second(a).saturating_sub(second(b))
}

fn disagreement(a: Sighting, b: Sighting, taken: Sighting) -> String {
    let shown = |seen: Sighting| match seen.reading.offset {
        Some(offset) => with_offset(seen.reading.local, offset),
        None => seen.reading.local.to_string(),
    };
    let names = [a, b].map(|seen| format!("its {} says {}", seen.source.name(), shown(seen)));
    format!("{}; taken: {}", names.join(", "), taken.source.name())
}

/// ISO 8601, to the minute of an offset.
fn with_offset(local: DateTime, offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.abs();
    format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::clock;
    use super::*;

    fn decided(seen: &[(Source, &str)], zone: Option<&str>) -> (Moment, Vec<String>) {
        let sighting = |(source, text): &(Source, &str)| Sighting {
            source: *source,
            reading: clock::timestamp(text).unwrap(),
        };
        let sightings: Vec<Sighting> = seen.iter().map(sighting).collect();
        let mut findings = Vec::new();
        let zone: Option<Zone> = zone.map(|zone| zone.parse().unwrap());
        let moment = decide(&sightings, zone.as_ref(), &mut findings);
        (moment, findings.into_iter().map(|(_, text)| text).collect())
    }

    const LOCAL: &str = "2024-05-01T04:30:00";
    const WITH: &str = "2024-05-01T04:30:00+02:00";

    #[test]
    fn an_offset_is_taken_from_whoever_has_one_and_never_guessed() {
        use Source::{Broadcast, Comment, Guano, Name};
        for (seen, zone, recorded_at, source) in [
            (&[(Name, LOCAL)][..], None, None, Name),
            (
                &[(Name, LOCAL)],
                Some("-04:00"),
                Some("2024-05-01T04:30:00-04:00"),
                Name,
            ),
            (&[(Name, WITH)], Some("-04:00"), Some(WITH), Name),
            (
                &[(Guano, LOCAL), (Name, LOCAL), (Comment, WITH)],
                None,
                Some(WITH),
                Comment,
            ),
            (&[(Guano, LOCAL), (Broadcast, LOCAL)], None, None, Guano),
        ] {
            let (moment, findings) = decided(seen, zone);
            assert_eq!(
                (moment.recorded_at.as_deref(), moment.source),
                (recorded_at, Some(source)),
                "{seen:?}"
            );
            assert_eq!(moment.local.is_none(), recorded_at.is_some());
            if zone.is_none() {
                assert_eq!(findings, Vec::<String>::new(), "{seen:?}");
            }
        }
        assert_eq!(decided(&[], Some("Z")).0, Moment::default());
    }

    #[test]
    fn disagreements_are_told_once_with_what_was_taken() {
        use Source::{Comment, Guano, Name};
        let (moment, findings) = decided(&[(Guano, WITH), (Name, "2024-05-01T05:00:00")], None);
        assert_eq!(moment.recorded_at.as_deref(), Some(WITH));
        assert_eq!(
            findings,
            ["its guano says 2024-05-01T04:30:00+02:00, its name says 2024-05-01T05:00:00; taken: guano"]
        );
        // The same instant in UTC, the same to a second, the same clock under a zone.
        for (other, zone) in [
            ("2024-05-01T02:30:00", None),
            ("2024-05-01T02:30:00Z", None),
            ("2024-05-01T04:30:01.5", None),
            ("2024-05-01T04:30:00", Some("Z")),
            ("2024-05-01T03:30:00", Some("+01:00")),
        ] {
            assert!(
                decided(&[(Guano, WITH), (Name, other)], zone).1.is_empty(),
                "{other} {zone:?}"
            );
        }
        let (_, findings) = decided(&[(Name, LOCAL), (Source::Broadcast, "2024-05-01T06:30:00")], None);
        assert_eq!(findings.len(), 1);
        let two = [
            (Guano, WITH),
            (Comment, "2020-01-01T00:00:00Z"),
            (Name, "2021-01-01T00:00:00"),
        ];
        assert_eq!(decided(&two, None).1.len(), 1);
    }

    #[test]
    fn firmware_1_2_2_has_the_right_time_in_the_name() {
        let seen = [(Source::Comment, "2024-05-01T04:00:00+05:30"), (Source::Name, LOCAL)];
        let (moment, findings) = decided(&seen, None);
        assert_eq!(moment.recorded_at.as_deref(), Some("2024-05-01T04:30:00+05:30"));
        assert!(
            findings.len() == 1 && findings[0].ends_with("taken: name"),
            "{findings:?}"
        );
        let whole = [(Source::Comment, "2024-05-01T04:00:00+05:00"), (Source::Name, LOCAL)];
        assert_eq!(decided(&whole, None).0.source, Some(Source::Comment));
    }

    #[test]
    fn clocks_that_were_not_set_and_days() {
        let (moment, findings) = decided(&[(Source::Name, "1970-01-01T00:10:00")], Some("Z"));
        assert!(
            moment == Moment::default() && findings[0].contains("was not set"),
            "{findings:?}"
        );
        let day = |text, zone| decided(&[(Source::Name, text)], zone).0.day.unwrap().to_string();
        assert_eq!(day("2024-05-01T01:00:00", None), "2024-05-01");
        assert_eq!(day("2024-05-01T01:00:00Z", None), "2024-05-01");
        assert_eq!(day("2024-05-01T01:00:00Z", Some("-04:00")), "2024-04-30");
    }
}
