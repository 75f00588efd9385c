//! Provides the tables of a recording that other programs read: Raven's, BirdNET-Analyzer's and Audacity's.

use std::path::{Path, PathBuf};

use shardfmt::Taxon;

use super::folder::with_suffix;
use super::times::seconds;

/// The columns of a selection table as BirdNET-Analyzer 2.4.0 writes them; all of them are Raven's, too.
const HEADER: &str = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\t\
    Common Name\tSpecies Code\tConfidence\tBegin Path\tFile Offset (s)\n";

/// A form of table, a file a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectionForm {
    /// `NAME.Table.1.selections.txt`, as Raven calls its own.
    Raven,
    /// `NAME.BirdNET.selection.table.txt`, as BirdNET-Analyzer calls its own.
    BirdNet,
    /// `NAME.txt`: a label track, each label followed by its frequencies.
    Audacity,
}

/// What a table says of one detection.
pub(crate) struct Selection<'a> {
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
    /// `None` leaves the cells empty, to be filled in.
    pub(crate) taxon: Option<&'a Taxon>,
    /// `None` leaves the cell empty.
    pub(crate) probability: Option<f32>,
}

/// The recording of a table.
pub(crate) struct SelectionsOf<'a> {
    /// Where it is, for programs that open it.
    pub(crate) path: &'a str,
    /// The band of frequencies that was looked at, in Hz.
    pub(crate) band_hz: (f64, f64),
}

impl SelectionForm {
    /// The folder of the tables in that of the detections.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Raven => "raven",
            Self::BirdNet => "birdnet",
            Self::Audacity => "audacity",
        }
    }

    /// What the table of the recording called `name` is called.
    pub(crate) fn file_name(self, name: &Path) -> PathBuf {
        let suffix = match self {
            Self::Raven => ".Table.1.selections.txt",
            Self::BirdNet => ".BirdNET.selection.table.txt",
            Self::Audacity => ".txt",
        };
        with_suffix(name, suffix)
    }

    /// The table of `selections`, which are in order.
    pub(crate) fn text(self, of: &SelectionsOf<'_>, selections: &[Selection<'_>]) -> String {
        match self {
            Self::Raven | Self::BirdNet => selection_table(of, selections),
            Self::Audacity => label_track(of, selections),
        }
    }
}

fn selection_table(of: &SelectionsOf<'_>, selections: &[Selection<'_>]) -> String {
    let path = cell(of.path);
    let [low, high] = [of.band_hz.0, of.band_hz.1].map(decimal);
    let mut table = HEADER.to_owned();
    for (number, selection) in (1..).zip(selections) {
        let [begin, end] = [selection.start_s, selection.end_s].map(decimal);
        let confidence = selection
            .probability
            .map_or_else(String::new, |probability| format!("{probability:.4}"));
        let [name, code] =
            [common_name, species_code].map(|of| selection.taxon.map_or_else(String::new, |taxon| cell(of(taxon))));
        table += &format!(
            "{number}\tSpectrogram 1\t1\t{begin}\t{end}\t{low}\t{high}\t{name}\t{code}\t{confidence}\t{path}\t{begin}\n"
        );
    }
    table
}

fn label_track(of: &SelectionsOf<'_>, selections: &[Selection<'_>]) -> String {
    let [low, high] = [of.band_hz.0, of.band_hz.1].map(seconds);
    let mut track = String::new();
    for selection in selections {
        let [begin, end] = [selection.start_s, selection.end_s].map(seconds);
        let code = selection
            .taxon
            .map_or_else(String::new, |taxon| cell(species_code(taxon)));
        track += &format!("{begin}\t{end}\t{code}\n\\\t{low}\t{high}\n");
    }
    track
}

/// A number with a point, even a whole one: readers such as crowsetta take a column without any for one of integers, and
/// refuse it.
fn decimal(number: f64) -> String {
    let text = seconds(number);
    if text.contains('.') { text } else { text + ".0" }
}

/// The name for people, as far as there is one.
fn common_name(taxon: &Taxon) -> &str {
    let names = [&taxon.common_name, &taxon.scientific_name];
    names.into_iter().flatten().next().unwrap_or(&taxon.species_code)
}

fn species_code(taxon: &Taxon) -> &str {
    &taxon.species_code
}

/// The text without what would end a cell: these tables know no quotes.
fn cell(text: &str) -> String {
    text.replace(['\t', '\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taxon(common_name: Option<&str>) -> Taxon {
        Taxon {
            species_code: "woothr".into(),
            common_name: common_name.map(Into::into),
            scientific_name: Some("Hylocichla mustelina".into()),
        }
    }

    fn table(form: SelectionForm, taxon: &Taxon) -> String {
        let of = SelectionsOf {
            path: "/field/a\tb.wav",
            band_hz: (50.0, 11_025.0),
        };
        let selection = |start_s: f64, probability| Selection {
            start_s,
            end_s: start_s + 3.0,
            taxon: Some(taxon),
            probability,
        };
        form.text(&of, &[selection(0.0, Some(0.987_66)), selection(1.5, None)])
    }

    #[test]
    fn selection_tables_have_the_columns_of_birdnet_and_raven() {
        let text = table(SelectionForm::BirdNet, &taxon(Some("Wood\nThrush")));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "1\tSpectrogram 1\t1\t0.0\t3.0\t50.0\t11025.0\tWood Thrush\twoothr\t0.9877\t/field/a b.wav\t0.0"
        );
        assert_eq!(
            lines[2],
            "2\tSpectrogram 1\t1\t1.5\t4.5\t50.0\t11025.0\tWood Thrush\twoothr\t\t/field/a b.wav\t1.5"
        );
        assert!(lines.iter().all(|line| line.split('\t').count() == 12), "{text}");
        assert_eq!(table(SelectionForm::Raven, &taxon(Some("Wood\nThrush"))), text);
        assert!(table(SelectionForm::Raven, &taxon(None)).contains("\tHylocichla mustelina\twoothr\t"));
    }

    #[test]
    fn label_tracks_have_frequencies_behind_each_label() {
        let text = table(SelectionForm::Audacity, &taxon(None));
        assert_eq!(text, "0\t3\twoothr\n\\\t50\t11025\n1.5\t4.5\twoothr\n\\\t50\t11025\n");
    }

    #[test]
    fn names_keep_their_dots() {
        let names = [SelectionForm::Raven, SelectionForm::BirdNet, SelectionForm::Audacity]
            .map(|form| form.file_name(Path::new("s1/a.b")));
        let expected = [
            "s1/a.b.Table.1.selections.txt",
            "s1/a.b.BirdNET.selection.table.txt",
            "s1/a.b.txt",
        ];
        assert_eq!(names, expected.map(PathBuf::from));
    }
}
