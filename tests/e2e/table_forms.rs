//! Tests that tables are read as people's programs write them: in other encodings, with other separators, packed, with
//! words where nothing is known, in Parquet of every codec; and that no label is changed or lost on the way.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use flate2::Compression;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{BrotliLevel, Compression as Codec, GzipLevel};
use parquet::file::properties::WriterProperties;
use serde_json::Value;
use shardfmt::LabelRow;

use crate::dataset_rows::{codes, labels, open};
use crate::program::{Ended, l48};
use crate::recordings::{MINIMAL, RATE_HZ, Workplace, noise};

const RECORDINGS: &str = "asset_id,path,target_species,split\n1,audio/1.wav,woothr,train\n2,audio/2.wav,woothr,val\n";
const BOXES: &str = "asset_id,start_s,end_s,species_code\n1,0.5,1.5,woothr\n2,1,2.25,eastow\n";

/// A name of a form of tables, and what makes a table's bytes of it.
type Form<'f> = (&'f str, &'f dyn Fn(&str) -> Vec<u8>);

/// Two recordings of 4 s whose boxes are in a table or in annotation files.
fn two_recordings(settings: &str) -> Workplace {
    Workplace::with_recordings(settings, &[(1, 4.0), (2, 4.0)])
}

/// Builds, and returns how it ended and all label rows.
#[track_caller]
fn built(place: &Workplace) -> (Ended, Vec<LabelRow>) {
    let out = place.path("out");
    let ended = l48!("build", place.manifest(), "--out", &out, "--overwrite").expect(0);
    let rows = labels(&open(&out));
    (ended, rows)
}

/// The counts in `dataset.json`.
fn tallies(place: &Workplace) -> Value {
    let text = std::fs::read_to_string(place.path("out").join("dataset.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["tallies"].clone()
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    "\u{feff}"
        .encode_utf16()
        .chain(text.encode_utf16())
        .flat_map(bytes)
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_form_of_a_csv_table_gives_the_same_labels() {
    let place = two_recordings("boxes = \"boxes.csv\"");
    place.write("recordings.csv", RECORDINGS);
    place.write("boxes.csv", BOXES);
    let (_, expected) = built(&place);
    assert!(expected.iter().any(|row| !row.boxes.is_empty()));
    let semicolons = |text: &str| text.replace(',', ";");
    let spreadsheet = |text: &str| text.replace('\n', ",,\r\n") + ",,,,,\r\n";
    let of_floats = |text: &str| text.replace("\n1,", "\n1.0,").replace("\n2,", "\n2.0,");
    let forms: [Form<'_>; 10] = [
        ("UTF-16 LE", &|text| utf16(text, u16::to_le_bytes)),
        ("UTF-16 BE, tabs", &|text| {
            utf16(&text.replace(',', "\t"), u16::to_be_bytes)
        }),
        ("gzip", &|text| gzip(text.as_bytes())),
        ("gzip of UTF-16", &|text| gzip(&utf16(text, u16::to_le_bytes))),
        ("semicolons", &|text| semicolons(text).into_bytes()),
        ("declared semicolons", &|text| {
            format!("sep=;\r\n{}", semicolons(text)).into_bytes()
        }),
        ("tabs", &|text| text.replace(',', "\t").into_bytes()),
        ("empty columns and rows", &|text| spreadsheet(text).into_bytes()),
        ("CR alone", &|text| text.replace('\n', "\r").into_bytes()),
        ("floating-point ids", &|text| of_floats(text).into_bytes()),
    ];
    for (form, write) in forms {
        place.write_bytes("recordings.csv", &write(RECORDINGS));
        place.write_bytes("boxes.csv", &write(BOXES));
        let (ended, rows) = built(&place);
        assert_eq!(rows, expected, "{form}");
        if form.contains("semicolons") {
            ended.complains("boxes.csv: columns are separated by ;");
        }
    }
}

#[test]
fn other_encodings_are_refused_in_every_file_of_text() {
    let latin = |text: &str| text.chars().map(|character| character as u8).collect::<Vec<u8>>();
    let boxes = BOXES.replace("eastow", "Grünspecht");
    let track = "0.5\t1.5\twoothr\n2\t3\tGrünspecht\n";
    let raven = "Selection\tBegin Time (s)\tEnd Time (s)\tSpecies\n1\t0.5\t1.5\twoothr\n2\t2\t3\tGrünspecht\n";
    let labels = "[labels]\nother_codes = \"keep-box\"\naliases = { \"Grünspecht\" = \"eastow\" }\n";
    for (files, name, text) in [
        ("boxes = \"boxes.csv\"", "boxes.csv", boxes.as_str()),
        (
            "boxes = { format = \"audacity\", files = \"{stem}.txt\" }",
            "1.txt",
            track,
        ),
        ("boxes = { format = \"raven\", files = \"{stem}.txt\" }", "1.txt", raven),
    ] {
        let place = two_recordings(&format!("{files}\n{labels}"));
        place.write_bytes(name, &latin(text));
        let line = text.lines().position(|line| line.contains('ü')).unwrap() + 1;
        l48!("build", place.manifest(), "--out", place.path("out"))
            .expect(2)
            .complains(&format!("{name}:{line} = \"Gr\u{fffd}nspecht\": is not UTF-8 text"))
            .complains("save the file as UTF-8");
        // As UTF-16, the label is the alias, and its box is one of the class.
        place.write_bytes(name, &utf16(text, u16::to_le_bytes));
        let (_, rows) = built(&place);
        let present: Vec<_> = rows
            .iter()
            .map(|row| codes(&open(&place.path("out")), &row.present))
            .collect();
        assert!(
            present.iter().any(|codes| codes.contains("eastow")),
            "{files}: {present:?}"
        );
    }
    let place = two_recordings("");
    place.write_bytes("manifest.toml", &latin(&format!("# Wälder\n{MINIMAL}")));
    l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(2)
        .complains("manifest.toml:1 = \"# W\u{fffd}lder\": is not UTF-8 text");
    place.write_bytes(
        "manifest.toml",
        &utf16(&format!("# Wälder\n{MINIMAL}"), u16::to_be_bytes),
    );
    built(&place);
}

#[test]
fn names_are_the_same_in_both_forms_of_unicode() {
    const COMPOSED: &str = "For\u{ea}t";
    const DECOMPOSED: &str = "Fore\u{302}t";
    for (in_tables, elsewhere) in [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)] {
        for pattern in [
            "Se\u{301}lections/{stem}.txt",
            "S\u{e9}lections/{stem}*.txt",
            "*/{name}.txt",
        ] {
            let place = Workplace::new();
            place.write("taxa.csv", &format!("species_code\n{in_tables}\nother\n"));
            let boxes =
                format!("boxes = {{ format = \"raven\", files = \"{pattern}\", label_column = \"{elsewhere}\" }}");
            let aliases = format!("[labels]\naliases = {{ \"pic {elsewhere}\" = \"{elsewhere}\" }}\n");
            place.write("manifest.toml", &format!("{MINIMAL}{boxes}\n{aliases}"));
            place.wav(&format!("{elsewhere}.wav"), RATE_HZ, 1, &noise(RATE_HZ, 4.0, 1));
            place.write(
                "recordings.csv",
                &format!("asset_id,path,split\n1,{in_tables}.wav,train\n"),
            );
            let name = if pattern.contains("{name}") { ".wav.txt" } else { ".txt" };
            let header = format!("Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\t{in_tables}");
            place.write(
                &format!("S\u{e9}lections/{elsewhere}{name}"),
                &format!(
                    "{header}\n1\t0.5\t1.5\t{in_tables}.wav\tpic {in_tables}\n2\t1\t2\t{elsewhere}.wav\t{elsewhere}\n"
                ),
            );
            let (ended, rows) = built(&place);
            assert!(ended.stderr.is_empty(), "{pattern}: {}", ended.stderr);
            assert_eq!(rows[0].boxes.len(), 2, "{pattern}");
            assert_eq!(
                codes(&open(&place.path("out")), &rows[0].present),
                COMPOSED,
                "{pattern}"
            );
        }
    }
}

#[test]
fn words_for_no_value_are_empty_counted_and_never_labels() {
    let place = two_recordings(
        "boxes = \"boxes.csv\"\nchecklist_prior = \"lists.csv\"\n[labels]\nother_codes = \"keep-box\"\n",
    );
    place.write(
        "recordings.csv",
        "asset_id,path,split,target_species,latitude,recorded_at,checklist_id,license\n\
         1,audio/1.wav,train,NA,NA,NaT,NA,None\n2,audio/2.wav,val,woothr,nan,NA,123.0,NA\n",
    );
    place.write(
        "lists.csv",
        "checklist_id,observed_species,all_species_reported\n123,woothr;eastow,1\n",
    );
    place.write(
        "boxes.csv",
        &format!("{BOXES}1,1,2,NA\n2,1,2,None\n2,1,2,\n1,2,3,woothr\n"),
    );
    let (ended, rows) = built(&place);
    assert!(!ended.stderr.contains("leakage"), "{}", ended.stderr);
    ended.complains("3 boxes without a label were dropped: NA (1), None (1)");
    let codes: Vec<_> = rows
        .iter()
        .flat_map(|row| &row.boxes)
        .map(|found| found.species_code.as_str())
        .collect();
    assert!(
        codes.iter().all(|code| ["woothr", "eastow"].contains(code)),
        "{codes:?}"
    );
    let counted = tallies(&place);
    for (key, count) in [
        ("words_for_no_value:recordings.csv: license", 2),
        ("words_for_no_value:recordings.csv: target_species", 1),
        ("words_for_no_value:recordings.csv: latitude", 2),
        ("words_for_no_value:recordings.csv: checklist_id", 1),
        ("boxes_without_label:NA", 1),
        ("boxes_without_label", 1),
    ] {
        assert_eq!(counted[key], count, "{key}: {counted}");
    }
    assert_eq!(
        counted["checklists_without_row"],
        Value::Null,
        "123.0 is 123: {counted}"
    );

    // Where the taxa name such a word, it is that class, and said to be.
    place.write("taxa.csv", "species_code\nwoothr\neastow\nNA\n");
    let (ended, rows) = built(&place);
    ended
        .complains("1 class has a code that elsewhere stands for no value")
        .complains("NA (1)");
    let present = rows.iter().map(|row| row.present.len()).sum::<usize>();
    assert!(
        rows.iter()
            .flat_map(|row| &row.boxes)
            .any(|found| found.species_code == "NA")
            && present > 0
    );
    assert_eq!(tallies(&place)["boxes_without_label:NA"], Value::Null);
    assert_eq!(
        tallies(&place)["words_for_no_value:recordings.csv: target_species"],
        Value::Null
    );
}

#[test]
fn a_value_that_is_needed_cannot_be_na() {
    let place = two_recordings("geo_prior = \"geo.csv\"");
    place.write(
        "recordings.csv",
        "asset_id,path,split\nNA,audio/1.wav,train\n2,audio/2.wav,NA\n3,NA,train\n",
    );
    place.write("geo.csv", "asset_id,possible_species,modelled_species\n2,NA,NA\n");
    l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(2)
        .complains("recordings.csv:2: asset_id = \"NA\": NA stands for no value here; asset_id is required")
        .complains("recordings.csv:3: split = \"NA\": NA stands for no value here; split is required")
        .complains("recordings.csv:4: path = \"NA\": NA stands for no value here; path is required")
        .complains("geo.csv:2: possible_species = \"NA\": NA stands for no value here; list the species");
}

#[test]
fn decimal_commas_are_refused_by_name() {
    let place = two_recordings("boxes = \"boxes.csv\"");
    place.write(
        "boxes.csv",
        "asset_id;start_s;end_s;species_code\n1;0,5;1,5;woothr\n2;0,25;1;woothr\n",
    );
    l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(2)
        .complains("boxes.csv:2: start_s = \"0,5\": has a decimal comma; write a point")
        .complains("boxes.csv:2: end_s = \"1,5\": has a decimal comma");
}

#[test]
fn lists_of_clips_are_read_in_the_same_forms() {
    let place = two_recordings("");
    built(&place);
    let subset = |bytes: &[u8], name: &str| {
        place.write_bytes("clips", bytes);
        let out = place.path(name);
        l48!(
            "subset",
            place.path("out"),
            "--clips",
            place.path("clips"),
            "--out",
            &out
        )
        .expect(0);
        labels(&open(&out))
            .iter()
            .map(|row| (row.asset_id, row.clip_index))
            .collect::<Vec<_>>()
    };
    for (number, bytes) in [
        b"2.0,0.0\n".to_vec(),
        b"2;0\n".to_vec(),
        b"asset_id;clip_index\n2;0\n".to_vec(),
        b"asset_id\tclip_index\r2\t0\r".to_vec(),
        utf16("asset_id,clip_index\r\n2,0\r\n", u16::to_le_bytes),
        utf16("2\t0", u16::to_be_bytes),
        gzip(b"asset_id,clip_index\n2,0\n"),
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(subset(bytes, &format!("subset{number}")), [(2, 0)], "{number}");
    }
    place.write("clips", "asset_id,clip_index\n2,NA\n");
    l48!(
        "subset",
        place.path("out"),
        "--clips",
        place.path("clips"),
        "--out",
        place.path("no")
    )
    .expect(2)
    .complains("NA stands for no value here; clip_index is required");
}

/// Writes a Parquet table with a codec.
fn parquet(place: &Workplace, name: &str, codec: Codec, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap();
    let properties = WriterProperties::builder().set_compression(codec).build();
    let file = File::create(place.path(name)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn parquet_of_every_codec_and_any_name_is_read() {
    let place = two_recordings("");
    let (_, expected) = built(&place);
    place.write("manifest.toml", &MINIMAL.replace("recordings.csv", "recordings.pq"));
    let columns = || -> Vec<(&str, ArrayRef)> {
        vec![
            ("asset_id", Arc::new(Float64Array::from(vec![1.0, 2.0]))),
            ("path", Arc::new(StringArray::from(vec!["audio/1.wav", "audio/2.wav"]))),
            ("target_species", Arc::new(StringArray::from(vec!["woothr"; 2]))),
            ("split", Arc::new(StringArray::from(vec!["train"; 2]))),
        ]
    };
    for codec in [
        Codec::UNCOMPRESSED,
        Codec::SNAPPY,
        Codec::GZIP(GzipLevel::default()),
        Codec::BROTLI(BrotliLevel::default()),
        Codec::LZ4,
        Codec::LZ4_RAW,
    ] {
        parquet(&place, "recordings.pq", codec, columns());
        assert_eq!(built(&place).1, expected, "{codec}");
    }
    let packed = gzip(&std::fs::read(place.path("recordings.pq")).unwrap());
    place.write_bytes("recordings.pq", &packed);
    assert_eq!(built(&place).1, expected, "Parquet in gzip");
}

/// The columns of a Parquet file with these names.
fn columns_of<'n>(place: &Workplace, name: &str, names: &[&'n str]) -> Vec<(&'n str, ArrayRef)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(place.path(name)).unwrap()).unwrap();
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    names
        .iter()
        .map(|name| (*name, Arc::clone(batch.column_by_name(name).unwrap())))
        .collect()
}

#[test]
fn what_the_program_writes_it_reads_back_as_tables() {
    let place = two_recordings("geo_prior = \"geo.csv\"");
    place.write(
        "recordings.csv",
        "asset_id,path,split,latitude,longitude,recorded_at,checklist_id\n\
         1,audio/1.wav,train,42.5,-76.1,2018-06-02T06:30:00-04:00,S1\n2,audio/2.wav,val,,,,\n",
    );
    place.write("geo.csv", "asset_id,possible_species\n1,woothr;eastow\n2,woothr\n");
    let (_, expected) = built(&place);
    std::fs::rename(place.path("out"), place.path("first")).unwrap();
    let joined = [
        columns_of(&place, "first/assets/00000.parquet", &["asset_id", "path", "split"]),
        columns_of(
            &place,
            "first/priors/00000.parquet",
            &["latitude", "longitude", "recorded_at", "checklist_id"],
        ),
    ];
    parquet(&place, "again.parquet", Codec::SNAPPY, joined.concat());
    let prior = [
        columns_of(&place, "first/assets/00000.parquet", &["asset_id"]),
        columns_of(&place, "first/priors/00000.parquet", &["geo_possible"])
            .into_iter()
            .map(|(_, column)| ("possible_species", column))
            .collect(),
    ];
    parquet(&place, "geo.parquet", Codec::SNAPPY, prior.concat());
    let manifest = MINIMAL
        .replace("recordings.csv", "again.parquet")
        .replace("taxa.csv", "first/taxa.parquet");
    place.write("manifest.toml", &format!("{manifest}geo_prior = \"geo.parquet\"\n"));
    assert_eq!(built(&place).1, expected);
    let at = |folder: &str| columns_of(&place, &format!("{folder}/priors/00000.parquet"), &["recorded_at"]);
    assert_eq!(at("out"), at("first"));
}

#[test]
fn a_zone_of_any_name_makes_an_instant_and_columns_of_others_are_not_looked_at() {
    let place = two_recordings("");
    let time = |zone: Option<&str>| -> ArrayRef {
        let times = TimestampMicrosecondArray::from(vec![Some(1_527_935_400_000_000), None]);
        Arc::new(times.with_timezone_opt(zone))
    };
    let columns = |time: ArrayRef, name| -> Vec<(&str, ArrayRef)> {
        vec![
            ("asset_id", Arc::new(Int64Array::from(vec![1, 2]))),
            ("path", Arc::new(StringArray::from(vec!["audio/1.wav", "audio/2.wav"]))),
            ("split", Arc::new(StringArray::from(vec!["train"; 2]))),
            (name, time),
        ]
    };
    place.write(
        "manifest.toml",
        &MINIMAL.replace("recordings.csv", "recordings.parquet"),
    );
    for zone in ["UTC", "Etc/UTC", "Z", "+00:00", "America/New_York", "Mars/Olympus_Mons"] {
        parquet(
            &place,
            "recordings.parquet",
            Codec::SNAPPY,
            columns(time(Some(zone)), "recorded_at"),
        );
        built(&place);
        let read = columns_of(&place, "out/priors/00000.parquet", &["recorded_at"]);
        let expected: ArrayRef = time(Some("UTC"));
        assert_eq!(&read[0].1, &expected, "{zone}");
    }
    parquet(
        &place,
        "recordings.parquet",
        Codec::SNAPPY,
        columns(time(None), "recorded_at"),
    );
    l48!("build", place.manifest(), "--out", place.path("no"))
        .expect(2)
        .complains("has no UTC offset");
    parquet(
        &place,
        "recordings.parquet",
        Codec::SNAPPY,
        columns(time(None), "modified"),
    );
    built(&place);
}
