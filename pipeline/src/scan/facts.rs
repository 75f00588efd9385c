//! Gathers what a recording says of itself: its header, what its recorder wrote, and its name.

use std::path::Path;

use frontend::audio::{Look, MetadataKind, RecorderMetadata, look};

use super::audiomoth;
use super::clock::{self, Named};
use super::finding::Kind;
use super::guano::Guano;
use super::moment::{Sighting, Source};
use super::place::{self, Place};
use super::wamd::Wamd;

/// Extensions of names and the containers that they stand for.
const CONTAINERS: [(&str, &str); 17] = [
    ("wav", "WAV"),
    ("wave", "WAV"),
    ("w64", "WAV"),
    ("rf64", "WAV"),
    ("bwf", "WAV"),
    ("aif", "AIFF"),
    ("aiff", "AIFF"),
    ("aifc", "AIFF"),
    ("caf", "CAF"),
    ("flac", "FLAC"),
    ("ogg", "Ogg"),
    ("oga", "Ogg"),
    ("opus", "Ogg"),
    ("mp3", "MP3"),
    ("aac", "ADTS"),
    ("m4a", "MP4"),
    ("mp4", "MP4"),
];

/// Other extensions of sound, whose files cannot be read: they are named, not passed over.
const UNREAD: [&str; 13] = [
    "wac", "wv", "wma", "ape", "amr", "au", "snd", "ac3", "mka", "webm", "3gp", "dsf", "tta",
];

/// What is known of one recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) rate_hz: u32,
    pub(super) duration_s: Option<f64>,
    /// What says when it was made, in the order of sources.
    pub(super) sightings: Vec<Sighting>,
    pub(super) place: Option<Place>,
    pub(super) recorder: Option<String>,
    /// What is odd.
    pub(super) findings: Vec<(Kind, String)>,
}

/// Whether a file's name is that of a recording, by its extension.
pub(super) fn is_recording(name: &str) -> bool {
    let extension = extension(name);
    CONTAINERS.iter().any(|(known, _)| *known == extension) || UNREAD.contains(&extension.as_str())
}

/// The extension of a name in small letters; empty without one.
pub(super) fn extension(name: &str) -> String {
    let extension = Path::new(name).extension().unwrap_or_default();
    extension.to_string_lossy().to_ascii_lowercase()
}

/// Looks at a recording.
///
/// # Errors
/// Why it is left out.
pub(super) fn of(file: &Path, name: &str) -> Result<Facts, String> {
    let Look {
        header,
        recorder,
        is_all_zeros,
    } = look(file).map_err(|reject| reject.to_string())?;
    if is_all_zeros {
        return Err("its sound is only zeros, as a recorder leaves that made room for it and lost its power".into());
    }
    let duration_s = header
        .declared_frames
        .map(|frames| frames as f64 / f64::from(header.rate_hz));
    let mut facts = Facts {
        rate_hz: header.rate_hz,
        duration_s,
        ..Facts::default()
    };
    facts.take_recorder(&recorder);
    facts.take_name(
        Path::new(name)
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .as_ref(),
    );
    facts.sightings.sort_by_key(|seen| seen.source);
    let extension = extension(name);
    let expected = CONTAINERS.iter().find(|(known, _)| *known == extension);
    if let Some((_, expected)) = expected.filter(|(_, expected)| *expected != header.container) {
        let text = format!("named for {expected}, but it is {}", header.container);
        facts.findings.push((Kind::OtherFormat, text));
    }
    Ok(facts)
}

impl Facts {
    /// Adds what the recorder wrote into the file.
    fn take_recorder(&mut self, chunks: &[RecorderMetadata]) {
        for chunk in chunks {
            match chunk.kind {
                MetadataKind::Guano => {
                    if let Some(guano) = Guano::parse(&chunk.bytes) {
                        self.take_time(Source::Guano, guano.timestamp());
                        self.take_place(guano.place());
                        self.take_serial(guano.serial());
                        self.take_expansion(guano.time_expansion());
                    }
                }
                MetadataKind::Wamd => {
                    let wamd = Wamd::parse(&chunk.bytes);
                    self.take_time(Source::Wamd, wamd.start());
                    self.take_place(wamd.place());
                    self.take_serial(wamd.serial());
                    self.take_expansion(wamd.time_expansion());
                }
                MetadataKind::Info => self.take_info(chunk),
                MetadataKind::Broadcast => {
                    let reading = broadcast_start(&chunk.bytes);
                    self.take_time(Source::Broadcast, reading.map(Ok));
                }
                _ => {}
            }
        }
    }

    fn take_info(&mut self, chunk: &RecorderMetadata) {
        for (id, text) in chunk.items() {
            let text = String::from_utf8_lossy(text);
            let text = text.trim_end_matches(['\0', ' ', '\r', '\n']);
            match id.to_string().as_str() {
                "ICMT" => {
                    let Some(comment) = audiomoth::comment(text) else {
                        continue;
                    };
                    self.take_time(Source::Comment, Some(Ok(comment.reading)));
                    self.take_serial(comment.serial.as_deref());
                    if let Some(zone) = comment.unsigned_zone {
                        let text = format!("its comment's zone {zone} has lost its sign: the offset is not known");
                        self.findings.push((Kind::NoInstant, text));
                    }
                }
                "IART" => self.take_serial(audiomoth::artist_serial(text).as_deref()),
                _ => {}
            }
        }
    }

    /// Adds what the name says, which of the first AudioMoths is a number that others may have too.
    fn take_name(&mut self, stem: &str) {
        let is_audiomoth = self.sightings.iter().any(|seen| seen.source == Source::Comment);
        match clock::in_name(stem) {
            Named::One(reading) => self.take_time(Source::Name, Some(Ok(reading))),
            Named::Several => self.findings.push((
                Kind::NoInstant,
                "its name has several times, of which none is known to be the start".into(),
            )),
            Named::Nothing if is_audiomoth => self.take_time(Source::Name, clock::hexadecimal(stem).map(Ok)),
            Named::Nothing => {}
        }
        self.take_place(place::in_name(stem));
        let numbered = stem.split_once('_').map(|(first, _)| first);
        let is_number = |text: &&str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.take_serial(numbered.filter(is_number));
    }

    /// Adds a time, or tells of a text that is none.
    fn take_time(&mut self, source: Source, time: Option<Result<clock::Reading, &str>>) {
        match time {
            Some(Ok(reading)) => self.sightings.push(Sighting { source, reading }),
            Some(Err(text)) => {
                let text: String = text.chars().take(40).collect();
                self.findings.push((
                    Kind::NoInstant,
                    format!("its {} has no time but {text:?}", source.name()),
                ));
            }
            None => {}
        }
    }

    fn take_place(&mut self, place: Option<Place>) {
        match (self.place, place) {
            (None, found) => self.place = found,
            (Some(first), Some(second)) if !first.is_near(second) => self.findings.push((
                Kind::Places,
                format!(
                    "{}, {} and {}, {}; taken: the first",
                    first.latitude, first.longitude, second.latitude, second.longitude
                ),
            )),
            _ => {}
        }
    }

    fn take_serial(&mut self, serial: Option<&str>) {
        if self.recorder.is_none() {
            self.recorder = serial.map(str::to_owned);
        }
    }

    fn take_expansion(&mut self, factor: Option<f64>) {
        if let Some(factor) = factor
            && !self.findings.iter().any(|(kind, _)| *kind == Kind::TimeExpansion)
        {
            self.findings.push((
                Kind::TimeExpansion,
                format!("{factor} times slower than it was recorded"),
            ));
        }
    }
}

/// Date and time of a broadcast extension: 10 and 8 bytes behind description, originator and its reference (EBU Tech
/// 3285). The separators vary.
fn broadcast_start(bytes: &[u8]) -> Option<clock::Reading> {
    let text = |range| std::str::from_utf8(bytes.get(range)?).ok();
    let number = |text: &str, at: usize, count: usize| text.get(at..at + count)?.parse::<i32>().ok();
    let (date, time): (&str, &str) = (text(320..330)?, text(330..338)?);
    let date = [number(date, 0, 4)?, number(date, 5, 2)?, number(date, 8, 2)?];
    clock::Reading::of_numbers(date, [number(time, 0, 2)?, number(time, 3, 2)?, number(time, 6, 2)?])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn facts(kind: MetadataKind, bytes: &[u8], stem: &str) -> Facts {
        let mut facts = Facts::default();
        let bytes = bytes.to_vec();
        facts.take_recorder(&[RecorderMetadata { kind, bytes }]);
        facts.take_name(stem);
        facts
    }

    fn item(id: &str, text: &str) -> Vec<u8> {
        let mut item = [id.as_bytes(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
        item.resize(item.len().next_multiple_of(2), 0);
        item
    }

    #[test]
    fn an_audiomoth_of_the_first_firmware() {
        let comment = "Recorded at 07:11:57 08/06/2018 by AudioMoth 24F319046035D3B1 at gain setting 2 while battery";
        let facts = facts(MetadataKind::Info, &item("ICMT", comment), "5B1A2C3D");
        let sources: Vec<_> = facts
            .sightings
            .iter()
            .map(|seen| (seen.source, seen.reading.offset.is_some()))
            .collect();
        assert_eq!(sources, [(Source::Comment, false), (Source::Name, true)]);
        assert_eq!(facts.recorder.as_deref(), Some("24F319046035D3B1"));
        // Without the comment the name is a number like others.
        assert!(self::facts(MetadataKind::Info, b"", "5B1A2C3D").sightings.is_empty());
    }

    #[test]
    fn the_device_of_a_deployment_is_in_the_artist_field() {
        let comment = "Recorded at 07:11:57 08/06/2018 (UTC:30) during deployment 0123456789ABCDEF at medium gain";
        let list = [item("ICMT", comment), item("IART", "AudioMoth 24F319046035D3B1")].concat();
        let facts = facts(MetadataKind::Info, &list, "20180608_071157");
        assert_eq!(facts.recorder.as_deref(), Some("24F319046035D3B1"));
        assert!(
            facts
                .findings
                .iter()
                .any(|(kind, text)| *kind == Kind::NoInstant && text.contains("lost its sign"))
        );
    }

    #[test]
    fn broadcast_times_have_no_zone() {
        let mut bytes = vec![0; 602];
        bytes[320..338].copy_from_slice(b"2024-05-0104:30:00");
        let facts = facts(MetadataKind::Broadcast, &bytes, "x");
        assert_eq!(facts.sightings.len(), 1);
        assert_eq!(facts.sightings[0].reading.offset, None);
        assert_eq!(broadcast_start(&[0; 602]), None);
        assert_eq!(broadcast_start(&[b'9'; 325]), None);
    }

    #[test]
    fn places_and_names_and_what_is_no_time() {
        let guano = b"GUANO|Version: 1.0\nTimestamp: noon\nLoc Position: 10.0 20.0\nTE: 8\n";
        let facts = facts(
            MetadataKind::Guano,
            guano,
            "24F319046035D3B1_20240501_043000_-27.3888+152.8808",
        );
        let kinds: Vec<Kind> = facts.findings.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::NoInstant, Kind::TimeExpansion, Kind::Places]);
        assert_eq!(facts.recorder.as_deref(), Some("24F319046035D3B1"));
        assert!(is_recording("A.WAV") && is_recording("b.wac") && !is_recording("notes.txt") && !is_recording("wav"));
    }
}
