//! Provides `l48 stats`: clips, recordings and labels by split and by class.

use anyhow::Result;

use super::Exit;
use super::output::say;
use crate::cli::StatsArgs;
use pipeline::stats::{ClassStats, SplitStats, Stats};

/// Characters of a name in the table of classes; longer names are cut.
const NAME_CELLS: usize = 30;

pub(super) fn run(args: StatsArgs) -> Result<Exit> {
    let stats = Stats::of(&args.cache.open(&args.dir)?)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&stats)?);
    } else {
        say!("{}\n", aligned(&by_split(&stats), 1));
        say!("{}", aligned(&by_class(&stats.classes), 3));
        let left_out = stats.tallies.sentences();
        if !left_out.is_empty() {
            say!("\nLeft out, changed or odd when the dataset was made:");
        }
        left_out.iter().for_each(|sentence| say!("  {sentence}"));
    }
    Ok(Exit::Clean)
}

/// A row for each count, a column for each split, the training clips with a positive, and the total.
fn by_split(stats: &Stats) -> Vec<Vec<String>> {
    let mut columns: Vec<&SplitStats> = stats.splits.iter().collect();
    columns.insert(1.min(columns.len()), &stats.train_with_positive);
    let row = |name: &str, cell: &dyn Fn(&SplitStats) -> String| {
        let cells = columns.iter().map(|column| cell(column));
        std::iter::once(name.to_owned()).chain(cells).collect()
    };
    let mut rows = vec![
        row("", &|s| s.split.clone()),
        row("recordings", &|s| s.assets.to_string()),
        row("clips", &|s| s.clips.to_string()),
        row("hours of audio", &|s| format!("{:.2}", s.hours)),
        row("fully labelled clips", &|s| share(s.fully_annotated, s.clips)),
        row("clips with any box of a class", &|s| share(s.with_box, s.clips)),
        row("clips with any label", &|s| share(s.with_label, s.clips)),
        row("clips with a positive", &|s| share(s.with_positive, s.clips)),
        row("silent clips", &|s| share(s.silent, s.clips)),
        row("positive labels", &|s| s.positives.total.to_string()),
        row("  min per clip", &|s| s.positives.min.to_string()),
        row("  max per clip", &|s| s.positives.max.to_string()),
        row("  mean per clip", &|s| format!("{:.2}", s.positives.mean)),
        row("  median per clip", &|s| s.positives.median.to_string()),
        row("negative labels", &|s| s.negatives.total.to_string()),
        row("  min per clip", &|s| s.negatives.min.to_string()),
        row("  max per clip", &|s| s.negatives.max.to_string()),
        row("  mean per clip", &|s| format!("{:.2}", s.negatives.mean)),
        row("  median per clip", &|s| s.negatives.median.to_string()),
    ];
    if stats.splits.iter().any(|split| split.with_heard > 0) {
        rows.push(row("recordings with heard species", &|s| share(s.with_heard, s.assets)));
        rows.push(row("clips with a weak label", &|s| share(s.with_weak, s.clips)));
    }
    rows
}

/// A row for each class and split in which the class has any label. Where recordings say what was heard in them, with
/// how many it was heard in, and how many weak labels came of it.
fn by_class(classes: &[ClassStats]) -> Vec<Vec<String>> {
    let head = [
        "code",
        "name",
        "split",
        "recordings",
        "clips",
        "evaluable",
        "absent",
        "unknown",
    ];
    let has_heard = classes.iter().any(|class| class.heard > 0);
    let head = head
        .into_iter()
        .chain(["heard", "weak"].into_iter().filter(|_| has_heard));
    let row = |class: &ClassStats| {
        let name = class.common_name.as_deref().unwrap_or_default();
        let words = [
            class.species_code.clone(),
            name.chars().take(NAME_CELLS).collect(),
            class.split.clone(),
        ];
        let counts = [
            class.assets,
            class.present,
            class.evaluable,
            class.absent,
            class.unknown,
        ];
        let of_recordings = [class.heard, class.weak].into_iter().filter(|_| has_heard);
        let counts = counts.into_iter().chain(of_recordings);
        words.into_iter().chain(counts.map(|count| count.to_string())).collect()
    };
    let known = classes
        .iter()
        .filter(|class| class.present + class.absent + class.heard > 0);
    std::iter::once(head.map(str::to_owned).collect())
        .chain(known.map(row))
        .collect()
}

/// The rows as lines, each column as wide as its widest cell: the first `words` columns flush left, the others right.
fn aligned(rows: &[Vec<String>], words: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cells = |column: usize| rows.iter().filter_map(move |row| row.get(column));
    let widths: Vec<usize> = (0..columns)
        .map(|column| cells(column).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let line = |row: &Vec<String>| {
        let cell = |(column, (cell, &width)): (usize, (&String, &usize))| match column < words {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        };
        let cells: Vec<String> = row.iter().zip(&widths).enumerate().map(cell).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn share(part: u64, whole: u64) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    format!("{part} ({percent:.2}%)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["", "a", "long head"], ["naïve", "1", "22"], ["b", "333", ""]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(
            aligned(&rows, 1),
            "         a  long head\nnaïve    1         22\nb      333"
        );
    }

    #[test]
    fn shares_have_two_decimals_and_nothing_divides_by_nothing() {
        assert_eq!((share(1, 3), share(0, 0)), ("1 (33.33%)".into(), "0 (0.00%)".into()));
    }
}
