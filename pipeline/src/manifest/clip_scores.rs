//! Provides the reader of a model's scores of clips, from which weak labels are made.

use std::path::Path;

use super::boxes::BoxReader;
use super::model::{BoxCode, ClipScore, NamedClip, Recording, nanoseconds};
use super::notes::Notes;
use super::recordings::positions;
use crate::tables::{Columns, Problems, Row, Table};
use crate::tally::Reason;

const COLUMNS: Columns<'_> = Columns {
    required: &["asset_id", "species_code", "score"],
    optional: &["clip_index", "start_s"],
};

/// Reads `clip_scores`: asset_id, species_code, score, and clip_index or start_s. A model may have scored other
/// recordings and other species, which are counted; of the rest, what reaches the threshold of the rules is kept.
pub(super) fn read(
    file: &Path,
    codes: &BoxReader<'_>,
    recordings: &mut [Recording],
    notes: &mut Notes,
    problems: &mut Problems,
) {
    let Some(table) = Table::read(file, COLUMNS, problems) else {
        return;
    };
    let least = codes.rules.weak.threshold().unwrap_or(f64::INFINITY);
    let positions = positions(recordings);
    for row in table.rows() {
        let (asset_id, clip) = (row.require_asset_id(problems), named_clip(&row, problems));
        let label = row.require("species_code", problems);
        row.require("score", problems);
        let score = row.number("score", problems);
        let (Some(asset_id), Some(clip), Some(label), Some(score)) = (asset_id, clip, label, score) else {
            continue;
        };
        let Some(recording) = positions.get(&asset_id).and_then(|&at| recordings.get_mut(at)) else {
            notes.tallies.add(Reason::ScoreOfOtherAsset, 1);
            continue;
        };
        let Some(BoxCode::Class(class)) = codes.code(label) else {
            notes.tallies.add(Reason::ScoreOfOtherCode, 1);
            continue;
        };
        if !recording.is_heard(class) {
            notes.tallies.add(Reason::ScoreNotHeard, 1);
        } else if score >= least {
            recording.scores.push(ClipScore { clip, class, score });
        }
    }
}

/// The clip that a row names, by its number or else by its start.
fn named_clip(row: &Row<'_>, problems: &mut Problems) -> Option<NamedClip> {
    let index = row.whole_number("clip_index", problems);
    let start_s = row.number("start_s", problems);
    let clip = index
        .map(NamedClip::Index)
        .or_else(|| start_s.map(|start_s| NamedClip::Start(nanoseconds(start_s))));
    if clip.is_none() && row.cell("clip_index").is_none() && row.cell("start_s").is_none() {
        row.problem(
            problems,
            "clip_index",
            "a score needs its clip: by clip_index, or by start_s",
        );
    }
    clip
}
