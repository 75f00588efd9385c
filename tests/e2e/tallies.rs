//! Everything that is left out, changed or accepted as odd is counted: in the summary, in `stats`, in `dataset.json`,
//! and in what is made of the dataset.

use std::fs;

use serde_json::{Value, json};
use shardfmt::Dataset;

use crate::program::l48;
use crate::recordings::{MINIMAL, Workplace};

/// Three recordings of 7 s, of which the third cannot be decoded, with boxes, spans and priors that go astray.
fn astray() -> Workplace {
    let settings = "boxes = \"boxes.csv\"\nannotated_spans = \"spans.csv\"\ngeo_prior = \"geo.csv\"\n\
        checklist_prior = \"lists.csv\"\n\n[clips]\ntail = \"drop\"\n";
    let place = Workplace::with_recordings(settings, &[(1, 7.0), (2, 7.0), (3, 7.0)]);
    place.write(
        "boxes.csv",
        "asset_id,start_s,end_s,species_code\n1,0.5,1.5,woothr\n1,6.5,6.9,woothr\n2,5.0,8.0,woothr\n2,9.0,9.5,woothr\n\
         2,1.0,2.0,\n3,1.0,2.0,woothr\n",
    );
    place.write(
        "spans.csv",
        "asset_id,start_s,end_s,scope\n1,0,3,all\n1,4,5,all\n3,0,7,all\n",
    );
    place.write(
        "geo.csv",
        "asset_id,possible_species\n1,woothr;eastow\n3,woothr\n99,woothr\n",
    );
    place.write(
        "lists.csv",
        "checklist_id,observed_species,all_species_reported\nS1,woothr,1\n",
    );
    let odd = place.path("audio/1.wav");
    let mut bytes = fs::read(&odd).unwrap();
    bytes.extend([0; 64]);
    fs::write(&odd, bytes).unwrap();
    place.write_bytes("audio/3.wav", b"not a recording");
    place
}

#[test]
fn nothing_is_left_out_without_a_number() {
    let place = astray();
    let out = place.path("out");
    let built = l48!("build", place.manifest(), "--out", &out).expect(1);
    let expected = json!({
        "boxes_cut_at_end": 1,
        "boxes_of_rejects": 1,
        "boxes_outside_clips": 1,
        "boxes_past_end": 1,
        "boxes_without_label": 1,
        "checklists_of_no_recording": 1,
        "odd_files:zero fill": 1,
        "priors_of_other_assets": 1,
        "priors_of_rejects": 1,
        "spans_of_rejects": 1,
        "spans_without_clip": 1,
    });
    let written = |dir| -> Value {
        let text = fs::read_to_string(place.path(dir).join("dataset.json")).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["tallies"].clone()
    };
    assert_eq!(written("out"), expected);
    let stats = l48!("stats", &out, "--json").expect(0).json();
    assert_eq!(stats["tallies"], expected);
    let shown = l48!("stats", &out).expect(0).stdout;
    for sentence in [
        "1 box without a label was dropped",
        "1 box lies in a part of its recording that no clip holds",
        "1 box of a rejected recording was left out",
        "1 annotated span covers no whole clip, so it completes none",
        "1 oddity of a file was accepted, since its sound is whole: zero fill (1)",
    ] {
        assert!(built.stdout.contains(sentence), "{sentence}: {}", built.stdout);
        assert!(shown.contains(sentence), "{sentence}: {shown}");
    }
    // In steps, the plan carries what the tables left out.
    let steps = place.path("steps");
    l48!("plan", place.manifest(), "--out", &steps).expect(0);
    l48!("build", place.manifest(), "--out", &steps, "--shards", "0..1").expect(1);
    l48!("commit", &steps).expect(1);
    assert_eq!(written("steps"), expected);
    // Relabelling counts anew, and keeps what only decoding can find.
    l48!("relabel", &out, place.manifest()).expect(0);
    assert_eq!(written("out"), expected);
    l48!("reshard", &out, "--clips", "1", "--out", place.path("small")).expect(0);
    assert_eq!(written("small"), expected);
}

#[test]
fn a_recording_without_a_length_is_taken_to_its_end_where_the_manifest_says_so() {
    let place = Workplace::with_recordings("", &[(1, 4.0)]);
    let file = place.path("audio/1.wav");
    let mut bytes = fs::read(&file).unwrap();
    // The size of the data chunk, as a pipe leaves it.
    bytes.splice(40..44, [0xFF; 4]);
    fs::write(&file, &bytes).unwrap();
    let refused = l48!("build", place.manifest(), "--out", place.path("refused")).expect(2);
    assert!(
        refused.stderr.contains("[audio] open_length = \"to-end\""),
        "{}",
        refused.stderr
    );
    place.write(
        "manifest.toml",
        &format!("{MINIMAL}\n[audio]\nopen_length = \"to-end\"\n"),
    );
    let built = l48!("build", place.manifest(), "--out", place.path("out")).expect(0);
    assert!(built.stdout.contains("open length (1)"), "{}", built.stdout);
    let dataset = Dataset::open(&place.path("out")).unwrap();
    assert_eq!(dataset.assets().iter().map(|asset| asset.duration_s).sum::<f64>(), 4.0);
    assert_eq!(dataset.head().config["audio"]["open_length"], "to-end");
}
