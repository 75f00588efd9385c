//! Tests of the commands that make one dataset of another, as they are typed.

use serde_json::json;

use crate::dataset_rows::{labels, open};
use crate::file_tree::{names, tree};
use crate::program::{command, l48, run};
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
    let clips = |name: &str| {
        let rows = labels(&open(&place.path(name))).into_iter();
        rows.map(|row| (row.asset_id, row.clip_index, row.boxes))
            .collect::<Vec<_>>()
    };
    let mut wanted = clips("data");
    wanted.retain(|(id, index, _)| *id == 101 || *id == 105 && index % 2 == 1);
    let of_105 = wanted.iter().filter(|(id, ..)| *id == 105);
    let lines: Vec<String> = of_105.map(|(id, index, _)| format!("{id},{index}")).collect();
    place.write("chosen.csv", &format!("{}\n101\n", lines.join("\n")));
    let out = place.path("chosen");
    l48!(
        "subset",
        place.path("data"),
        "--clips",
        place.path("chosen.csv"),
        "--out",
        &out
    )
    .expect(0)
    .prints("Committed");
    l48!("verify", &out).expect(0);
    let found = clips("chosen");
    assert!(!lines.is_empty() && found == wanted, "{found:?}");
    let subsets = l48!("inspect", &out, "--json").expect(0).json()["config"]["subsets"].clone();
    assert_eq!(subsets[0]["clips"]["name"], "chosen.csv");

    // What a query prints goes the same way through a pipe.
    let mut command = command();
    let list = std::fs::File::open(place.path("chosen.csv")).unwrap();
    command.stdin(list).arg("subset").arg(place.path("data"));
    command.args(["--clips", "-", "--out"]).arg(place.path("piped"));
    run(&mut command).expect(0);
    assert_eq!(clips("piped"), wanted);
    let piped = l48!("inspect", place.path("piped"), "--json").expect(0).json()["config"]["subsets"].clone();
    let expected = json!({"name": "standard input", "xxh3": subsets[0]["clips"]["xxh3"]});
    assert_eq!(piped[0]["clips"], expected);
}

#[test]
fn a_subset_that_cannot_be_is_refused_with_a_reason() {
    let place = built();
    let before = tree(&place.path("data"));
    let subset = |list: &str, out: &str| {
        place.write("list", list);
        l48!(
            "subset",
            place.path("data"),
            "--clips",
            place.path("list"),
            "--out",
            place.path(out)
        )
        .expect(2)
    };
    for (list, message) in [
        ("id\n101\n", "list:1: missing column `asset_id`; the table has: id"),
        (
            "101,0\n100\n",
            "list:2: asset_id = \"100\": the dataset has no such recording",
        ),
        (
            "101,0\n101,1\n101,0\n",
            "list:3: asset_id,clip_index = \"101,0\": duplicate clip (first on line 1)",
        ),
        ("asset_id\n", "list selects no clips"),
    ] {
        subset(list, "out").complains(message);
    }
    subset("101\n", "data").complains("--out");
    l48!(
        "subset",
        place.path("data"),
        "--clips",
        place.path("nowhere"),
        "--out",
        place.path("out")
    )
    .expect(2)
    .complains("nowhere");
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
