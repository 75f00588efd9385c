//! Makes weak labels: a species that was heard in a training recording is taken for present in clips that a rule
//! names.
//!
//! Each rule's choice is fixed for its version; a clip of digital silence is never chosen, and a class gets a weak label
//! only where it is unknown.

use shardfmt::{FromRecording, GeoPrior, HeardSource, Label, LabelRow, Split, WeakRule};

use super::COVER_SLACK_NS;
use crate::manifest::{ClipScore, NamedClip, Recording, WeakLabels, nanoseconds};
use crate::tally::{Reason, Tallies};

/// Most clips that the rule of peaks chooses.
const MOST_PEAKS: usize = 5;

/// Adds the weak labels of a recording to the rows of its clips, in order: `levels_db` are their mean levels, for the
/// rule of peaks, and `geo` is the recording's geographic prior. Returns how many were made, and which scores name no
/// clip.
pub fn add_weak(
    rule: WeakLabels,
    recording: &Recording,
    levels_db: &[Option<f32>],
    geo: &GeoPrior,
    rows: &mut [LabelRow],
) -> Tallies {
    let mut tallies = Tallies::default();
    let Ok(named) = WeakRule::new(rule.as_str(), WeakLabels::VERSION) else {
        return tallies;
    };
    if recording.split != Split::Train || rule == WeakLabels::None {
        return tallies;
    }
    let sounding = rows
        .iter()
        .zip(0..)
        .filter(|(row, _)| !row.silent)
        .map(|(_, clip)| clip);
    let chosen: Vec<usize> = match rule {
        WeakLabels::None => Vec::new(),
        WeakLabels::First => sounding.take(1).collect(),
        WeakLabels::Peaks => peaks(sounding.filter_map(|clip| Some((clip, levels_db.get(clip).copied()??)))),
        WeakLabels::All | WeakLabels::Scores(_) => sounding.collect(),
    };
    let source = HeardSource::Weak(named.clone());
    let mut made = 0;
    for (row, clip) in rows
        .iter_mut()
        .zip(0..)
        .filter(|(_, clip)| chosen.binary_search(clip).is_ok())
    {
        for class in classes(rule, recording) {
            let score = match rule {
                WeakLabels::Scores(_) => Some(best_score(&recording.scores, row, class)),
                WeakLabels::Peaks => Some(levels_db.get(clip).copied().flatten()),
                WeakLabels::None | WeakLabels::First | WeakLabels::All => None,
            };
            if score == Some(None) || row.label(class, geo) != Label::Unknown {
                continue;
            }
            row.from_recording.push(FromRecording {
                class,
                label_source: source.clone(),
                score: score.flatten(),
            });
            made += 1;
        }
        row.from_recording.sort_by_key(|item| item.class);
    }
    tallies.add_detail(Reason::WeakLabel, &named.to_string(), made);
    let is_lost = |score: &&ClipScore| !rows.iter().any(|row| is_of(score, row));
    let lost = recording.scores.iter().filter(is_lost).count();
    tallies.add(Reason::ScoreWithoutClip, lost as u64);
    tallies
}

/// The classes that a rule is about: those that say where they are hardest to miss, the recording's target, or, in one
/// without a target, whatever was heard; or all that were heard.
fn classes(rule: WeakLabels, recording: &Recording) -> impl Iterator<Item = u32> {
    let target = match rule {
        WeakLabels::First | WeakLabels::Peaks => recording.target,
        WeakLabels::None | WeakLabels::All | WeakLabels::Scores(_) => None,
    };
    let heard = recording.heard.iter().flatten().copied();
    heard.filter(move |class| target.is_none_or(|target| target == *class))
}

/// The five loudest of the clips that are no quieter than the clip before and the clip after, ascending; of equal ones
/// the earlier. `.0` is a clip's place in its recording, `.1` its level in dB.
fn peaks(levels: impl Iterator<Item = (usize, f32)>) -> Vec<usize> {
    let levels: Vec<(usize, f32)> = levels.collect();
    let level = |at: Option<usize>| {
        at.and_then(|at| levels.get(at))
            .map_or(f32::NEG_INFINITY, |(_, level)| *level)
    };
    let is_peak = |at: usize| {
        let here = level(Some(at));
        here > level(at.checked_sub(1)) && here >= level(at.checked_add(1))
    };
    let mut found: Vec<(usize, f32)> = levels
        .iter()
        .zip(0..)
        .filter(|(_, at)| is_peak(*at))
        .map(|(found, _)| *found)
        .collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let mut chosen: Vec<usize> = found.into_iter().take(MOST_PEAKS).map(|(clip, _)| clip).collect();
    chosen.sort_unstable();
    chosen
}

/// The highest score of a class in a clip.
fn best_score(scores: &[ClipScore], row: &LabelRow, class: u32) -> Option<f32> {
    let of_class = scores.iter().filter(|score| score.class == class && is_of(score, row));
    of_class.map(|score| score.score as f32).max_by(f32::total_cmp)
}

/// Whether a score is of a clip.
fn is_of(score: &ClipScore, row: &LabelRow) -> bool {
    match score.clip {
        NamedClip::Index(index) => index == row.clip_index,
        NamedClip::Start(start_ns) => (start_ns - nanoseconds(row.start_s)).abs() <= COVER_SLACK_NS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_are_local_and_the_loudest_five_in_order() {
        let of = |levels: &[f32]| {
            peaks(
                levels
                    .iter()
                    .copied()
                    .enumerate()
                    .map(|(clip, level)| (clip + 10, level)),
            )
        };
        assert_eq!(of(&[]), [0; 0]);
        assert_eq!(of(&[-50.0]), [10]);
        assert_eq!(of(&[-50.0, -40.0, -45.0]), [11]);
        // Of a plateau the first; the last one may rise to the end.
        assert_eq!(of(&[-40.0, -40.0, -60.0, -50.0]), [10, 13]);
        // Six peaks: 10, 12, 14, 16, 18 and 20; the quietest of them goes.
        let levels = [
            -30.0, -90.0, -31.0, -90.0, -70.0, -90.0, -32.0, -90.0, -33.0, -90.0, -34.0,
        ];
        assert_eq!(of(&levels), [10, 12, 16, 18, 20]);
        // Of equal ones the earlier.
        assert_eq!(
            of(&[-5.0, -9.0, -5.0, -9.0, -5.0, -9.0, -5.0, -9.0, -5.0, -9.0, -5.0]),
            [10, 12, 14, 16, 18]
        );
    }
}
