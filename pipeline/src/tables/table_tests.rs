//! Tests tables in the forms that people save them in.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::{Duration, Instant};

use super::*;

fn required<'a>(required: &'a [&'a str]) -> Columns<'a> {
    Columns {
        required,
        optional: &[],
    }
}

fn read(name: &str, text: &str) -> (Option<Table>, Problems) {
    let (folder, mut problems) = (tempfile::tempdir().unwrap(), Problems::default());
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    (Table::read(&file, required(&["a"]), &mut problems), problems)
}

/// A table in one of the forms that people save it in: cells of `a` and `b`, and what was noticed.
fn cells(bytes: &[u8]) -> (Vec<[String; 2]>, Problems) {
    let mut problems = Problems::default();
    let columns = Columns {
        required: &["a"],
        optional: &["b"],
    };
    let table = Table::parse(Path::new("t.csv"), bytes.to_vec(), columns, &mut problems);
    let cell = |row: &Row<'_>, column| row.cell(column).unwrap_or("-").to_owned();
    let rows = table.iter().flat_map(Table::rows);
    (
        rows.map(|row| ["a", "b"].map(|column| cell(&row, column))).collect(),
        problems,
    )
}

#[test]
fn delimiters_are_found_in_the_header_and_told() {
    for (text, told) in [
        ("a,b\n1,x\n", ""),
        ("a;b\n1;x\n", "t.csv: columns are separated by ;"),
        ("\"a\";\"b\"\n1;x\n", "t.csv: columns are separated by ;"),
        ("a\tb\n1\tx\n", "t.csv: columns are separated by tabs"),
        ("sep=;\r\na;b\r\n1;x\r\n", "t.csv: columns are separated by ;"),
        ("c;d,a,b\n1,1,x\n", ""),
    ] {
        let (rows, problems) = cells(text.as_bytes());
        assert_eq!(rows, [["1", "x"]], "{text:?}: {problems}");
        assert_eq!(problems.noticed.remarks.concat(), told, "{text:?}");
    }
    let (rows, problems) = cells(b"a;b\n1;x;y\n2;\"x;y\"\n");
    assert_eq!(rows, [["2", "x;y"]]);
    let text = problems.to_string();
    assert!(
        text.contains("t.csv:2: expected 2 cells as in the header, got 3"),
        "{text}"
    );
    assert!(text.contains("a cell with a ; in it needs quotes"), "{text}");
}

#[test]
fn columns_without_a_name_and_rows_without_a_value_hold_nothing() {
    let (rows, problems) = cells(b"a,b,,\n1,x,,\n,,,\n2,y\n3,z,,,,\n , \n\n4,\n");
    assert_eq!(rows, [["1", "x"], ["2", "y"], ["3", "z"], ["4", "-"]], "{problems}");
    assert_eq!(problems, Problems::default());
    let (rows, problems) = cells(b",a,b\n0,1,x\n1,2,y\n,3,z\n");
    assert_eq!(rows.len(), 3);
    let told = "2 rows have values in columns without a name, which are not read: t.csv (2)";
    assert_eq!(problems.noticed.tallies.sentences(), [told]);
    let (rows, problems) = cells(b"a,b\n1\n1,x,y\n");
    assert!(rows.is_empty() && problems.len() == 2, "{problems}");
}

#[test]
fn words_for_no_value_are_empty_cells_and_counted_by_column() {
    let (rows, problems) = cells(b"a,b\n1,NA\n2,null\n3,nan\n4,na\n5,None\n6,#N/A\n7,\n");
    let empty: Vec<bool> = rows.iter().map(|[_, b]| b == "-").collect();
    assert_eq!(empty, [true, true, true, false, true, true, true]);
    let sentence = "5 cells say NA, null, None or the like and were taken for empty ones: t.csv: b (5)";
    assert_eq!(problems.noticed.tallies.sentences(), [sentence]);
    let mut problems = Problems::default();
    let table = Table::parse(
        Path::new("t.csv"),
        b"asset_id\nNA\n".to_vec(),
        required(&["asset_id"]),
        &mut problems,
    );
    assert_eq!(
        table.unwrap().rows().next().unwrap().require_asset_id(&mut problems),
        None
    );
    let text = problems.to_string();
    assert!(
        text.contains("asset_id = \"NA\": NA stands for no value here; asset_id is required"),
        "{text}"
    );
}

#[test]
fn cells_and_headings_are_compared_in_one_form_of_unicode() {
    let columns = Columns {
        required: &["\u{e9}t\u{e9}"],
        optional: &[],
    };
    let mut problems = Problems::default();
    let text = "e\u{301}te\u{301}\nFore\u{302}t\n";
    let table = Table::parse(Path::new("t"), text.into(), columns, &mut problems).unwrap();
    let row = table.rows().next().unwrap();
    let column = "\u{e9}t\u{e9}";
    assert_eq!(row.cell(column), Some("For\u{ea}t"));
    assert_eq!(row.as_written(column), Some("Fore\u{302}t"));
}

#[test]
fn a_duplicate_column_is_an_error() {
    let (table, problems) = read("t.csv", "a,b,a\n1,2,3\n");
    assert_eq!(table.unwrap().rows().next().unwrap().cell("a"), Some("1"));
    let text = problems.to_string();
    assert!(problems.len() == 1 && text.contains("duplicate column `a`"), "{text}");
}

#[test]
fn a_header_of_a_million_columns_takes_no_longer_than_its_bytes() {
    let header: String = (0..1_000_000).map(|column| format!("{column},")).collect();
    let start = Instant::now();
    let (table, problems) = read("t.csv", &format!("{header}a\n"));
    assert!(table.is_some() && problems.is_empty());
    // Comparing every column with every other takes minutes.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn a_device_that_never_ends_is_refused() {
    let mut problems = Problems::default();
    assert!(Table::read(Path::new("/dev/zero"), required(&[]), &mut problems).is_none());
    assert!(
        problems.to_string().contains("cannot be read: not a regular file"),
        "{problems}"
    );
}

#[test]
fn a_page_that_claims_two_gigabytes_is_refused() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shardfmt/tests/hostile/huge-page.parquet");
    let mut problems = Problems::default();
    assert!(Table::read(&file, required(&["asset_id"]), &mut problems).is_none());
    let text = problems.to_string();
    let expected = "column asset_id declares a page of 2147483647 bytes, more than 268435456";
    assert!(text.contains("huge-page.parquet") && text.contains(expected), "{text}");
}
