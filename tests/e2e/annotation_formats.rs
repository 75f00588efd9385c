//! Tests that the same annotations give the same dataset, whatever table they come in.

use std::fs::File;
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use shardfmt::LabelRow;

use crate::dataset_rows::{clips_of, labels, open};
use crate::file_tree::{assert_same, tree};
use crate::outside::real_data;
use crate::program::{Ended, l48};
use crate::recordings::Workplace;

const ALIASES: &str = "aliases = { WOTH = \"woothr\", EATO = \"eastow\", SP = \"unkbrd\" }\n";

/// Two recordings, each with boxes in `boxes.csv`: named, unknown, point-like, across a clip's edge, past the end,
/// blank.
fn with_boxes(settings: &str) -> Workplace {
    let place = Workplace::with_recordings("", &[(1, 7.0), (2, 4.0)]);
    let minimal = crate::recordings::MINIMAL;
    let markers = "[labels]\nunknown_bird_codes = [\"unkbrd\"]\n";
    place.write("manifest.toml", &format!("{minimal}{settings}\n{markers}{ALIASES}"));
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n\
         1,0.5,1.75,1500.5,4000,woothr,\n\
         1,2.5,4.25,,,eastow,\n\
         1,3.5,3.5,900,901,norcar,\n\
         1,5.125,6.5,2000,12000,unkbrd,\n\
         1,1,2,100,200,,\n\
         1,8,9,100,200,woothr,\n\
         2,0.25,3.75,700,800,bkcchi,\n",
    );
    place
}

/// Builds and returns all label rows.
#[track_caller]
fn built(place: &Workplace) -> (Ended, Vec<LabelRow>) {
    let out = place.path("out");
    let ended = l48!("build", place.manifest(), "--out", &out).expect(0);
    let rows = labels(&open(&out));
    (ended, rows)
}

/// The warnings and counts that the boxes above give in any format.
#[track_caller]
fn assert_counted(ended: Ended) {
    ended
        .complains("1 box without a label was dropped")
        .prints("1 box starts after its recording's end");
}

#[test]
fn raven_tables_say_what_the_boxes_say() {
    let (ended, expected) = built(&with_boxes("boxes = \"boxes.csv\""));
    assert_counted(ended);
    assert!(
        expected.iter().map(|row| row.boxes.len()).sum::<usize>() == 8,
        "{expected:?}"
    );

    let place = with_boxes("boxes = { format = \"raven\", files = \"notes/{stem}.*.txt\", label_column = \"Who\" }");
    let header = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tWho\n";
    // Every selection of the waveform view repeats one of the spectrogram, in either order.
    place.write(
        "notes/1.selections.txt",
        &format!(
            "\u{feff}{header}1\tWaveform 1\t1\t0.5\t1.75\t0\t11025\tWOTH\n1\tSpectrogram 1\t1\t0.5\t1.75\t1500.5\t4000\tWOTH\n\
             2\tSpectrogram 1\t1\t2.5\t4.25\t\t\tEATO\n2\tWaveform 1\t1\t2.5\t4.25\t0\t11025\tEATO\n\
             3\tSpectrogram 1\t1\t3.5\t3.5\t900\t901\tnorcar\n4\tSpectrogram 1\t1\t5.125\t6.5\t2000\t12000\tSP\n\
             5\tSpectrogram 1\t1\t1\t2\t100\t200\t\n6\tSpectrogram 1\t1\t8\t9\t100\t200\tWOTH\n"
        ),
    );
    place.write(
        "notes/2.selections.txt",
        &format!("{header}1\tSpectrogram 1\t1\t0.25\t3.75\t700\t800\tbkcchi").replace('\n', "\r\n"),
    );
    let (ended, rows) = built(&place);
    assert_counted(ended.complains("2 Raven rows repeat a selection"));
    assert_eq!(rows, expected);
}

#[test]
fn one_raven_table_over_several_files_is_split_by_begin_file() {
    let (_, expected) = built(&with_boxes("boxes = \"boxes.csv\""));
    let place = with_boxes("boxes = { format = \"raven\", files = \"all.txt\" }");
    let header = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tBegin File\tFile Offset (s)\tSpecies\n";
    place.write(
        "all.txt",
        &format!(
            "{header}1\tSpectrogram 1\t0.5\t1.75\t1500.5\t4000\t1.wav\t0.5\tWOTH\n2\tSpectrogram 1\t2.5\t4.25\t\t\t1.wav\t2.5\tEATO\n\
             3\tSpectrogram 1\t3.5\t3.5\t900\t901\t1.wav\t3.5\tnorcar\n4\tSpectrogram 1\t5.125\t6.5\t2000\t12000\t1.wav\t5.125\tSP\n\
             5\tSpectrogram 1\t7.25\t10.75\t700\t800\t2.wav\t0.25\tbkcchi\n"
        ),
    );
    assert_eq!(built(&place).1, expected);
}

#[test]
fn audacity_tracks_say_what_the_boxes_say() {
    let (_, expected) = built(&with_boxes("boxes = \"boxes.csv\""));
    let place = with_boxes("boxes = { format = \"audacity\", files = \"notes/{asset_id}.txt\" }");
    place.write(
        "notes/1.txt",
        "0.500000\t1.750000\tWOTH\n\\\t1500.5\t4000\n2.5\t4.25\tEATO\n3.5\t3.5\tnorcar\n\\\t900\t901\n5.125\t6.5\tSP\n\\\t2000\t12000\n\
         1\t2\t\n\\\t100\t200\n8\t9\tWOTH\n\\\t100\t200\n",
    );
    place.write("notes/2.txt", "0.25\t3.75\tbkcchi\r\n\\\t700\t800\r\n");
    let (ended, rows) = built(&place);
    assert_counted(ended);
    assert_eq!(rows, expected);
}

#[test]
fn recordings_without_an_annotation_file_are_counted() {
    let place = with_boxes("boxes = { format = \"audacity\", files = \"notes/{stem}.txt\" }");
    place.write("notes/1.txt", "0.5\t1.75\tWOTH\n");
    let (ended, rows) = built(&place);
    ended.complains("1 recording has no annotation file");
    assert_eq!(rows.iter().map(|row| row.boxes.len()).sum::<usize>(), 1);
    place.write(
        "recordings.csv",
        &place
            .read("recordings.csv")
            .replace("split\n", "split,annotation\n")
            .replace("train\n", "train,lost.txt\n"),
    );
    l48!("build", place.manifest(), "--out", place.path("other"))
        .expect(2)
        .complains("lost.txt\": no such file");
}

/// Writes a table, its columns in the given order.
fn parquet(place: &Workplace, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap();
    let mut writer = ArrowWriter::try_new(File::create(place.path(name)).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A CSV table's cells as a Parquet column: numbers, strings, booleans or lists, empty cells null.
fn column(name: &str, cells: &[Option<&str>]) -> ArrayRef {
    let number = |cell: &Option<&str>| cell.map(|text| text.parse::<f64>().unwrap());
    match name {
        "asset_id" => Arc::new(
            cells
                .iter()
                .map(|cell| cell.map(|text| text.parse::<i64>().unwrap()))
                .collect::<Int64Array>(),
        ),
        "start_s" | "end_s" | "low_hz" | "high_hz" | "latitude" | "longitude" => {
            Arc::new(cells.iter().map(number).collect::<Float64Array>())
        }
        "all_species_reported" => Arc::new(
            cells
                .iter()
                .map(|cell| cell.map(|text| text == "1"))
                .collect::<BooleanArray>(),
        ),
        "possible_species" | "modelled_species" | "observed_species" => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for cell in cells {
                lists.append_option(cell.map(|text| text.split(';').map(Some).collect::<Vec<_>>()));
            }
            Arc::new(lists.finish())
        }
        _ => Arc::new(cells.iter().copied().collect::<StringArray>()),
    }
}

#[test]
fn parquet_tables_give_the_same_bytes_as_csv() {
    let place = Workplace::with_every_table(8);
    let (from_csv, from_parquet) = (place.path("csv"), place.path("parquet"));
    l48!("build", place.manifest(), "--out", &from_csv).expect(0);
    for table in [
        "recordings",
        "taxa",
        "boxes",
        "geo_prior",
        "checklist_prior",
        "annotated_spans",
    ] {
        let text = place.read(&format!("{table}.csv"));
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        let cells = |at: usize| {
            rows[1..]
                .iter()
                .map(|row| Some(row[at]).filter(|cell| !cell.is_empty()))
                .collect::<Vec<_>>()
        };
        let columns = rows[0]
            .iter()
            .enumerate()
            .map(|(at, name)| (*name, column(name, &cells(at))))
            .collect();
        parquet(&place, &format!("{table}.parquet"), columns);
        std::fs::remove_file(place.path(&format!("{table}.csv"))).unwrap();
    }
    place.write(
        "manifest.toml",
        &place.read("manifest.toml").replace(".csv", ".parquet"),
    );
    l48!("build", place.manifest(), "--out", &from_parquet).expect(0);
    assert_same(&tree(&from_csv), &tree(&from_parquet), "CSV and Parquet tables");
    place.write_bytes("boxes.parquet", b"PAR1 but no more");
    l48!("build", place.manifest(), "--out", place.path("other"))
        .expect(2)
        .complains("boxes.parquet: cannot be read as Parquet");
}

#[test]
fn byte_order_marks_line_ends_and_quotes_change_nothing() {
    let place = Workplace::with_every_table(8);
    l48!("build", place.manifest(), "--out", place.path("plain")).expect(0);
    for table in [
        "recordings",
        "taxa",
        "boxes",
        "geo_prior",
        "checklist_prior",
        "annotated_spans",
    ] {
        let name = format!("{table}.csv");
        let quoted = |line: &str| {
            line.split(',')
                .map(|cell| format!("\"{cell}\" "))
                .collect::<Vec<_>>()
                .join(",")
        };
        let text: Vec<String> = place
            .read(&name)
            .lines()
            .map(|line| quoted(line).replace("\" ", "\""))
            .collect();
        place.write(&name, &format!("\u{feff}{}\r\n", text.join("\r\n")));
    }
    l48!("build", place.manifest(), "--out", place.path("windows")).expect(0);
    assert_same(
        &tree(&place.path("plain")),
        &tree(&place.path("windows")),
        "plain and with marks",
    );
}

/// The real recording 1001 or 1023 alone, with its boxes from its own annotation file or from boxes.csv.
fn real(asset_id: i64, boxes: &str) -> Option<(Ended, Vec<LabelRow>)> {
    let data = real_data()?;
    let place = Workplace::new();
    let table = std::fs::read_to_string(data.join("recordings.csv")).unwrap();
    let keep = |line: &&str| line.starts_with("asset_id") || line.starts_with(&format!("{asset_id},"));
    let table: Vec<&str> = table.lines().filter(keep).collect();
    place.write(
        "recordings.csv",
        &table
            .join("\n")
            .replace("audio/", &format!("{}/audio/", data.display())),
    );
    let rows = std::fs::read_to_string(data.join("boxes.csv")).unwrap();
    let rows: Vec<&str> = rows.lines().filter(keep).collect();
    place.write("boxes.csv", &rows.join("\n"));
    place.write_bytes("taxa.csv", &std::fs::read(data.join("taxa.csv")).unwrap());
    let boxes = boxes.replace("DATA", &data.display().to_string());
    place.write(
        "manifest.toml",
        &format!(
            "[dataset]\nname = \"real\"\n[tables]\nrecordings = \"recordings.csv\"\ntaxa = \"taxa.csv\"\nboxes = {boxes}\n\
             [labels]\nunknown_bird_codes = [\"unkbrd\"]\nother_codes = \"keep-box\"\n\
             aliases = {{ WOTH = \"woothr\", NOCA = \"norcar\", EATO = \"eastow\", BCCH = \"bkcchi\", CRER = \"refspi1\", SP = \"unkbrd\" }}\n"
        ),
    );
    let out = place.path("out");
    let ended = l48!("build", place.manifest(), "--out", &out).expect(0);
    let rows = clips_of(&open(&out), asset_id);
    Some((ended, rows))
}

#[test]
fn a_real_raven_table_says_what_boxes_csv_says() {
    let Some((_, expected)) = real(1001, "\"boxes.csv\"") else {
        return;
    };
    let raven = "{ format = \"raven\", files = \"DATA/annotations/Recording_1_Segment_07.Table.*.txt\", label_column = \"Species\" }";
    let (ended, rows) = real(1001, raven).unwrap();
    // The table is of the whole five minutes, of which the recording is the first ten seconds: 9 of 279 rows.
    ended.prints("270 boxes start after their recording's end");
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        assert_eq!(
            (&row.present, &row.absent, &row.unknown),
            (&expected.present, &expected.absent, &expected.unknown)
        );
        assert_eq!(row.boxes.len(), expected.boxes.len());
        for (found, expected) in row.boxes.iter().zip(&expected.boxes) {
            assert_eq!(
                (&found.species_code, found.status),
                (&expected.species_code, expected.status)
            );
            // boxes.csv rounds to the microsecond and cuts at 10 s, and the recording is one sample (31 us) longer.
            assert!((found.start_s - expected.start_s).abs() < 1e-6 && (found.end_s - expected.end_s).abs() < 4e-5);
        }
    }
}

#[test]
fn a_real_audacity_track_says_what_boxes_csv_says() {
    let Some((_, expected)) = real(1023, "\"boxes.csv\"") else {
        return;
    };
    let (_, rows) = real(
        1023,
        "{ format = \"audacity\", files = \"DATA/annotations/{stem}.txt\" }",
    )
    .unwrap();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        // An unknown bird withholds absences whatever the status of its box, which only boxes.csv has.
        assert_eq!(
            (&row.present, &row.absent, &row.unknown),
            (&expected.present, &expected.absent, &expected.unknown)
        );
        let edges = |row: &LabelRow| {
            row.boxes
                .iter()
                .map(|found| (found.species_code.clone(), found.start_s))
                .collect::<Vec<_>>()
        };
        assert_eq!(edges(row), edges(expected));
    }
}
