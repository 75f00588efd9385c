//! Tests of annotation files as people have them: Raven tables over several recordings, times before the start, tables
//! without rows, and labels outside the taxa table.

use serde_json::{Value, json};
use shardfmt::{LabelRow, LabelSource};

use crate::dataset_rows::{clips_of, codes, labels, open};
use crate::program::{Ended, l48};
use crate::recordings::{MINIMAL, RATE_HZ, Workplace, noise};

const HEADER: &str = "Selection\tView\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)";

/// Recordings of 7 s and 20 s with one Raven table for both.
fn shared(settings: &str, table: &str) -> Workplace {
    let boxes = format!("boxes = {{ format = \"raven\", files = \"all.txt\"{settings} }}\n");
    let place = Workplace::with_recordings(&boxes, &[(1, 7.0), (2, 20.0)]);
    place.write("all.txt", table);
    place
}

#[track_caller]
fn build(place: &Workplace, out: &str) -> Ended {
    l48!("build", place.manifest(), "--out", place.path(out)).expect(0)
}

/// Asset, start, end and code of every box of a dataset.
fn boxes(place: &Workplace, out: &str) -> Vec<(i64, f64, f64, String)> {
    let rows = labels(&open(&place.path(out)));
    let of_row = |row: LabelRow| {
        let boxes = row.boxes.into_iter();
        boxes.map(move |found| (row.asset_id, found.start_s, found.end_s, found.species_code))
    };
    rows.into_iter().flat_map(of_row).collect()
}

fn tallies(place: &Workplace, out: &str) -> Value {
    let text = place.read(&format!("{out}/dataset.json"));
    serde_json::from_str::<Value>(&text).unwrap()["tallies"].clone()
}

#[test]
fn times_run_on_from_file_to_file_where_they_fit_nothing_else() {
    let rows = "1\tSpectrogram 1\t0.5\t1.5\t100\t900\t1.wav\twoothr\n\
        2\tSpectrogram 1\t6.0\t6.5\t100\t900\t1.wav\teastow\n\
        3\tSpectrogram 1\t24.5\t25.5\t100\t900\t2.wav\tnorcar\n";
    let place = shared("", &format!("{HEADER}\tBegin File\tSpecies\n{rows}"));
    build(&place, "out");
    let expected = [
        (1, 0.5, 1.5, "woothr".into()),
        (1, 6.0, 6.5, "eastow".into()),
        (2, 17.5, 18.0, "norcar".into()),
        (2, 18.0, 18.5, "norcar".into()),
    ];
    assert_eq!(boxes(&place, "out"), expected);
    // The same without the sound, whose length the dataset recorded.
    std::fs::remove_dir_all(place.path("audio")).unwrap();
    l48!("relabel", place.path("out"), place.manifest()).expect(0);
    assert_eq!(boxes(&place, "out"), expected);
}

#[test]
fn times_that_could_count_from_two_starts_are_refused() {
    let table = format!(
        "{HEADER}\tBegin File\tSpecies\n1\tSpectrogram 1\t1\t2\t100\t900\t1.wav\twoothr\n\
         2\tSpectrogram 1\t7.5\t8.5\t100\t900\t2.wav\tnorcar\n"
    );
    let refused = |settings| {
        let place = shared(settings, &table);
        l48!("build", place.manifest(), "--out", place.path("out")).expect(2)
    };
    refused("")
        .complains("all.txt:2: Begin Time (s) = \"1\"")
        .complains("save it with File Offset (s), or say what they count from: times = \"running\" or \"file\"");
    refused(", times = \"local\"").complains("expected one of fitting, file, running");
    for (times, start_s) in [("running", 0.5), ("file", 7.5)] {
        let place = shared(&format!(", times = \"{times}\""), &table);
        build(&place, "out");
        let found = boxes(&place, "out");
        assert_eq!(found[1..], [(2, start_s, start_s + 1.0, "norcar".into())], "{times}");
    }
}

#[test]
fn an_offset_in_some_rows_of_several_files_is_refused() {
    let table = format!(
        "{HEADER}\tBegin File\tFile Offset (s)\tSpecies\n1\tSpectrogram 1\t1\t2\t100\t900\t1.wav\t1\twoothr\n\
         2\tSpectrogram 1\t7.5\t8.5\t100\t900\t2.wav\t\tnorcar\n"
    );
    let place = shared("", &table);
    l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(2)
        .complains("all.txt:3: File Offset (s) = \"\": must not be empty");
}

#[test]
fn a_table_of_one_recording_may_run_over_others() {
    let boxes_from = "boxes = { format = \"raven\", files = \"{stem}.txt\" }\n";
    let place = Workplace::with_recordings(boxes_from, &[(1, 7.0), (2, 20.0)]);
    let rows =
        "1\tSpectrogram 1\t1\t2\t100\t900\t1.wav\twoothr\n2\tSpectrogram 1\t24.25\t24.75\t100\t900\t2.wav\tnorcar\n";
    place.write("2.txt", &format!("{HEADER}\tBegin File\tSpecies\n{rows}"));
    build(&place, "out");
    assert_eq!(boxes(&place, "out"), [(2, 17.25, 17.75, "norcar".into())]);
    assert_eq!(
        tallies(&place, "out"),
        json!({ "recordings_without_annotations": 1, "rows_of_other_files": 1 })
    );
    // A file before it that nobody knows the length of.
    place.edit("2.txt", "1.wav", "0.wav");
    l48!("build", place.manifest(), "--out", place.path("other"))
        .expect(2)
        .complains("2.txt:3: Begin Time (s) = \"24.25\"")
        .complains("not in the recordings table or have no known length");
}

#[test]
fn the_path_of_a_row_names_its_file_and_tells_folders_apart() {
    let place = shared("", "");
    place.wav("site 1/dawn.wav", RATE_HZ, 1, &noise(RATE_HZ, 4.0, 1));
    place.wav("site 2/dawn.wav", RATE_HZ, 1, &noise(RATE_HZ, 4.0, 2));
    place.write(
        "recordings.csv",
        "asset_id,path,split\n1,site 1/dawn.wav,train\n2,site 2/dawn.wav,train\n",
    );
    let row = |path: &str, begin: f64, code: &str| {
        format!(
            "1\tSpectrogram 1\t{begin}\t{}\t100\t900\t{path}\t0.5\t{code}\n",
            begin + 1.0
        )
    };
    let header = format!("{HEADER}\tBegin Path\tFile Offset (s)\tSpecies\n");
    let windows = row("D:\\field\\site 1\\dawn.WAV", 0.5, "woothr");
    place.write(
        "all.txt",
        &format!("{header}{windows}{}", row("/field/site 2/dawn.wav", 4.5, "norcar")),
    );
    build(&place, "out");
    let expected = [(1, 0.5, 1.5, "woothr".into()), (2, 0.5, 1.5, "norcar".into())];
    assert_eq!(boxes(&place, "out"), expected);
    place.write("all.txt", &format!("{header}{}", row("dawn.wav", 0.5, "woothr")));
    l48!("build", place.manifest(), "--out", place.path("other"))
        .expect(2)
        .complains("several recordings have this file name, and no Begin Path says in which folder");
}

#[test]
fn what_starts_before_the_recording_is_cut_or_dropped_and_counted() {
    let settings = "boxes = \"boxes.csv\"\nannotated_spans = \"spans.csv\"\n[labels]\ncompleteness = \"span\"\n";
    let place = Workplace::with_recordings(settings, &[(1, 6.0)]);
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,species_code\n1,-0.0000001,1.5,woothr\n1,-0.02,1.5,norcar\n1,-2,-1,eastow\n\
         1,-1,0,eastow\n",
    );
    place.write(
        "spans.csv",
        "asset_id,start_s,end_s,scope\n1,-0.5,3,all\n1,-2,-1,all\n1,3,9,target\n",
    );
    let ended = build(&place, "out").complains("2 boxes lie before their recording's start and were dropped");
    ended.prints("2 boxes start before their recording's start and were cut there");
    let expected = [(1, 0.0, 1.5, "woothr".into()), (1, 0.0, 1.5, "norcar".into())];
    assert_eq!(boxes(&place, "out"), expected);
    let dataset = open(&place.path("out"));
    let rows = clips_of(&dataset, 1);
    assert_eq!(codes(&dataset, &rows[0].absent), "eastow bkcchi");
    assert_eq!(codes(&dataset, &rows[1].absent), "woothr");
    let expected = json!({
        "boxes_before_start": 2,
        "boxes_cut_at_start": 2,
        "spans_before_start": 1,
        "spans_cut_at_end": 1,
        "spans_cut_at_start": 1,
    });
    assert_eq!(tallies(&place, "out"), expected);
    place.edit("boxes.csv", "-0.02,", "-2e9,");
    l48!("build", place.manifest(), "--out", place.path("other"))
        .expect(2)
        .complains("the box is outside any recording");
}

#[test]
fn a_file_without_rows_means_what_the_manifest_says() {
    for (format, empty, full) in [
        (
            "raven",
            format!("{HEADER}\tSpecies\n"),
            format!("{HEADER}\tSpecies\n1\tSpectrogram 1\t0.5\t1.5\t100\t900\twoothr\n"),
        ),
        ("audacity", String::new(), "0.5\t1.5\twoothr\n\\\t100\t900\n".into()),
    ] {
        let boxes = format!("boxes = {{ format = \"{format}\", files = \"notes/{{stem}}*.txt\" }}\n");
        let place = Workplace::with_recordings(&boxes, &[(1, 4.0), (2, 4.0), (3, 4.0)]);
        place.write("notes/1.txt", &empty);
        place.write("notes/2-a.txt", &empty);
        place.write("notes/2-b.txt", &full);
        build(&place, "out")
            .complains("2 annotation files have no rows and say nothing of their recordings; set empty_table");
        let expected = json!({ "annotation_files_without_rows": 2, "recordings_without_annotations": 1 });
        assert_eq!(tallies(&place, "out"), expected, "{format}");
        assert!(
            clips_of(&open(&place.path("out")), 1)
                .iter()
                .all(|row| row.unknown.len() == 4)
        );

        place.edit("manifest.toml", "*.txt\" }", "*.txt\", empty_table = \"absent\" }");
        build(&place, "absent");
        l48!("relabel", place.path("out"), place.manifest()).expect(0);
        assert_eq!(
            labels(&open(&place.path("out"))),
            labels(&open(&place.path("absent"))),
            "{format}"
        );
        assert_eq!(tallies(&place, "out"), tallies(&place, "absent"), "{format}");
        let dataset = open(&place.path("absent"));
        for row in clips_of(&dataset, 1) {
            assert_eq!(
                (row.label_source, row.absent.len(), row.fully_annotated),
                (LabelSource::Span, 4, true)
            );
        }
        // Where another file of the recording has rows, and where there is no file, nothing follows.
        assert_eq!(clips_of(&dataset, 2)[1].unknown.len(), 4);
        assert_eq!(clips_of(&dataset, 3)[0].unknown.len(), 4);
        let expected = json!({
            "annotation_files_without_rows": 1,
            "recordings_with_nothing_heard": 1,
            "recordings_without_annotations": 1,
        });
        assert_eq!(tallies(&place, "absent"), expected, "{format}");
    }
}

#[test]
fn labels_outside_the_taxa_are_named_with_their_number() {
    let place = Workplace::with_recordings(
        "boxes = \"boxes.csv\"\n[labels]\nother_codes = \"keep-box\"\n",
        &[(1, 4.0)],
    );
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,species_code\n1,0,1,Woothr\n1,1,2,hergul\n1,1,2,Woothr\n1,2,3,Pipilo erythrophthalmus\n\
         1,0,3,woothr\n",
    );
    let sentence = "4 boxes have labels outside the taxa table and [labels], so they label nothing: Woothr (2), \
        Pipilo erythrophthalmus (1), hergul (1)";
    build(&place, "out")
        .complains(sentence)
        .complains("Woothr (2): did you mean woothr?")
        .complains("Pipilo erythrophthalmus (1): is the scientific name of eastow; add it to [labels] aliases")
        .prints(sentence);
    l48!("stats", place.path("out")).expect(0).prints(sentence);
    let expected = json!({
        "boxes_of_other_codes:Pipilo erythrophthalmus": 1,
        "boxes_of_other_codes:Woothr": 2,
        "boxes_of_other_codes:hergul": 1,
    });
    assert_eq!(tallies(&place, "out"), expected);
    place.write("manifest.toml", &format!("{MINIMAL}boxes = \"boxes.csv\"\n"));
    l48!("build", place.manifest(), "--out", place.path("other"))
        .expect(2)
        .complains(
            "boxes.csv:2: species_code = \"Woothr\": unknown species code: did you mean woothr? Otherwise add it",
        )
        .complains("boxes.csv:3: species_code = \"hergul\": unknown species code: add it to the taxa table")
        .complains("unknown species code: is the scientific name of eastow; add it to [labels] aliases");
}

#[test]
fn decimal_commas_and_other_columns_are_named() {
    let table = format!("{HEADER}\tSpecies\n1\tSpectrogram 1\t0,5\t2,25\t1000,0\t4000\twoothr\n");
    let place = Workplace::with_recordings("boxes = { format = \"raven\", files = \"{stem}.txt\" }\n", &[(1, 4.0)]);
    place.write("1.txt", &table);
    l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(2)
        .complains(
            "1.txt:2: Begin Time (s) = \"0,5\": is a number with a decimal comma; write it with a decimal point",
        );
    place.write("1.txt", &table.replace("Species", "Common Name\tSpecies Code"));
    l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(2)
        .complains("missing column `Species`; the table has: Selection, View")
        .complains("Common Name, Species Code");
}
