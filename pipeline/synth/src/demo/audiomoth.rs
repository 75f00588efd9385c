//! Writes the small demo as the memory card of AudioMoth recorders: daily folders at a few sites, names and comments in the
//! recorders' form, Raven tables beside what was annotated; and, beside the card, the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::error::Error;
use crate::files::{FileSizes, for_each_recording, write_file};
use crate::marker;
use crate::planned::{AnnotationScope, Bird, PlannedRecording, SetPlan};
use crate::song::Song;
use crate::species::Species;
use crate::tables::{UNKNOWN_BIRD, write_taxa};

/// The folder that is the card, within the set's.
pub const CARD: &str = "card";

/// Every song of every recording.
const TRUTH: &str = "truth.csv";

/// Sites with a recorder each.
const SITES: [&str; 8] = ["brook", "clearing", "dam", "edge", "fen", "gorge", "heath", "inlet"];

/// A rate of these recorders that all songs fit in.
const RATE_HZ: u32 = 32_000;

/// Bytes of the fields of the header (AudioMoth-Firmware-Basic 1.8, `wavHeader_t`).
const COMMENT_BYTES: usize = 384;
const ARTIST_BYTES: usize = 32;

/// Writes the card, the taxa and the truth; returns the number of songs and the size of each recording.
pub(super) fn write(
    dir: &Path,
    plan: &mut SetPlan,
    species: &[Species],
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<(usize, FileSizes), Error> {
    marker::start(dir, &[CARD])?;
    for recording in &mut plan.recordings {
        recording.scene.stereo = false;
        recording.scene.rate_hz = RATE_HZ;
    }
    let placed = places(plan);
    let folders: BTreeSet<&str> = placed.values().map(|place| place.folder.as_str()).collect();
    for folder in folders {
        let path = dir.join(folder);
        fs::create_dir_all(&path).map_err(|source| Error::Io { path, source })?;
    }
    write_taxa(dir, species)?;
    let code = |bird: Bird| match bird {
        Bird::Class(class) => species.get(class).map_or("", |species| species.code.as_str()),
        Bird::Unknown => UNKNOWN_BIRD,
    };
    let sizes = for_each_recording(plan, progress, |recording| {
        let Some(place) = placed.get(&recording.asset_id) else {
            return Ok((String::new(), 0));
        };
        let channels = recording.scene.render();
        let bytes = wav(
            channels.first().map_or(&[][..], Vec::as_slice),
            &place.comment,
            place.site,
        );
        write_file(&dir.join(place.file(".WAV")), &bytes)?;
        if recording.annotation == AnnotationScope::All {
            let songs = recording.annotated_songs();
            let table = selections(songs.into_iter().map(|(song, bird, _)| (song, code(bird))));
            write_file(&dir.join(place.file(".Table.1.selections.txt")), table.as_bytes())?;
        }
        Ok((place.file(".WAV"), bytes.len() as u64))
    })?;
    let mut sizes: FileSizes = sizes.into_iter().collect();
    add_oddities(dir, &placed, &mut sizes)?;
    let (truth, songs) = truth(plan, &placed, &code);
    write_file(&dir.join(TRUTH), truth.as_bytes())?;
    Ok((songs, sizes))
}

/// Where a recording is on the card.
struct Place {
    site: usize,
    /// Below the set's folder.
    folder: String,
    stem: String,
    comment: String,
}

impl Place {
    fn file(&self, end: &str) -> String {
        format!("{}/{}{end}", self.folder, self.stem)
    }
}

/// The place of each recording, by asset id. Two of one site and one second are a second apart.
fn places(plan: &SetPlan) -> BTreeMap<u32, Place> {
    let mut taken = BTreeSet::new();
    let place = |recording: &PlannedRecording| {
        let site = recording.visit % SITES.len();
        // 2018-06-02T06:30:00-04:00
        let part = |range| recording.recorded_at.get(range).unwrap_or_default();
        let day = format!("{}{}{}", part(0..4), part(5..7), part(8..10));
        let mut second = 0;
        while !taken.insert((site, day.clone(), part(11..16).to_owned(), second)) {
            second += 1;
        }
        let zone = match (part(19..20), part(20..22).trim_start_matches('0'), part(23..25)) {
            (_, "", "00") | ("Z" | "", ..) => String::new(),
            (sign, hours, "00") => format!("{sign}{hours}"),
            (sign, hours, minutes) => format!("{sign}{hours}:{minutes}"),
        };
        let celsius = 8 + recording.asset_id % 11;
        let comment = format!(
            "Recorded at {}:{second:02} {}/{}/{} (UTC{zone}) by {} at medium gain while battery was 4.1V and temperature was \
             {celsius}.5C.",
            part(11..16),
            part(8..10),
            part(5..7),
            part(0..4),
            recorder(site),
        );
        let place = Place {
            site,
            folder: format!("{CARD}/{}/{day}", SITES.get(site).copied().unwrap_or_default()),
            stem: format!("{day}_{}{}{second:02}", part(11..13), part(14..16)),
            comment,
        };
        (recording.asset_id, place)
    };
    plan.recordings.iter().map(place).collect()
}

/// The recorder of a site.
fn recorder(site: usize) -> String {
    format!("AudioMoth 24F31904603C0D{site:02X}")
}

/// A recording in the recorder's form: its header has the comment and the device before the samples.
fn wav(samples: &[f32], comment: &str, site: usize) -> Vec<u8> {
    let data_bytes = 2 * samples.len() as u32;
    let list_bytes = 4 + 8 + COMMENT_BYTES + 8 + ARTIST_BYTES;
    let mut bytes = Vec::with_capacity(488 + data_bytes as usize);
    let field = |bytes: &mut Vec<u8>, id: &[u8; 4], size: u32| {
        bytes.extend(id);
        bytes.extend(size.to_le_bytes());
    };
    let text = |bytes: &mut Vec<u8>, id: &[u8; 4], text: &str, size: usize| {
        field(bytes, id, size as u32);
        let mut padded = text.as_bytes().to_vec();
        padded.resize(size, 0);
        bytes.extend(padded);
    };
    field(&mut bytes, b"RIFF", 4 + 8 + 16 + 8 + list_bytes as u32 + 8 + data_bytes);
    bytes.extend(b"WAVE");
    field(&mut bytes, b"fmt ", 16);
    bytes.extend([1_u16, 1].iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend([RATE_HZ, 2 * RATE_HZ].iter().flat_map(|number| number.to_le_bytes()));
    bytes.extend([2_u16, 16].iter().flat_map(|number| number.to_le_bytes()));
    field(&mut bytes, b"LIST", list_bytes as u32);
    bytes.extend(b"INFO");
    text(&mut bytes, b"ICMT", comment, COMMENT_BYTES);
    text(&mut bytes, b"IART", &recorder(site), ARTIST_BYTES);
    field(&mut bytes, b"data", data_bytes);
    let quantised = |sample: &f32| (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16;
    bytes.extend(samples.iter().flat_map(|sample| quantised(sample).to_le_bytes()));
    bytes
}

/// A Raven selection table.
fn selections<'a>(songs: impl Iterator<Item = (&'a Song, &'a str)>) -> String {
    let mut table = String::from(
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\n",
    );
    for (number, (song, code)) in (1..).zip(songs) {
        let (low_hz, high_hz) = song.band_hz();
        let (start_s, end_s) = (song.start_s(), song.end_s());
        // Writing to a String does not fail.
        let _ = writeln!(
            table,
            "{number}\tSpectrogram 1\t1\t{start_s:.6}\t{end_s:.6}\t{low_hz:.1}\t{high_hz:.1}\t{code}"
        );
    }
    table
}

/// What cards have besides: the recorder's settings, a file that was begun when the battery gave out, and a copy.
fn add_oddities(dir: &Path, placed: &BTreeMap<u32, Place>, sizes: &mut FileSizes) -> Result<(), Error> {
    let Some((first, last)) = placed.values().next().zip(placed.values().next_back()) else {
        return Ok(());
    };
    write_file(
        &dir.join(CARD).join("CONFIG.TXT"),
        b"Device ID                       : 24F31904603C0D00\n",
    )?;
    let stub = format!(
        "{}/{}.WAV",
        last.folder,
        last.stem
            .split('_')
            .next()
            .map_or_else(String::new, |day| format!("{day}_235500"))
    );
    let bytes = wav(&[], "", last.site);
    let header = bytes.get(..44).unwrap_or_default();
    write_file(&dir.join(&stub), header)?;
    sizes.insert(stub, header.len() as u64);
    let copy = format!(
        "{CARD}/{}/copied/{}.WAV",
        SITES.get(first.site).copied().unwrap_or_default(),
        first.stem
    );
    let (from, to) = (dir.join(first.file(".WAV")), dir.join(&copy));
    let folder = to.parent().unwrap_or(dir).to_owned();
    fs::create_dir_all(&folder).map_err(|source| Error::Io { path: folder, source })?;
    let bytes = fs::copy(&from, &to).map_err(|source| Error::Io { path: to, source })?;
    sizes.insert(copy, bytes);
    Ok(())
}

/// Every song of every recording, annotated or not, and their number.
fn truth<'a>(plan: &SetPlan, placed: &BTreeMap<u32, Place>, code: &dyn Fn(Bird) -> &'a str) -> (String, usize) {
    let mut table = String::from("path,start_s,end_s,low_hz,high_hz,species_code\n");
    let mut count = 0;
    for recording in &plan.recordings {
        let Some(place) = placed.get(&recording.asset_id) else {
            continue;
        };
        for (bird, singer) in recording.birds.iter().zip(&recording.scene.singers) {
            for song in &singer.songs {
                let (low_hz, high_hz) = song.band_hz();
                count += 1;
                let _ = writeln!(
                    table,
                    "{},{:.6},{:.6},{low_hz:.1},{high_hz:.1},{}",
                    place.file(".WAV"),
                    song.start_s(),
                    song.end_s(),
                    code(*bird)
                );
            }
        }
    }
    (table, count)
}
