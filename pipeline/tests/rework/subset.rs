//! Subsets: which clips are in them and what is said of those, what is recorded, and conditions that are refused.

use std::collections::BTreeMap;
use std::path::Path;

use pipeline::Error;
use pipeline::rework::{Linked, merge, relabel, subset};
use serde_json::{Value, json};
use shardfmt::{AssetRow, Checks, Dataset, LabelRow, PriorRow, Split};

use super::dataset_files::{assert_alone, assert_same, assert_sound, damage_record, files};
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
        let priors = dataset.priors(number).unwrap();
        for label in dataset.labels(number).unwrap() {
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

#[test]
fn the_clips_are_those_that_fulfil_the_condition() {
    type Wanted = fn(&Clip) -> bool;
    let conditions: [(&str, Wanted); 16] = [
        ("split = 'train'", |clip| clip.label.split == Split::Train),
        ("NOT silent AND clip_index BETWEEN 1 AND 3", |clip| {
            !clip.label.silent && (1..=3).contains(&clip.label.clip_index)
        }),
        ("array_has(present, 'woothr')", |clip| clip.label.present.contains(&0)),
        ("'eastow' = ANY(absent)", |clip| clip.label.absent.contains(&1)),
        ("cardinality(boxes) > 0 AND fully_annotated", |clip| {
            !clip.label.boxes.is_empty() && clip.label.fully_annotated
        }),
        ("target IS NULL", |clip| clip.label.target.is_none()),
        // Unknown is neither: a recording without a target is in neither half.
        ("target = 'woothr'", |clip| clip.label.target == Some(0)),
        ("target <> 'woothr'", |clip| {
            clip.label.target.is_some_and(|class| class != 0)
        }),
        ("rms_dbfs > -4.9 OR rms_dbfs IS NULL", |clip| {
            clip.label.rms_dbfs.is_none_or(|level| f64::from(level) > -4.9)
        }),
        ("valid_s < 0.5 AND start_s >= 0.3", |clip| {
            clip.label.valid_s < 0.5 && clip.label.start_s >= 0.3
        }),
        ("asset_id IN (11, -2, 4)", |clip| {
            [11, -2, 4].contains(&clip.label.asset_id)
        }),
        (
            "latitude BETWEEN 40 AND 41 AND date_part('month', recorded_at) = 6",
            |clip| {
                clip.prior
                    .latitude
                    .is_some_and(|latitude| (40.0..=41.0).contains(&latitude))
            },
        ),
        (
            "recorded_at < TIMESTAMP '2018-06-02T11:00:00Z' AND license LIKE 'CC%'",
            |clip| clip.label.asset_id == 11,
        ),
        ("array_has(geo_possible, 'eastow') AND checklist_complete", |clip| {
            clip.prior.geo_possible.as_ref().is_some_and(|list| list.contains(&1))
                && clip.prior.checklist_complete == Some(true)
        }),
        (
            "native_rate_hz > 8000 AND path ~ '^[0-9]+\\.wav$' AND duration_s > 1",
            |clip| clip.asset.native_rate_hz > 8000 && clip.asset.asset_id > 0 && clip.asset.duration_s > 1.0,
        ),
        ("start_s = 0 AND label_source <> 'none' OR asset_id = 6", |clip| {
            clip.label.start_s == 0.0 && clip.label.label_source.as_str() != "none" || clip.label.asset_id == 6
        }),
    ];
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    let outcome = built(&place.old(), &dir);
    let whole = clips(&dir);
    for (condition, wanted) in conditions {
        let wanted: Vec<_> = whole.iter().filter(|clip| wanted(clip)).map(facts).collect();
        assert!(
            (1..whole.len()).contains(&wanted.len()),
            "{condition}: no condition to test with"
        );
        let chosen = subset(&dir, condition, &out, &|_| {}).unwrap_or_else(|error| panic!("{condition}: {error}"));
        assert_sound(&out);
        let found = clips(&out);
        assert!(found.iter().map(facts).eq(wanted), "{condition}");
        assert_eq!(chosen.clips, found.len() as u64);
        assert_eq!(
            chosen.silent_clips,
            found.iter().filter(|clip| clip.label.silent).count() as u64
        );
        assert_eq!(chosen.rejects, outcome.rejects, "what was rejected is still known");
        // A recording without a clip is gone, and those that are left say how many they have.
        let assets = Dataset::open(&out).unwrap().assets().to_vec();
        for asset in &assets {
            let of_asset = found
                .iter()
                .filter(|clip| clip.label.asset_id == asset.asset_id)
                .count();
            assert!(
                of_asset > 0 && asset.clips as usize == of_asset,
                "{condition}: {asset:?}"
            );
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
    subset(&dir, "TRUE", &out, &|_| {}).unwrap();
    assert_same(&dir, &out, |name| name == "dataset.json");
    let [was, is] = [&dir, &out].map(|dir| Dataset::open(dir).unwrap().info().clone());
    let mut config = was.head.config.clone();
    config["subsets"] = json!([{ "of": "birds", "config_xxh3": was.head.config_xxh3.to_string(), "where": "TRUE" }]);
    assert_eq!(is.head.config, config);
    let (is, was) = (is.head, was.head);
    assert_eq!((is.name, is.axes, is.values), (was.name, was.axes, was.values));
}

#[test]
fn a_subset_of_a_subset_lists_both_choices() {
    let place = Recordings::new();
    let [dir, first, second, at_once] = ["data", "first", "second", "at-once"].map(|name| place.path(name));
    built(&place.old(), &dir);
    subset(&dir, "clip_index % 2 = 0", &first, &|_| {}).unwrap();
    subset(&first, "asset_id > 5", &second, &|_| {}).unwrap();
    subset(&dir, "clip_index % 2 = 0 AND asset_id > 5", &at_once, &|_| {}).unwrap();
    assert_same(&second, &at_once, |name| name == "dataset.json");
    let wheres: Vec<String> = choices(&second)
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["where"].to_string())
        .collect();
    assert_eq!(wheres, ["\"clip_index % 2 = 0\"", "\"asset_id > 5\""]);
    let parent = Dataset::open(&first).unwrap().head().config_xxh3;
    assert_eq!(choices(&second)[1]["config_xxh3"], parent.to_string());
}

#[test]
fn conditions_that_mean_nothing_are_refused_with_the_columns() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let long = vec!["silent"; 1002].join(" OR ");
    let mut wrong = Vec::new();
    for (condition, said) in [
        // What a person gets wrong first.
        ("speceis = 'woothr'", "no column speceis"),
        ("", "expression"),
        ("split = ", "expression"),
        ("split 'train'", "found"),
        ("split = 'train'; DROP TABLE clips", "end of expression"),
        ("start_s + 1", "expected true or false"),
        ("NULL", "expected true or false"),
        ("split", "expected true or false"),
        ("present = 3", "List"),
        ("silent > 'loud'", "Boolean > Utf8"),
        ("start_s AND silent", "AND"),
        ("array_has(split, 'train')", "array_has"),
        ("count(*) > 1", "count"),
        ("row_number() OVER () = 1", "cannot be planned"),
        ("asset_id IN (SELECT asset_id FROM other)", "other"),
        ("EXISTS (SELECT 1)", "ubquery"),
        ("asset_id = (SELECT 11)", "ubquery"),
        ("recorded_at < now()", "another answer each time"),
        ("random() < 0.1", "another answer each time"),
        ("asset_id = $1", "laceholder"),
        ("asset_id = @x", "x"),
        ("asset_id / (clip_index - clip_index) > 0", "ivide by zero"),
        ("CAST(path AS BIGINT) > 0", ".wav"),
        (&long, "it has 1001 operators, more than 1000"),
    ] {
        let error = subset(&dir, condition, &out, &|_| {}).unwrap_err();
        let Error::Predicate { message, columns, .. } = &error else {
            panic!("{condition}: {error}");
        };
        if !message.contains(said) {
            wrong.push(format!("{condition}: {message}"));
        }
        for column in [
            "asset_id (integer)",
            "present (list of text)",
            "latitude (number)",
            "license (text)",
        ] {
            assert!(columns.contains(column), "{columns}");
        }
        assert!(!out.exists());
        assert_alone(&out);
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn a_long_chain_of_operators_is_planned_or_refused() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    for (part, times, end) in [
        ("1+", 999, "1 > 0"),
        ("1*-", 499, "1 < 9"),
        ("silent or ", 999, "true"),
        ("not ", 999, "true"),
        ("(", 999, "true"),
        ("path[", 999, "1"),
    ] {
        let condition = part.repeat(times) + end;
        match subset(&dir, &condition, &out, &|_| {}) {
            Ok(_) => std::fs::remove_dir_all(&out).unwrap(),
            Err(error) => assert!(matches!(error, Error::Predicate { .. }), "{error}"),
        }
    }
}

#[test]
fn a_list_may_be_long() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let ids: Vec<String> = (5..20_000).map(|id| id.to_string()).collect();
    subset(&dir, &format!("asset_id IN ({})", ids.join(",")), &out, &|_| {}).unwrap();
    let assets = Dataset::open(&out)
        .unwrap()
        .assets()
        .iter()
        .map(|asset| asset.asset_id)
        .collect::<Vec<_>>();
    assert_eq!(assets, [11, 30, 25, 6]);
}

#[test]
fn an_empty_subset_is_an_error() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    let outcome = built(&place.old(), &dir);
    for condition in ["asset_id = 12345", "FALSE", "latitude > 80", "CAST(NULL AS BOOLEAN)"] {
        let error = subset(&dir, condition, &out, &|_| {}).unwrap_err();
        assert!(
            matches!(&error, Error::NothingSelected { clips, .. } if *clips == outcome.clips),
            "{error}"
        );
        assert!(error.to_string().contains(condition), "{error}");
        assert!(!out.exists());
        assert_alone(&out);
    }
}

#[test]
fn damage_is_named_and_nothing_is_committed() {
    let place = Recordings::new();
    let (dir, out) = (place.path("data"), place.path("out"));
    built(&place.old(), &dir);
    let asset_id = damage_record(&dir, 1, 2);
    let before = files(&dir);
    let error = subset(&dir, "TRUE", &out, &|_| {}).unwrap_err();
    let named = matches!(&error, Error::Dataset(shardfmt::Error::ClipChecksum { asset_id: named, row: 2, .. }) if *named == asset_id);
    assert!(named, "{error}");
    assert!(!out.exists() && before == files(&dir));
    assert_alone(&out);
    // A clip that is not chosen is not read.
    subset(&dir, &format!("asset_id <> {asset_id}"), &out, &|_| {}).unwrap();
    assert_sound(&out);
    let error = subset(&dir, "TRUE", &out, &|_| {}).unwrap_err();
    assert!(matches!(error, Error::OutputTaken { .. }), "{error}");
}

#[test]
fn a_subset_is_relabelled_as_the_whole_would_be() {
    let place = Recordings::new();
    let [dir, chosen, again] = ["data", "chosen", "again"].map(|name| place.path(name));
    built(&place.old(), &dir);
    // Asset 4 has a single clip and is gone; the others lose clips at their start.
    let condition = "clip_index % 3 = 1";
    subset(&dir, condition, &chosen, &|_| {}).unwrap();
    let made_of = choices(&chosen);
    let new = source(&place.new_labels());
    relabel(&new, &chosen, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&chosen);
    relabel(&new, &dir, Linked::Verify, &|_| {}).unwrap();
    subset(&dir, condition, &again, &|_| {}).unwrap();
    assert_same(&chosen, &again, |name| name == "dataset.json");
    assert_eq!(choices(&chosen), made_of, "where the clips come from is still known");
    // The choice stands: what is new in a manifest without being part of the whole is passed over, what is missing is not.
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
    subset(&a, "clip_index > 0", &chosen_a, &|_| {}).unwrap();
    subset(&b, "NOT silent", &chosen_b, &|_| {}).unwrap();
    merge(&chosen_a, &[chosen_b], &merged, &|_| {}).unwrap();
    // Shards of a subset of a merged set hold clips of one part each.
    let third = place.path("third");
    subset(&merged, "asset_id <> 6", &third, &|_| {}).unwrap();
    assert_sound(&third);
    let third = Dataset::open(&third).unwrap();
    let builds: Vec<_> = (0..third.shard_count())
        .map(|shard| third.open_shard(shard, Checks::Off).unwrap().metadata()["config_xxh3"].clone())
        .collect();
    assert_eq!(builds.len(), 2, "{builds:?}");
    assert_ne!(builds[0], builds[1]);

    relabel(&source(&place.new_labels()), &merged, Linked::Verify, &|_| {}).unwrap();
    assert_sound(&merged);
    let wheres: Vec<Value> = choices(&merged)
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["where"].clone())
        .collect();
    assert_eq!(wheres, ["clip_index > 0", "NOT silent"]);
}
