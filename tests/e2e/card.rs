//! Provides `Card`, a card of recordings whose truth is known: scanned as people do, and with somebody who hears
//! everything and corrects the tables that detections come in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::dataset_rows::{clips_of, codes, open};
use crate::program::{command, run};
use crate::recordings::{RATE_HZ, Workplace};
use crate::table_rows::csv;
use crate::tunes::{CODES, RECORDINGS, WINDOWS, sound_of};

/// Classes of a window of a recording.
pub(crate) type Truth = fn(u32, u32) -> Vec<usize>;

/// The columns of the tables that `detect` writes for Raven, which it is corrected in.
const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tCommon Name\t\
                      Species Code\tConfidence\tBegin Path\tFile Offset (s)";

/// A card with a recording at each of these places, and what is true of it.
pub(crate) struct Card {
    pub(crate) place: Workplace,
    /// Below the card, without the ending.
    names: Vec<String>,
    pub(crate) truth: Truth,
}

impl Card {
    pub(crate) fn new(names: impl Fn(u32) -> String, truth: Truth) -> Self {
        let place = Workplace::new();
        let names: Vec<String> = (0..RECORDINGS).map(names).collect();
        for (recording, name) in (0..).zip(&names) {
            place.wav(&format!("card/{name}.WAV"), RATE_HZ, 1, &sound_of(recording, &truth));
        }
        Card { place, names, truth }
    }

    /// Scans the card into a folder, whose manifest is then edited.
    pub(crate) fn scan(&self, tables: &str, settings: &[&str], (from, to): (&str, &str)) -> PathBuf {
        let mut command = command();
        command.arg("scan").arg(self.place.path("card")).arg("--out");
        command.arg(self.place.path(tables)).args(settings);
        run(&mut command).expect(0).prints("40 recordings");
        let manifest = format!("{tables}/manifest.toml");
        let text = self.place.read(&manifest);
        assert!(text.contains(from), "{text}");
        self.place.write(&manifest, &text.replacen(from, to, 1));
        self.place.path(&manifest)
    }

    /// By asset id: the number of each recording, and its split.
    pub(crate) fn recordings(&self, tables: &str) -> BTreeMap<i64, (u32, String)> {
        let table = self.place.read(&format!("{tables}/recordings.csv"));
        let row = |cells: Vec<String>| (cells[0].parse().unwrap(), (self.number(&cells[1]), cells[2].clone()));
        csv(&table).into_iter().map(row).collect()
    }

    /// The number of the recording at a path.
    pub(crate) fn number(&self, path: &str) -> u32 {
        let below = path.split_once("card/").unwrap().1.trim_end_matches(".WAV");
        self.names.iter().position(|name| name == below).unwrap() as u32
    }

    pub(crate) fn windows(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..RECORDINGS).flat_map(|recording| (0..WINDOWS).map(move |window| (recording, window)))
    }

    /// Writes a table as a person who hears everything leaves the one that `detect` wrote: without what is wrong, and
    /// with what was missed. Returns the number of rows taken out and put in.
    pub(crate) fn correct(&self, recording: u32, from: &str, to: &str) -> [usize; 2] {
        let text = self.place.read(from);
        assert_eq!(text.lines().next(), Some(HEADER));
        let truth: BTreeSet<(u32, usize)> = (0..WINDOWS)
            .flat_map(|window| {
                (self.truth)(recording, window)
                    .into_iter()
                    .map(move |class| (window, class))
            })
            .collect();
        let of_row = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            let class = CODES.iter().position(|code| *code == cells[8]).unwrap();
            ((cells[3].parse::<f64>().unwrap() / 3.0) as u32, class)
        };
        let found: BTreeSet<(u32, usize)> = text.lines().skip(1).map(of_row).collect();
        let mut lines = vec![HEADER.to_owned()];
        lines.extend(
            text.lines()
                .skip(1)
                .filter(|line| truth.contains(&of_row(line)))
                .map(str::to_owned),
        );
        for (window, class) in truth.difference(&found) {
            let (begin, code) = (f64::from(*window) * 3.0 + 0.6, CODES[*class]);
            let number = lines.len();
            lines.push(format!(
                "{number}\tSpectrogram 1\t1\t{begin}\t{}\t50\t11025\t\t{code}\t\t\t{begin}",
                begin + 1.5
            ));
        }
        self.place.write(to, &(lines.join("\n") + "\n"));
        [found.difference(&truth).count(), truth.difference(&found).count()]
    }

    /// Writes the table of a recording as annotators save it beside it, with a column of their own.
    pub(crate) fn draw(&self, recording: u32) {
        let mut table = String::from("Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tSpecies\n");
        for window in 0..WINDOWS {
            for class in (self.truth)(recording, window) {
                let (begin, number) = (f64::from(window) * 3.0 + 0.5, table.lines().count());
                let (end, code) = (begin + 2.0, CODES[class]);
                table += &format!("{number}\tSpectrogram 1\t1\t{begin}\t{end}\t{code}\n");
            }
        }
        let name = &self.names[recording as usize];
        self.place.write(&format!("card/{name}.Table.1.selections.txt"), &table);
    }

    /// Asserts that in every clip what is true is present, and that a clip with a song is complete.
    pub(crate) fn assert_true(&self, tables: &str, data: &Path) {
        let dataset = open(data);
        for (asset_id, (recording, _)) in self.recordings(tables) {
            for (clip, window) in clips_of(&dataset, asset_id).iter().zip(0..) {
                let truth = (self.truth)(recording, window);
                let expected: BTreeSet<&str> = truth.iter().map(|class| CODES[*class]).collect();
                let present = codes(&dataset, &clip.present);
                let present: BTreeSet<&str> = present.split_whitespace().collect();
                assert_eq!(present, expected, "{recording}, {window}");
                assert_eq!(clip.fully_annotated, !truth.is_empty(), "{recording}, {window}");
            }
        }
    }
}
