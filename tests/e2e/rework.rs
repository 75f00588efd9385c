//! Tests of the commands that make one dataset of another, as they are typed.

use crate::dataset_rows::{labels, open};
use crate::file_tree::{names, tree};
use crate::program::l48;
use crate::recordings::Workplace;

/// A small dataset with every table in `data`.
fn built() -> Workplace {
    let place = Workplace::with_every_table(12);
    l48!("build", place.manifest(), "--out", place.path("data")).expect(0);
    place
}

#[test]
fn a_subset_is_a_dataset_of_the_clips_asked_for() {
    let place = built();
    let condition = "array_has(present, 'woothr') AND split = 'train' AND longitude < -78.5";
    let out = place.path("woothr");
    l48!("subset", place.path("data"), "--where", condition, "--out", &out)
        .expect(0)
        .prints("Committed");
    l48!("verify", &out).expect(0);
    let clips = |name: &str| labels(&open(&place.path(name)));
    let wanted = clips("data")
        .into_iter()
        .filter(|row| row.present.contains(&0) && row.asset_id == 101);
    let wanted: Vec<_> = wanted.map(|row| (row.asset_id, row.clip_index, row.boxes)).collect();
    let found: Vec<_> = clips("woothr")
        .into_iter()
        .map(|row| (row.asset_id, row.clip_index, row.boxes))
        .collect();
    assert!(!found.is_empty() && found == wanted, "{found:?}");
    let inspected = l48!("inspect", &out, "--json").expect(0).json();
    assert!(
        inspected.to_string().contains("-78.5"),
        "the condition is kept: {inspected}"
    );
}

#[test]
fn a_subset_that_cannot_be_is_refused_with_a_reason() {
    let place = built();
    let before = tree(&place.path("data"));
    for (condition, said) in [
        ("loudness > -40", "there is no column loudness"),
        ("loudness > -40", "rms_dbfs (number)"),
        ("split = 'dev'", "none of the 29 clips"),
        ("split", "expected true or false"),
    ] {
        let ended = l48!(
            "subset",
            place.path("data"),
            "--where",
            condition,
            "--out",
            place.path("out")
        )
        .expect(2);
        ended.complains(said);
    }
    l48!(
        "subset",
        place.path("data"),
        "--where",
        "TRUE",
        "--out",
        place.path("data")
    )
    .expect(2)
    .complains("--out");
    assert!(
        names(place.folder())
            .iter()
            .all(|name| name != "out" && !name.starts_with('.'))
    );
    assert!(before == tree(&place.path("data")));
}

#[test]
fn relabelling_does_without_the_recordings() {
    let place = built();
    place.edit("boxes.csv", "106,99.0,100.0,1,2,eastow", "106,3.5,4.5,,,bkcchi");
    l48!("build", place.manifest(), "--out", place.path("fresh")).expect(0);
    let moved = place.path("elsewhere");
    std::fs::rename(place.path("audio"), &moved).unwrap();
    l48!("build", place.manifest(), "--out", place.path("none"))
        .expect(2)
        .complains("cannot be read");
    l48!("relabel", place.path("data"), place.manifest())
        .expect(0)
        .complains("8 recordings are no longer where the table says");
    l48!("verify", place.path("data")).expect(0);
    assert!(labels(&open(&place.path("data"))) == labels(&open(&place.path("fresh"))));
    // Those that are there again are compared with what the dataset was built from.
    std::fs::rename(&moved, place.path("audio")).unwrap();
    let dusk = std::fs::read(place.path("audio/dusk.wav")).unwrap();
    place.write_bytes("audio/dawn.wav", &dusk);
    l48!("relabel", place.path("data"), place.manifest())
        .expect(2)
        .complains("the source of asset 101 was ");
}

#[test]
fn relabelling_refuses_a_damaged_clip_and_says_which() {
    let place = built();
    place.edit("boxes.csv", "106,99.0,100.0,1,2,eastow", "106,3.5,4.5,,,bkcchi");
    let shard = place.path("data/shards/00001.safetensors");
    let mut bytes = std::fs::read(&shard).unwrap();
    let at = 4096 + 448 * 448 + 5;
    bytes[at] ^= 1;
    std::fs::write(&shard, &bytes).unwrap();
    let before = tree(&place.path("data"));
    let asset = labels(&open(&place.path("data")))
        .into_iter()
        .find(|label| (label.shard, label.row) == (1, 1))
        .unwrap()
        .asset_id;
    let ended = l48!("relabel", place.path("data"), place.manifest()).expect(2);
    let said = format!("shards/00001.safetensors: clip at row 1 (asset {asset}, ");
    ended.complains(&said);
    assert!(before == tree(&place.path("data")));
    assert!(names(place.folder()).iter().all(|name| !name.starts_with('.')));
    l48!("relabel", place.path("data"), place.manifest(), "--no-verify").expect(0);
    l48!("verify", place.path("data")).expect(2).prints("row 1");
}
