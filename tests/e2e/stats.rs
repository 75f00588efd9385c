//! Tests `l48 stats`: the table for people says what the JSON says, in columns that stand under each other.

use shardfmt::{LabelRow, Split};

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
    let (splits, classes) = text.split_once("\n\n").unwrap();
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
    let clips = |split: &str| rows.iter().filter(|row| row.split.as_str() == split).count();
    let counts = [clips("train"), chosen.len(), clips("val"), clips("test"), rows.len()];
    assert_eq!(row("clips "), counts.map(|count| count.to_string()));
    let full = rows.iter().filter(|row| row.fully_annotated).count();
    let share = format!("{full} ({:.1}%)", 100.0 * full as f64 / rows.len() as f64);
    assert_eq!(row("fully labelled clips").last(), Some(&share.as_str()));
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
