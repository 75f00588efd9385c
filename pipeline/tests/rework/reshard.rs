//! Resharded datasets: there and back, merged ones, damaged ones.

use pipeline::Error;
use pipeline::rework::reshard;
use shardfmt::entry::shard_path;
use shardfmt::{Checks, Dataset};

use super::dataset_files::{assert_alone, assert_same, assert_sound, damage_record, files, merge};
use super::recordings::{OLD, Recordings, SETTINGS, SHARD_CLIPS, built, old_details};

#[test]
fn there_and_back_every_byte_is_the_same() {
    let place = Recordings::new();
    let (dir, back) = (place.path("data"), place.path("back"));
    let outcome = built(&place.old(), &dir);
    for clips in [1, 5, 1000] {
        let other = place.path(&format!("of-{clips}"));
        let resharded = reshard(&dir, clips, &other, &|_| {}).unwrap();
        assert_eq!((resharded.clips, resharded.assets), (outcome.clips, outcome.assets));
        assert_eq!(
            (resharded.silent_clips, &resharded.rejects),
            (outcome.silent_clips, &outcome.rejects)
        );
        assert_ne!(resharded.shards, outcome.shards);
        assert_sound(&other);
        let info = Dataset::open(&other).unwrap().info().clone();
        assert_eq!(info.head.config["shards"]["clips"], clips);
        reshard(&other, SHARD_CLIPS, &back, &|_| {}).unwrap();
        assert_same(&dir, &back, |_| false);
        assert_sound(&back);
        std::fs::remove_dir_all(&back).unwrap();
    }
}

#[test]
fn shards_are_those_a_build_of_that_aim_makes() {
    let place = Recordings::new();
    let (dir, fresh, resharded) = (place.path("data"), place.path("fresh"), place.path("resharded"));
    let manifest = place.old();
    built(&manifest, &dir);
    let text = std::fs::read_to_string(&manifest)
        .unwrap()
        .replace("clips = 12", "clips = 5");
    std::fs::write(&manifest, text).unwrap();
    built(&manifest, &fresh);
    reshard(&dir, 5, &resharded, &|_| {}).unwrap();
    // The shards of the copy still name the configuration that their images were built with.
    assert_same(&resharded, &fresh, |name| {
        name.starts_with("shards/") || name == "dataset.json"
    });
    let [copy, fresh] = [resharded, fresh].map(|dir| Dataset::open(&dir).unwrap());
    assert_eq!(copy.head().config_xxh3, fresh.head().config_xxh3);
    for shard in 0..copy.shard_count() {
        let [copy, fresh] = [&copy, &fresh].map(|dataset| dataset.open_shard(shard, Checks::Always).unwrap());
        for row in 0..fresh.rows() {
            assert!(copy.clip(row).unwrap() == fresh.clip(row).unwrap());
            assert_eq!(
                copy.ref_db(row).unwrap().to_bits(),
                fresh.ref_db(row).unwrap().to_bits()
            );
        }
    }
}

#[test]
fn shards_of_a_merged_set_hold_clips_of_one_part_each() {
    let place = Recordings::new();
    let (a, b, merged, large) = (
        place.path("a"),
        place.path("b"),
        place.path("merged"),
        place.path("large"),
    );
    built(&place.manifest("a", &[11, -2, 30], old_details, &OLD, SETTINGS), &a);
    built(&place.manifest("b", &[4, 25, 6], old_details, &OLD, SETTINGS), &b);
    merge(&a, &[b], &merged, &|_| {}).unwrap();
    reshard(&merged, 1000, &large, &|_| {}).unwrap();
    assert_sound(&large);
    let large = Dataset::open(&large).unwrap();
    assert_eq!(large.shard_count(), 2);
    for shard in 0..2 {
        let opened = large.open_shard(shard, Checks::Off).unwrap();
        let part = &large.head().config["parts"][shard as usize];
        assert_eq!(opened.metadata()["config_xxh3"], part["config_xxh3"]);
    }
}

#[test]
fn a_damaged_record_is_named_and_nothing_is_committed() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let asset_id = damage_record(&dir, 1, 2);
    let before = files(&dir);
    let error = reshard(&dir, 7, &out, &|_| {}).unwrap_err();
    let Error::Dataset(shardfmt::Error::ClipChecksum {
        path,
        asset_id: named,
        row,
        ..
    }) = &error
    else {
        panic!("{error}");
    };
    assert_eq!((path, *named, *row), (&dir.join(shard_path(1)), asset_id, 2));
    let said = error.to_string();
    assert!(
        said.contains("00001.safetensors") && said.contains(&asset_id.to_string()),
        "{said}"
    );
    assert!(!out.exists() && before == files(&dir));
    assert_alone(&out);
}
