//! Tests that mistakes in a manifest and its tables are reported all at once, each with its place, before anything is
//! written, and that what only looks odd is warned of.

use crate::dataset_rows::{clips_of, codes, open};
use crate::file_tree::{assert_same, names, tree};
use crate::program::l48;
use crate::recordings::{TAXA, Workplace};

/// The mistakes of a manifest as printed: "file:line: column = value" (without the folder) and the message.
fn problems(place: &Workplace) -> Vec<String> {
    let before = tree(place.folder());
    let built = l48!("build", place.manifest(), "--out", place.path("out")).expect(2);
    let planned = l48!("plan", place.manifest(), "--out", place.path("out")).expect(2);
    assert_eq!(built.stderr, planned.stderr);
    assert!(built.stdout.is_empty(), "{}", built.stdout);
    assert_same(&before, &tree(place.folder()), "nothing is written");
    let folder = format!("{}/", place.folder().display());
    let lines: Vec<String> = built
        .stderr
        .lines()
        .map(|line| line.trim().replace(&folder, ""))
        .collect();
    let announced = format!("{} problem", lines.len() - 1);
    assert!(
        lines[0].contains(&announced) && lines[0].contains("nothing was written"),
        "{lines:#?}"
    );
    lines[1..].to_vec()
}

/// Asserts that each expected pair of place and message is there, and nothing else.
#[track_caller]
fn assert_problems(found: &[String], expected: &[(&str, &str)]) {
    let matches = |line: &String, (place, message): &(&str, &str)| {
        line.strip_prefix(place)
            .is_some_and(|rest| rest.starts_with(": ") && rest.contains(message))
    };
    for pair in expected {
        assert!(
            found.iter().any(|line| matches(line, pair)),
            "{pair:?} is missing in {found:#?}"
        );
    }
    let surplus: Vec<_> = found
        .iter()
        .filter(|line| !expected.iter().any(|pair| matches(line, pair)))
        .collect();
    assert!(
        surplus.is_empty() && found.len() == expected.len(),
        "{} found, unexpected: {surplus:#?}",
        found.len()
    );
}

#[test]
fn every_mistake_is_reported_at_once_with_its_place() {
    let place = Workplace::with_recordings("", &[(1, 7.0), (2, 4.0), (3, 4.0)]);
    place.write(
        "manifest.toml",
        "[dataset]\nname = \"wrong\"\n\n[tables]\nrecordings = \"recordings.csv\"\ntaxa = \"taxa.csv\"\nboxes = \"boxes.csv\"\n\
         geo_prior = \"geo_prior.csv\"\nchecklist_prior = \"checklist_prior.csv\"\nannotated_spans = \"spans.csv\"\n\n\
         [clips]\nhop = 1.5\nduration_s = \"three\"\n\n[labels]\nunknown_bird_codes = [\"norcar\"]\n\n[shard]\nclips = 8\n",
    );
    place.write(
        "recordings.csv",
        "asset_id,path,target_species,latitude,recorded_at,checklist_id,split\n\
         1,audio/1.wav,woothr,40.5,2018-06-02T06:30:00-04:00,S1,train\n\
         2,audio/2.wav,woothr,,,,train\n\
         2,audio/3.wav,woothr,,,,train\n\
         4,audio/none.wav,woothr,,,,train\n\
         5,audio/1.wav,dodo1,,,,train\n\
         6,audio/1.wav,,91.5,,,train\n\
         7,audio/1.wav,,,2018-06-02T06:30:00,,train\n\
         8,audio/1.wav,,,,,dev\n\
         9,audio,,,,,test\n\
         x9,audio/1.wav,,,,,test\n",
    );
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,low_hz,high_hz,species_code,status\n\
         1,0.5,1.5,1000,2000,dodo2,\n\
         77,0.5,1.5,1000,2000,woothr,\n\
         1,2.5,1.5,1000,2000,woothr,\n\
         1,0.5,1.5,3000,2000,woothr,\n\
         1,0.5,soon,1000,2000,woothr,\n\
         1,0.5,1.5,1000,2000,woothr,loud\n\
         1,0.5,1.5,1000,2000,bkcchi,\n\
         1,0.5,1.5,1000\n",
    );
    place.write(
        "geo_prior.csv",
        "asset_id,possible_species\n1,woothr;dodo3;eastow\n1,woothr\n",
    );
    place.write(
        "checklist_prior.csv",
        "checklist_id,observed_species,all_species_reported\nS1,woothr;dodo4,0\nS2,woothr,maybe\n",
    );
    place.write("spans.csv", "asset_id,start_s,end_s\n1,0,3\n");
    assert_problems(
        &problems(&place),
        &[
            (
                "manifest.toml:13: clips.hop = \"1.5\"",
                "unknown key; expected one of duration_s, hop_s, tail",
            ),
            ("manifest.toml:14: clips.duration_s = \"three\"", "number"),
            ("manifest.toml:19: shard = \"{1 keys}\"", "unknown key"),
            ("manifest.toml:17", "labels.unknown_bird_codes = \"norcar\": is a class"),
            (
                "recordings.csv:4: asset_id = \"2\"",
                "duplicate asset_id (first on line 3)",
            ),
            ("recordings.csv:5: path = \"audio/none.wav\"", "cannot be read"),
            ("recordings.csv:6: target_species = \"dodo1\"", "unknown species code"),
            ("recordings.csv:7: latitude = \"91.5\"", "degrees"),
            (
                "recordings.csv:8: recorded_at = \"2018-06-02T06:30:00\"",
                "no UTC offset",
            ),
            ("recordings.csv:9: split = \"dev\"", "train, val, test"),
            ("recordings.csv:10: path = \"audio\"", "is not a file"),
            ("recordings.csv:11: asset_id = \"x9\"", "expected an integer"),
            ("boxes.csv:2: species_code = \"dodo2\"", "unknown species code"),
            ("boxes.csv:3: asset_id = \"77\"", "unknown asset"),
            ("boxes.csv:4: end_s = \"2.5 to 1.5\"", "ends before it starts"),
            ("boxes.csv:5: low_hz, high_hz = \"3000, 2000\"", "low_hz <= high_hz"),
            ("boxes.csv:6: end_s = \"soon\"", "number"),
            ("boxes.csv:7: status = \"loud\"", "active, passive, ignore"),
            (
                "boxes.csv:8: species_code = \"bkcchi\"",
                "geographic prior says is absent",
            ),
            ("boxes.csv:9", "expected 7 cells as in the header, got 4"),
            (
                "geo_prior.csv:2: possible_species = \"woothr;dodo3;eastow\"",
                "unknown species code \"dodo3\"",
            ),
            (
                "geo_prior.csv:3: asset_id = \"1\"",
                "duplicate asset_id (first on line 2)",
            ),
            (
                "checklist_prior.csv:2: observed_species = \"woothr;dodo4\"",
                "unknown species code \"dodo4\"",
            ),
            ("checklist_prior.csv:3: all_species_reported = \"maybe\"", "1 or 0"),
            ("spans.csv:1", "missing column `scope`"),
        ],
    );
}

/// What other tables say of a recording whose own row is wrong is no second mistake.
#[test]
fn a_recording_with_a_mistake_is_not_unknown_to_other_tables() {
    let place = Workplace::with_recordings(
        "boxes = \"boxes.csv\"\nannotated_spans = \"spans.csv\"\n",
        &[(1, 3.0), (2, 3.0)],
    );
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,species_code\n1,0,1,woothr\n1,1,2,eastow\n3,0,1,woothr\n",
    );
    place.write("spans.csv", "asset_id,start_s,end_s,scope\n1,0,3,all\n");
    place.edit("recordings.csv", "1,audio/1.wav", "1,audio/none.wav");
    assert_problems(
        &problems(&place),
        &[
            ("recordings.csv:2: path = \"audio/none.wav\"", "cannot be read"),
            ("boxes.csv:4: asset_id = \"3\"", "unknown asset"),
        ],
    );
}

#[test]
fn tables_that_are_missing_or_empty() {
    let place = Workplace::with_recordings("boxes = \"boxes.csv\"\n", &[(1, 4.0)]);
    assert_problems(&problems(&place), &[("boxes.csv", "cannot be read")]);
    place.write("boxes.csv", "asset_id,start_s,end_s,species_code\n");
    place.write("recordings.csv", "asset_id,path,split\n");
    assert_problems(&problems(&place), &[("recordings.csv", "has no recordings")]);
    place.write("recordings.csv", "path,split\naudio/1.wav,train\n");
    assert_problems(
        &problems(&place),
        &[(
            "recordings.csv:1",
            "missing column `asset_id`; the table has: path, split",
        )],
    );
    place.write("recordings.csv", "asset_id,path,split\n1,audio/1.wav,train\n");
    place.write("taxa.csv", "species_code\nwoothr\nwoothr\n");
    assert_problems(
        &problems(&place),
        &[(
            "taxa.csv:3: species_code = \"woothr\"",
            "duplicate species_code (first on line 2)",
        )],
    );
}

#[test]
fn a_manifest_that_is_no_toml_names_its_line() {
    let place = Workplace::with_recordings("[clips\nduration_s = 3\n", &[(1, 4.0)]);
    let found = problems(&place);
    assert!(
        found.len() == 1 && found[0].starts_with("manifest.toml:7: is not valid TOML"),
        "{found:?}"
    );
}

#[test]
fn settings_that_contradict_each_other_name_the_parameter() {
    let cases = [
        ("[spectrogram]\nfmax_hz = 12000.0\n", "fmax_hz is 12000"),
        ("[spectrogram]\nn_fft = 512\nwin_length = 512\n", "raise n_fft"),
        (
            "[spectrogram]\ntop_db = \"none\"\n",
            "dtype u8 needs a number for top_db",
        ),
        ("[clips]\nduration_s = 2\n", "frames is 448"),
        ("[audio]\nsample_rate_hz = 100\n", "1000 to 768000 Hz"),
    ];
    for (settings, expected) in cases {
        let place = Workplace::with_recordings(settings, &[(1, 4.0)]);
        let refused = l48!("build", place.manifest(), "--out", place.path("out")).expect(2);
        refused.complains(expected).complains("manifest.toml");
        assert_eq!(
            names(place.folder()),
            ["audio", "manifest.toml", "recordings.csv", "taxa.csv"]
        );
    }
}

/// One recording with a box of a class that its prior excludes.
fn with_a_vagrant(settings: &str) -> Workplace {
    let tables = "boxes = \"boxes.csv\"\ngeo_prior = \"geo.csv\"\nchecklist_prior = \"lists.csv\"\n";
    let place = Workplace::with_recordings(&format!("{tables}{settings}"), &[(1, 6.0), (2, 3.0)]);
    place.write(
        "recordings.csv",
        "asset_id,path,checklist_id,split\n1,audio/1.wav,,train\n2,audio/2.wav,S2,train\n",
    );
    // The ignored box and the one past the end contradict nothing.
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,species_code,status\n\
         1,0.5,1.5,bkcchi,\n1,3.5,4.5,norcar,ignore\n1,7,8,norcar,\n1,3.5,4.5,woothr,\n2,1,2,eastow,\n",
    );
    place.write(
        "geo.csv",
        "asset_id,possible_species,modelled_species\n1,woothr,woothr;norcar;bkcchi\n",
    );
    place.write(
        "lists.csv",
        "checklist_id,observed_species,all_species_reported\nS2,woothr,1\n",
    );
    place
}

#[test]
fn a_box_against_a_prior_is_a_mistake() {
    let found = problems(&with_a_vagrant(""));
    assert_problems(
        &found,
        &[
            (
                "boxes.csv:2: species_code = \"bkcchi\"",
                "the recording has a box of a species that its geographic prior says is absent",
            ),
            (
                "boxes.csv:6: species_code = \"eastow\"",
                "the recording has a box of a species that its checklist prior says is absent",
            ),
        ],
    );
    assert!(
        found[0].contains("prior_conflict = \"positive-wins\""),
        "the message says what can be done: {found:?}"
    );
}

#[test]
fn a_box_against_a_prior_wins_where_vagrants_are_real() {
    let place = with_a_vagrant("\n[labels]\nprior_conflict = \"positive-wins\"\n");
    let out = place.path("out");
    let built = l48!("build", place.manifest(), "--out", &out).expect(0);
    built
        .prints("2 labels contradict a prior; the box won")
        .prints("1 box starts after its recording's end");
    let dataset = open(&out);
    let clips = clips_of(&dataset, 1);
    assert_eq!(
        (codes(&dataset, &clips[0].present), codes(&dataset, &clips[0].absent)),
        ("bkcchi".into(), "woothr eastow norcar".into())
    );
    assert_eq!(
        (codes(&dataset, &clips[1].present), codes(&dataset, &clips[1].absent)),
        ("woothr".into(), "eastow norcar bkcchi".into())
    );
    assert_eq!(codes(&dataset, &clips_of(&dataset, 2)[0].present), "eastow");
}

#[test]
fn leakage_between_splits_is_warned_of() {
    let place = Workplace::with_recordings("", &[(1, 3.0), (2, 3.0), (3, 3.0)]);
    place.write("taxa.csv", TAXA);
    place.write_bytes("audio/copy.wav", &std::fs::read(place.path("audio/3.wav")).unwrap());
    let header = "asset_id,path,latitude,longitude,checklist_id,split\n";
    place.write(
        "recordings.csv",
        &format!(
            "{header}1,audio/1.wav,40.1,-79.2,S1,train\n2,audio/2.wav,40.1,-79.2,S1,val\n3,audio/3.wav,,,,train\n\
             4,audio/../audio/3.wav,,,,test\n5,audio/copy.wav,,,,test\n6,audio/2.wav,40.1,-79.3,,val\n"
        ),
    );
    let warned = l48!("build", place.manifest(), "--out", place.path("out"))
        .expect(0)
        .stderr;
    let expected = [
        "leakage: 1 checklist is in more than one split: S1 (train, val)",
        "leakage: 1 coordinate pair is in more than one split: (40.1, -79.2) (train, val)",
        "leakage: 1 source file is in more than one split: audio/3.wav (train, test)",
        "leakage: 2 recordings are in two splits, byte for byte: assets 3 (train) and 4 (test), 3 (train) and 5 (test)",
    ];
    for line in expected {
        assert!(warned.contains(line), "{line:?} is missing in\n{warned}");
    }
    place.write(
        "recordings.csv",
        &format!("{header}1,audio/1.wav,40.1,-79.2,S1,train\n2,audio/2.wav,40.1,-79.2,S1,train\n"),
    );
    let silent = l48!("build", place.manifest(), "--out", place.path("clean"))
        .expect(0)
        .stderr;
    assert!(!silent.contains("leakage"), "{silent}");
}
