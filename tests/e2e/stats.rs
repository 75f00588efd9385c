//! Tests `l48 stats`: the table for people says what the JSON says, in columns that stand under each other.

use std::collections::BTreeSet;

use shardfmt::{BoxStatus, LabelRow, Split};

use crate::dataset_rows::{labels, open};
use crate::program::l48;
use crate::recordings::Workplace;

#[test]
fn both_tables_are_aligned_and_say_what_the_labels_say() {
    let place = Workplace::with_every_table(8);
    let out = place.path("out");
    l48!("build", place.manifest(), "--out", &out).expect(0);
    let json = l48!("stats", &out, "--json").expect(0).json();
    let rows = labels(&open(&out));
    let train = |row: &&LabelRow| row.split == Split::Train;
    let chosen: Vec<&LabelRow> = rows
        .iter()
        .filter(train)
        .filter(|row| !row.present.is_empty())
        .collect();
    assert!(!chosen.is_empty() && chosen.len() < rows.iter().filter(train).count());
    let with_positive = &json["train_with_positive"];
    assert_eq!(with_positive["clips"], chosen.len());
    let negatives: usize = chosen.iter().map(|row| row.absent.len()).sum();
    assert_eq!(with_positive["negatives"]["total"], negatives);
    assert_eq!(json["splits"][0]["with_positive"], chosen.len());

    let text = l48!("stats", &out).expect(0).stdout;
    let (splits, rest) = text.split_once("\n\n").unwrap();
    let (classes, left_out) = rest.split_once("\n\n").unwrap();
    assert!(
        left_out.contains("1 box starts after its recording's end"),
        "{left_out}"
    );
    for table in [splits, classes.trim_end()] {
        let widths: Vec<usize> = table.lines().map(|line| line.chars().count()).collect();
        assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "{table}");
    }
    let row = |name: &str| -> Vec<&str> {
        let line = splits.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("{name:?} in {splits}"))
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect()
    };
    assert_eq!(row("  "), ["train", "train with a positive", "val", "test", "total"]);
    let of = |split: Split| rows.iter().filter(|row| row.split == split).collect::<Vec<_>>();
    let columns = [
        of(Split::Train),
        chosen,
        of(Split::Val),
        of(Split::Test),
        rows.iter().collect(),
    ];
    for (name, cell) in cells() {
        assert_eq!(row(name), columns.each_ref().map(|rows| cell(rows)), "{name}");
    }
    // The head, these eight, and twice five of labels.
    assert_eq!(splits.lines().count(), 1 + 8 + 2 * 5, "{splits}");
    for (lists, counted) in [
        ("positive labels", (|row| row.present.len()) as fn(&LabelRow) -> usize),
        ("negative labels", |row| row.absent.len()),
    ] {
        let printed = splits.lines().skip_while(|line| !line.starts_with(lists)).take(5);
        // Each cell is a word; what the row is called are the words before them.
        let words: Vec<Vec<&str>> = printed.map(|line| line.split_whitespace().collect()).collect();
        for (column, rows) in columns.iter().enumerate() {
            let found: Vec<&str> = words.iter().map(|words| words[words.len() - 5 + column]).collect();
            assert_eq!(
                found,
                spread(rows.iter().map(|row| counted(row)).collect()),
                "{lists}, column {column}"
            );
        }
    }
    // A line for each class and split that says anything of it, with recordings, clips and evaluable clips first.
    let known = json["classes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|class| class["present"].as_u64() > Some(0) || class["absent"].as_u64() > Some(0));
    let expected: Vec<String> = known
        .map(|class| {
            ["assets", "present", "evaluable", "absent", "unknown"]
                .map(|key| class[key].to_string())
                .join(" ")
        })
        .collect();
    let found: Vec<String> = classes
        .lines()
        .skip(1)
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words[words.len() - 5..].join(" ")
        })
        .collect();
    assert!(found == expected && found.len() > 4, "{classes}");
}

/// Codes of boxes in these tables that are of no class.
const NO_CLASSES: [&str; 2] = ["unkbrd", "nobird"];

/// What a cell shows of the clips of its column.
type Cell = fn(&[&LabelRow]) -> String;

/// The rows of the table that are counts of clips or recordings, and hours.
fn cells() -> [(&'static str, Cell); 8] {
    [
        ("recordings", |rows| {
            let assets: BTreeSet<i64> = rows.iter().map(|row| row.asset_id).collect();
            assets.len().to_string()
        }),
        ("clips ", |rows| rows.len().to_string()),
        ("hours of audio", |rows| {
            format!("{:.2}", rows.iter().map(|row| row.valid_s).sum::<f64>() / 3600.0)
        }),
        ("fully labelled clips", |rows| share(rows, |row| row.unknown.is_empty())),
        ("clips with any box of a class", |rows| {
            share(rows, |row| {
                row.boxes
                    .iter()
                    .any(|found| found.status != BoxStatus::Ignore && !NO_CLASSES.contains(&&*found.species_code))
            })
        }),
        ("clips with any label", |rows| {
            share(rows, |row| row.present.len() + row.absent.len() > 0)
        }),
        ("clips with a positive", |rows| {
            share(rows, |row| !row.present.is_empty())
        }),
        ("silent clips", |rows| share(rows, |row| row.silent)),
    ]
}

/// How many of the clips are so, and per cent.
fn share(rows: &[&LabelRow], is_so: fn(&LabelRow) -> bool) -> String {
    let count = rows.iter().filter(|row| is_so(row)).count();
    let percent = if rows.is_empty() {
        0.0
    } else {
        100.0 * count as f64 / rows.len() as f64
    };
    format!("{count} ({percent:.2}%)")
}

/// Total, smallest, largest, mean and median of counts, as they are printed.
fn spread(mut counts: Vec<usize>) -> [String; 5] {
    counts.sort_unstable();
    let (total, clips): (usize, usize) = (counts.iter().sum(), counts.len());
    let mean = total as f64 / clips as f64;
    let median = if clips.is_multiple_of(2) {
        (counts[clips / 2 - 1] + counts[clips / 2]) as f64 / 2.0
    } else {
        counts[clips / 2] as f64
    };
    let (min, max) = (counts[0], counts[clips - 1]);
    [
        total.to_string(),
        min.to_string(),
        max.to_string(),
        format!("{mean:.2}"),
        median.to_string(),
    ]
}
