//! Makes the tables of a listing, as CSV.

use std::path::Path;

use csv::Writer;
use shardfmt::{Operation, Split};

use super::Listing;
use super::write::{BOXES, SPANS};
use crate::error::{self, Result};
use crate::scan::{RECORDINGS, TAXA, relative};

const NS_PER_S: f64 = 1e9;

/// The recordings; columns behind `heard` that the manifest does not know are for people, and for `l48 priors`.
pub(super) fn recordings(listing: &Listing, folder: &Path, ids: &[i64], splits: &[Split]) -> Result<Vec<u8>> {
    let header = [
        "asset_id",
        "path",
        "split",
        "target_species",
        "heard",
        "recorded_at",
        "latitude",
        "longitude",
        "license",
        "source_url",
        "local_time",
        "site",
        "recordist",
        "source_id",
        "quality",
        "duration_s",
    ];
    let rows = listing
        .recordings
        .iter()
        .zip(ids.iter().zip(splits))
        .map(|(recording, (id, split))| {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let number = |number: Option<f64>| number.map_or_else(String::new, |number| number.to_string());
            let local_time = recording.local.map_or_else(String::new, |(date, time)| match time {
                Some(time) => format!("{date}T{time}"),
                None => date.to_string(),
            });
            [
                id.to_string(),
                relative(folder, &recording.file),
                split.as_str().to_owned(),
                text(&recording.target),
                recording.heard.join(";"),
                text(&recording.recorded_at),
                number(recording.place.map(|place| place.0)),
                number(recording.place.map(|place| place.1)),
                text(&recording.license),
                text(&recording.source_url),
                local_time,
                text(&recording.site),
                text(&recording.recordist),
                text(&recording.source_id),
                text(&recording.quality),
                number(recording.duration_s),
            ]
        });
    table(RECORDINGS, header, rows)
}

/// The classes.
pub(super) fn taxa(listing: &Listing) -> Result<Vec<u8>> {
    let rows = listing.taxa.iter().map(|taxon| {
        let name = |name: &Option<String>| name.clone().unwrap_or_default();
        [
            taxon.species_code.clone(),
            name(&taxon.common_name),
            name(&taxon.scientific_name),
        ]
    });
    table(TAXA, ["species_code", "common_name", "scientific_name"], rows)
}

/// A box for each species of each window, as long as the window.
pub(super) fn boxes(listing: &Listing, ids: &[i64]) -> Result<Vec<u8>> {
    let rows = listing.windows.iter().flat_map(|window| {
        let [id, start_s, end_s] = span(window.recording, window.span_ns, ids);
        let row = move |code: &String| [id.clone(), start_s.clone(), end_s.clone(), code.clone()];
        window.heard.iter().map(row)
    });
    table(BOXES, ["asset_id", "start_s", "end_s", "species_code"], rows)
}

/// The windows whose lists are complete.
pub(super) fn spans(listing: &Listing, ids: &[i64]) -> Result<Vec<u8>> {
    let complete = listing.windows.iter().filter(|window| window.is_complete);
    let rows = complete.map(|window| {
        let [id, start_s, end_s] = span(window.recording, window.span_ns, ids);
        [id, start_s, end_s, "all".to_owned()]
    });
    table(SPANS, ["asset_id", "start_s", "end_s", "scope"], rows)
}

/// Asset id, start and end in seconds.
fn span(recording: usize, (start_ns, end_ns): (i64, i64), ids: &[i64]) -> [String; 3] {
    let seconds = |ns: i64| (ns as f64 / NS_PER_S).to_string();
    let id = ids.get(recording).copied().unwrap_or_default();
    [id.to_string(), seconds(start_ns), seconds(end_ns)]
}

fn table<const N: usize>(name: &str, header: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Result<Vec<u8>> {
    let mut writer = Writer::from_writer(Vec::new());
    let mut rows = rows;
    let written = writer
        .write_record(header)
        .and_then(|()| rows.try_for_each(|row| writer.write_record(row)));
    let bytes = written
        .map_err(Into::into)
        .and_then(|()| writer.into_inner().map_err(csv::IntoInnerError::into_error));
    bytes.map_err(error::io(Operation::Write, name))
}
