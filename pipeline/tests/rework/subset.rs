//! Subsets: which clips are in them and what is said of those, what is recorded, and how they are reworked again.

use std::collections::BTreeMap;
use std::path::Path;

use pipeline::Error;
use pipeline::rework::{ClipList, Linked, relabel};
use serde_json::{Value, json};
use shardfmt::Xxh3;
use shardfmt::{AssetRow, Checks, Dataset, LabelRow, PriorRow, Split};

use super::dataset_files::{assert_alone, assert_same, assert_sound, damage_record, files, merge, subset};
use super::recordings::{NEW, OLD, Recordings, SETTINGS, built, new_details, old_details, source};

/// A clip with all that is known of it.
struct Clip {
    label: LabelRow,
    asset: AssetRow,
    prior: PriorRow,
    ref_db: f32,
    stored: Vec<u8>,
}

/// The clips of a dataset in their order.
fn clips(dir: &Path) -> Vec<Clip> {
    let dataset = Dataset::open(dir).unwrap();
    let assets: BTreeMap<i64, &AssetRow> = dataset.assets().iter().map(|row| (row.asset_id, row)).collect();
    let mut clips = Vec::new();
    for number in 0..dataset.shard_count() {
        let shard = dataset.open_shard(number, Checks::Always).unwrap();
        let priors = dataset.priors(&shard).unwrap();
        for label in dataset.labels(&shard).unwrap() {
            clips.push(Clip {
                asset: assets[&label.asset_id].clone(),
                prior: priors
                    .iter()
                    .find(|row| row.asset_id == label.asset_id)
                    .unwrap()
                    .clone(),
                ref_db: shard.ref_db(label.row).unwrap(),
                stored: shard.clip(label.row).unwrap().to_vec(),
                label,
            });
        }
    }
    clips
}

/// What a subset leaves as it is: everything but shards and rows.
fn facts(clip: &Clip) -> (LabelRow, AssetRow, PriorRow, u32, Vec<u8>) {
    let label = LabelRow {
        shard: 0,
        row: 0,
        ..clip.label.clone()
    };
    let asset = AssetRow {
        shard: 0,
        first_row: 0,
        clips: 0,
        ..clip.asset.clone()
    };
    (
        label,
        asset,
        clip.prior.clone(),
        clip.ref_db.to_bits(),
        clip.stored.clone(),
    )
}

fn choices(dir: &Path) -> Value {
    Dataset::open(dir).unwrap().head().config["subsets"].clone()
}

/// The list of those clips of a dataset that are wanted, in another order than theirs.
fn list(dir: &Path, wanted: impl Fn(&LabelRow) -> bool) -> ClipList {
    let dataset = Dataset::open(dir).unwrap();
    let labels = (0..dataset.shard_count()).flat_map(|shard| {
        dataset
            .labels(&dataset.open_shard(shard, shardfmt::Checks::Off).unwrap())
            .unwrap()
    });
    let mut lines: Vec<String> = labels
        .filter(|label| wanted(label))
        .map(|label| format!("{},{}\n", label.asset_id, label.clip_index))
        .collect();
    lines.sort_by_key(|line| Xxh3::of(line.as_bytes()));
    ClipList::parse(Path::new("chosen.csv"), lines.concat().into_bytes()).unwrap()
}

#[test]
fn the_clips_are_those_of_the_list() {
    type Wanted = fn(&LabelRow) -> bool;
    let choices: [(&str, Wanted); 8] = [
        ("a split", |clip| clip.split == Split::Train),
        ("some of each recording", |clip| {
            !clip.silent && (1..=3).contains(&clip.clip_index)
        }),
        ("a class", |clip| clip.present.contains(&0)),
        ("no target", |clip| clip.target.is_none()),
        ("clips that are padded", |clip| {
            clip.valid_s < 0.5 && clip.start_s >= 0.3
        }),
        ("recordings", |clip| [11, -2, 4].contains(&clip.asset_id)),
        ("the first clips", |clip| clip.start_s == 0.0),
        ("one clip", |clip| (clip.asset_id, clip.clip_index) == (25, 2)),
    ];
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    let outcome = built(&place.old(), &dir);
    let whole = clips(&dir);
    for (name, wanted) in choices {
        let chosen = subset(&dir, &list(&dir, wanted), &out, &|_| {}).unwrap_or_else(|error| panic!("{name}: {error}"));
        let wanted: Vec<_> = whole.iter().filter(|clip| wanted(&clip.label)).map(facts).collect();
        assert!((1..whole.len()).contains(&wanted.len()), "{name}: nothing to test with");
        assert_sound(&out);
        let found = clips(&out);
        assert!(found.iter().map(facts).eq(wanted), "{name}");
        assert_eq!(chosen.clips, found.len() as u64);
        let silent = found.iter().filter(|clip| clip.label.silent).count();
        assert_eq!(chosen.silent_clips, silent as u64);
        assert_eq!(chosen.rejects, outcome.rejects, "what was rejected is still known");
        // A recording without a clip is gone, and those that are left say how many they have.
        let assets = Dataset::open(&out).unwrap().assets().to_vec();
        for asset in &assets {
            let own = found.iter().filter(|clip| clip.label.asset_id == asset.asset_id);
            let own = own.count();
            assert!(own > 0 && asset.clips as usize == own, "{name}: {asset:?}");
        }
        assert_eq!(chosen.assets, assets.len() as u64);
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[test]
fn all_clips_in_a_subset_are_the_dataset_again() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let all = list(&dir, |_| true);
    subset(&dir, &all, &out, &|_| {}).unwrap();
    assert_same(&dir, &out, |name| name == "dataset.json");
    let [was, is] = [&dir, &out].map(|dir| Dataset::open(dir).unwrap().head().clone());
    let mut config = was.config.clone();
    let named = json!({ "name": "chosen.csv", "xxh3": all.xxh3() });
    config["subsets"] = json!([{ "of": "birds", "config_xxh3": was.config_xxh3, "clips": named }]);
    assert_eq!(is.config, config);
    assert_eq!((is.name, is.axes, is.values), (was.name, was.axes, was.values));
}

/// Checksums of the lists that a dataset's clips were chosen by.
fn lists(dir: &Path) -> Vec<Value> {
    let choices = choices(dir);
    let choices = choices.as_array().unwrap().iter();
    choices.map(|choice| choice["clips"]["xxh3"].clone()).collect()
}

#[test]
fn a_subset_of_a_subset_lists_both_choices() {
    let place = Recordings::new();
    let [dir, first, second, at_once] = ["data", "first", "second", "at-once"].map(|name| place.path(name));
    built(&place.old(), &dir);
    let even = list(&dir, |clip| clip.clip_index % 2 == 0);
    subset(&dir, &even, &first, &|_| {}).unwrap();
    let later = list(&first, |clip| clip.asset_id > 5);
    subset(&first, &later, &second, &|_| {}).unwrap();
    let both = list(&dir, |clip| clip.clip_index % 2 == 0 && clip.asset_id > 5);
    subset(&dir, &both, &at_once, &|_| {}).unwrap();
    assert_same(&second, &at_once, |name| name == "dataset.json");
    assert_eq!(lists(&second), [even.xxh3().to_string(), later.xxh3().to_string()]);
    let parent = Dataset::open(&first).unwrap().head().config_xxh3;
    assert_eq!(choices(&second)[1]["config_xxh3"], parent.to_string());
}

#[test]
fn damage_is_named_and_nothing_is_committed() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let asset_id = damage_record(&dir, 1, 2);
    let before = files(&dir);
    let all = list(&dir, |_| true);
    let error = subset(&dir, &all, &out, &|_| {}).unwrap_err();
    let named = matches!(&error, Error::Dataset(shardfmt::Error::ClipChecksum { asset_id: named, row: 2, .. }) if *named == asset_id);
    assert!(named, "{error}");
    assert!(!out.exists() && before == files(&dir));
    assert_alone(&out);
    // A clip that is not chosen is not read.
    subset(&dir, &list(&dir, |clip| clip.asset_id != asset_id), &out, &|_| {}).unwrap();
    assert_sound(&out);
    let error = subset(&dir, &all, &out, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::OutputTaken { .. }), "{error}");
}

#[test]
fn a_subset_is_relabelled_as_the_whole_would_be() {
    let place = Recordings::new();
    let [dir, chosen, again] = ["data", "chosen", "again"].map(|name| place.path(name));
    built(&place.old(), &dir);
    // Asset 4 has a single clip and is gone; the others lose clips at their start.
    let third = list(&dir, |clip| clip.clip_index % 3 == 1);
    subset(&dir, &third, &chosen, &|_| {}).unwrap();
    let made_of = choices(&chosen);
    let new = source(&place.new_labels());
    relabel(&new, &chosen, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&chosen);
    relabel(&new, &dir, Linked::Verify, &|_| {}).unwrap();
    subset(&dir, &third, &again, &|_| {}).unwrap();
    assert_same(&chosen, &again, |name| name == "dataset.json");
    assert_eq!(choices(&chosen), made_of, "where the clips come from is still known");
    // The choice stands: what is new in a manifest without being part of the whole is passed over, what is missing is
    // not.
    let fewer = place.manifest("fewer", &[11, -2], new_details, &NEW, SETTINGS);
    let error = relabel(&source(&fewer), &chosen, Linked::Verify, &|_| {}).unwrap_err();
    assert!(
        matches!(&error, Error::AudioChanged { difference, .. } if difference.contains("no longer there")),
        "{error}"
    );
}

#[test]
fn merged_subsets_are_relabelled_too() {
    let place = Recordings::new();
    let [a, b, chosen_a, chosen_b, merged] = ["a", "b", "chosen-a", "chosen-b", "merged"].map(|name| place.path(name));
    built(&place.manifest("a", &[11, -2, 30], old_details, &OLD, SETTINGS), &a);
    built(&place.manifest("b", &[4, 25, 6], old_details, &OLD, SETTINGS), &b);
    let of_a = list(&a, |clip| clip.clip_index > 0);
    let of_b = list(&b, |clip| !clip.silent);
    subset(&a, &of_a, &chosen_a, &|_| {}).unwrap();
    subset(&b, &of_b, &chosen_b, &|_| {}).unwrap();
    merge(&chosen_a, &[chosen_b], &merged, &|_| {}).unwrap();
    // Shards of a subset of a merged set hold clips of one part each.
    let third = place.path("third");
    subset(&merged, &list(&merged, |clip| clip.asset_id != 6), &third, &|_| {}).unwrap();
    assert_sound(&third);
    let third = Dataset::open(&third).unwrap();
    let builds: Vec<_> = (0..third.shard_count())
        .map(|shard| third.open_shard(shard, Checks::Off).unwrap().metadata()["config_xxh3"].clone())
        .collect();
    assert_eq!(builds.len(), 2, "{builds:?}");
    assert_ne!(builds[0], builds[1]);

    relabel(&source(&place.new_labels()), &merged, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&merged);
    assert_eq!(lists(&merged), [of_a.xxh3().to_string(), of_b.xxh3().to_string()]);
}
