//! Provides `origins`: where a Raven table over several files has the start of each, since Raven lets time run on from
//! file to file.

use std::path::Path;

use super::lengths::Lengths;
use super::model::Recording;
use super::settings::RavenTimes;

/// Times written to the millisecond are off by no more than this (seconds).
const SLACK_S: f64 = 0.0005;

const AMBIGUOUS: &str = "the table names several files and has no File Offset (s), and its times could count from \
     the start of more than one of them; save it with File Offset (s), or say what they count from: times = \
     \"running\" or \"file\" in [tables.boxes]";
const UNFIT: &str = "the table has no File Offset (s), and its times do not fall into the files its rows name; save it \
     with File Offset (s), or set times = \"file\" in [tables.boxes] if they count from the start of each row's own \
     file";
const UNKNOWN_LENGTH: &str = "the table names several files and has no File Offset (s), and files before this one are \
     not in the recordings table or have no known length; save it with File Offset (s), or set times = \"file\" in \
     [tables.boxes] if times count from the start of each row's own file";

/// A file that rows of a table name.
#[derive(Clone, Copy, Debug)]
pub(super) struct NamedFile {
    /// Which recording it is.
    pub(super) recording: Option<usize>,
    /// The earliest begin of its rows, in seconds of the table.
    pub(super) first_s: f64,
    /// The latest.
    pub(super) last_s: f64,
}

/// Where each file starts, in seconds of the table; `None` where nobody asks and nothing tells.
type Origins = Vec<Option<f64>>;

/// Where each of `files` starts in the times of their table, in seconds; only for `wanted` (positions) does it matter.
///
/// The times of a file count from its own start, or run on: over the files that rows name, in the order of their times;
/// or over all recordings of their folder, in the order of their names, since files without a selection have no row.
/// What the times fit is taken if it is one thing.
///
/// # Errors
/// What to do about times that fit several of these or none, or a length that is not known.
pub(super) fn origins(
    files: &[NamedFile],
    wanted: &[usize],
    times: RavenTimes,
    recordings: &[Recording],
    lengths: &mut Lengths<'_>,
) -> Result<Vec<f64>, &'static str> {
    let own_starts = vec![0.0; files.len()];
    if times == RavenTimes::File || (times == RavenTimes::Fitting && files.len() < 2) {
        return Ok(own_starts);
    }
    let timeline = Timeline::of(files, recordings, lengths);
    let mut possible: Vec<Origins> = Vec::new();
    let own_starts: Origins = own_starts.into_iter().map(Some).collect();
    if times == RavenTimes::Fitting {
        possible.push(own_starts);
    }
    if timeline.may_run_on() {
        let in_order = timeline.in_order();
        if wanted
            .iter()
            .any(|&file| in_order.get(file).is_none_or(Option::is_none))
        {
            return Err(UNKNOWN_LENGTH);
        }
        possible.push(in_order);
        possible.extend(timeline.in_folder(recordings, lengths));
    }
    possible.retain(|origins| timeline.fits(origins));
    let wanted_of = |origins: &Origins| -> Vec<f64> {
        let wanted = wanted.iter().filter_map(|&file| origins.get(file));
        wanted.map(|origin| origin.unwrap_or_default()).collect()
    };
    let is_same = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= SLACK_S);
    let (first, others) = possible.split_first().ok_or(UNFIT)?;
    if others
        .iter()
        .any(|other| !is_same(&wanted_of(first), &wanted_of(other)))
    {
        return Err(AMBIGUOUS);
    }
    Ok(first.iter().map(|origin| origin.unwrap_or_default()).collect())
}

/// Files in the order of their times.
struct Timeline<'a> {
    files: &'a [NamedFile],
    lengths_s: Vec<Option<f64>>,
    /// Positions in `files`.
    order: Vec<usize>,
}

impl<'a> Timeline<'a> {
    fn of(files: &'a [NamedFile], recordings: &[Recording], lengths: &mut Lengths<'_>) -> Self {
        let mut length_s = |file: &NamedFile| lengths.of(recordings.get(file.recording?)?);
        let lengths_s = files.iter().map(&mut length_s).collect();
        let mut order: Vec<usize> = (0..files.len()).collect();
        let first_s = |file: &usize| files.get(*file).map_or(0.0, |file| file.first_s);
        order.sort_by(|a, b| first_s(a).total_cmp(&first_s(b)));
        Timeline {
            files,
            lengths_s,
            order,
        }
    }

    /// The files in order, each with its position and its length.
    fn ordered(&self) -> impl Iterator<Item = (usize, NamedFile, Option<f64>)> {
        let file = |&at: &usize| Some((at, *self.files.get(at)?, *self.lengths_s.get(at)?));
        self.order.iter().filter_map(file)
    }

    /// Whether times could run on at all, whatever files without a row lie between: no file's times reach into
    /// another's, nor into the length of those before.
    fn may_run_on(&self) -> bool {
        let (mut before_s, mut last_s) = (0.0, f64::NEG_INFINITY);
        self.ordered().all(|(_, file, length_s)| {
            let follows = file.first_s + SLACK_S >= before_s && file.first_s + SLACK_S >= last_s;
            (before_s, last_s) = (before_s + length_s.unwrap_or(0.0), file.last_s);
            follows
        })
    }

    /// One file after another, none between.
    fn in_order(&self) -> Origins {
        let mut origins = vec![None; self.files.len()];
        let mut end_s = Some(0.0);
        for (at, _, length_s) in self.ordered() {
            if let Some(origin) = origins.get_mut(at) {
                *origin = end_s;
            }
            end_s = end_s.zip(length_s).map(|(end_s, length_s)| end_s + length_s);
        }
        origins
    }

    /// The recordings of the folder one after another by name, from any of them on. One whose length cannot be read
    /// could not be opened either.
    fn in_folder(&self, recordings: &[Recording], lengths: &mut Lengths<'_>) -> Vec<Origins> {
        let named: Option<Vec<_>> = self
            .ordered()
            .map(|(at, file, _)| Some((at, file.recording?)))
            .collect();
        let (Some(named), Some((_, first, _))) = (named, self.ordered().next()) else {
            return Vec::new();
        };
        let folder = |number: usize| recordings.get(number).and_then(|recording| recording.file.parent());
        let first_folder = first.recording.and_then(folder);
        let mut shelf: Vec<usize> = (0..recordings.len()).filter(|&r| folder(r) == first_folder).collect();
        shelf.sort_by_key(|&number| recordings.get(number).map(|recording| sort_name(&recording.file)));
        let place = |recording: usize| shelf.iter().position(|&other| other == recording);
        let places: Option<Vec<_>> = named
            .iter()
            .map(|&(at, recording)| Some((at, place(recording)?)))
            .collect();
        let Some(places) = places.filter(|places| places.is_sorted_by(|a, b| a.1 < b.1)) else {
            return Vec::new();
        };
        let mut length_s = |place: usize| {
            let recording = shelf.get(place).and_then(|&number| recordings.get(number));
            recording.and_then(|recording| lengths.of(recording)).unwrap_or(0.0)
        };
        // From the first file that rows name, then from ever earlier ones.
        let mut at_s = 0.0;
        let (mut starts, mut next) = (vec![None; self.files.len()], places.first().map_or(0, |first| first.1));
        for &(at, place) in &places {
            at_s += (next..place).map(&mut length_s).sum::<f64>();
            next = place;
            if let Some(start) = starts.get_mut(at) {
                *start = Some(at_s);
            }
        }
        let mut found = Vec::new();
        let (mut before_s, mut earliest) = (0.0, places.first().map_or(0, |first| first.1));
        while before_s <= first.first_s + SLACK_S {
            found.push(starts.iter().map(|start| start.map(|start| start + before_s)).collect());
            let Some(earlier) = earliest.checked_sub(1) else { break };
            earliest = earlier;
            before_s += length_s(earlier);
        }
        found
    }

    /// Whether the rows of each file lie within it.
    fn fits(&self, origins: &Origins) -> bool {
        self.ordered().all(|(at, file, length_s)| {
            let Some(origin_s) = origins.get(at).copied().flatten() else {
                return true;
            };
            let is_before_end = length_s.is_none_or(|length_s| file.last_s < origin_s + length_s + SLACK_S);
            file.first_s + SLACK_S >= origin_s && is_before_end
        })
    }
}

/// Raven opens the files of a folder in the order of their names.
fn sort_name(file: &Path) -> (String, String) {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    (name.to_lowercase(), name.into_owned())
}

#[cfg(test)]
mod tests;
