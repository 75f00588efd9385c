//! Where the files of a Raven table start: what times fit, what they leave open, and what is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use shardfmt::Split;

use super::*;
use crate::manifest::Audio;
use RavenTimes::{File, Fitting, Running};

/// Recordings of these names and lengths (seconds), whose files are gone.
fn shelf(files: &[(&str, f64)]) -> (Vec<Recording>, HashMap<i64, f64>) {
    let ids = || 0i64..;
    let recording = |(asset_id, (name, _)): (i64, &(&str, f64))| Recording {
        asset_id,
        path: (*name).into(),
        file: Path::new("/nowhere").join(name),
        split: Split::Train,
        target: None,
        latitude: None,
        longitude: None,
        recorded_at: None,
        checklist_id: None,
        license: None,
        source_url: None,
        heard: None,
        annotation: None,
        boxes: vec![],
        spans: vec![],
        geo: None,
        checklist: None,
        scores: Vec::new(),
        line: 2,
    };
    let recordings = ids().zip(files).map(recording).collect();
    // No length is that of a file which cannot be read.
    let lengths = ids().zip(files).map(|(id, (_, length_s))| (id, *length_s));
    (recordings, lengths.filter(|(_, length_s)| *length_s > 0.0).collect())
}

/// Where files start, of which rows name these recordings with these first and last times.
fn found(
    files: &[(&str, f64)],
    named: &[(usize, f64, f64)],
    wanted: &[usize],
    times: RavenTimes,
) -> Result<Vec<f64>, &'static str> {
    let (recordings, lengths_s) = shelf(files);
    let named: Vec<NamedFile> = named
        .iter()
        .map(|&(recording, first_s, last_s)| NamedFile {
            recording: Some(recording).filter(|&recording| recording < files.len()),
            first_s,
            last_s,
        })
        .collect();
    let mut lengths = Lengths::new(Audio::MayBeGone(&lengths_s));
    origins(&named, wanted, times, &recordings, &mut lengths)
}

const TEN_MINUTES: [(&str, f64); 4] = [("a.wav", 600.0), ("b.wav", 600.0), ("c.wav", 600.0), ("d.wav", 600.0)];

#[test]
fn times_beyond_the_first_file_run_on() {
    let rows = [(0, 5.0, 590.0), (1, 600.0, 1190.0), (2, 1300.0, 1300.0)];
    assert_eq!(
        found(&TEN_MINUTES, &rows, &[0, 1, 2], Fitting).unwrap(),
        [0.0, 600.0, 1200.0]
    );
    // In whatever order the rows stand.
    let rows = [(2, 1300.0, 1300.0), (0, 5.0, 590.0), (1, 600.0, 1190.0)];
    assert_eq!(
        found(&TEN_MINUTES, &rows, &[0, 1, 2], Fitting).unwrap(),
        [1200.0, 0.0, 600.0]
    );
}

#[test]
fn times_that_reach_into_each_other_are_of_their_own_files() {
    let rows = [(0, 5.0, 590.0), (1, 7.0, 400.0)];
    assert_eq!(found(&TEN_MINUTES, &rows, &[0, 1], Fitting).unwrap(), [0.0, 0.0]);
    // Later, but within the length of the file before.
    let rows = [(0, 5.0, 5.0), (1, 7.0, 400.0)];
    assert_eq!(found(&TEN_MINUTES, &rows, &[0, 1], Fitting).unwrap(), [0.0, 0.0]);
}

#[test]
fn times_that_fit_both_are_refused_until_the_manifest_decides() {
    let files = [("a.wav", 6.5), ("b.wav", 20.0)];
    let rows = [(0, 1.0, 1.0), (1, 7.0, 7.0)];
    assert_eq!(found(&files, &rows, &[0, 1], Fitting), Err(AMBIGUOUS));
    assert_eq!(found(&files, &rows, &[0, 1], Running).unwrap(), [0.0, 6.5]);
    assert_eq!(found(&files, &rows, &[0, 1], File).unwrap(), [0.0, 0.0]);
    // The first file starts at 0 in any case.
    assert_eq!(found(&files, &rows, &[0], Fitting).unwrap()[0], 0.0);
}

#[test]
fn files_without_a_row_lie_between_by_name() {
    let rows = [(0, 5.0, 590.0), (2, 1300.0, 1700.0)];
    assert_eq!(found(&TEN_MINUTES, &rows, &[0, 1], Fitting).unwrap(), [0.0, 1200.0]);
    let rows = [(1, 700.0, 700.0), (3, 1900.0, 1900.0)];
    assert_eq!(found(&TEN_MINUTES, &rows, &[0, 1], Fitting).unwrap(), [600.0, 1800.0]);
    assert_eq!(found(&TEN_MINUTES, &rows[..1], &[0], Running).unwrap(), [600.0]);
    // A short one between two leaves it open whether it was there.
    let files = [("a.wav", 600.0), ("b.wav", 10.0), ("c.wav", 600.0)];
    let rows = [(0, 5.0, 590.0), (2, 700.0, 900.0)];
    assert_eq!(found(&files, &rows, &[0, 1], Fitting), Err(AMBIGUOUS));
    // Unless it cannot be read, so that Raven could not either.
    let files = [("a.wav", 600.0), ("b.wav", 0.0), ("c.wav", 600.0)];
    assert_eq!(found(&files, &rows, &[0, 1], Fitting).unwrap(), [0.0, 600.0]);
}

#[test]
fn times_outside_their_files_are_refused() {
    let rows = [(0, 5.0, 601.0), (1, 800.0, 900.0)];
    assert_eq!(found(&TEN_MINUTES, &rows, &[0, 1], Fitting), Err(UNFIT));
    assert_eq!(
        found(&TEN_MINUTES, &[(0, 5.0, 5.0), (1, 1.0, 1.0)], &[0, 1], Running),
        Err(UNFIT)
    );
    assert_eq!(found(&TEN_MINUTES, &rows, &[0, 1], File).unwrap(), [0.0, 0.0]);
}

#[test]
fn a_length_that_nothing_tells_is_refused_where_it_matters() {
    let files = [("a.wav", 0.0), ("b.wav", 600.0)];
    let rows = [(0, 1.0, 1.0), (1, 700.0, 700.0)];
    assert_eq!(found(&files, &rows, &[0, 1], Fitting), Err(UNKNOWN_LENGTH));
    // Times that reach into those of a file without a length do not run on.
    let rows = [(0, 1.0, 300.0), (1, 200.0, 400.0)];
    assert_eq!(found(&files, &rows, &[0, 1], Fitting).unwrap(), [0.0, 0.0]);
    // The second file is not in the recordings table.
    let rows = [(1, 1.0, 1.0), (7, 700.0, 700.0)];
    assert_eq!(found(&files, &rows, &[0], Fitting).unwrap()[0], 0.0);
}

#[test]
fn a_table_of_one_file_is_of_that_file() {
    assert_eq!(found(&TEN_MINUTES, &[(1, 5.0, 900.0)], &[0], Fitting).unwrap(), [0.0]);
}
