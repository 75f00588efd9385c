//! Tests of the benchmark as a whole: shares, balance, labels by the rules, layouts, determinism.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::plan::{self, plan};
use super::sonogram::{Axes, HEIGHT, WIDTH};
use super::species::benchmark_species;
use super::{BenchmarkOptions, Layout, coco, described, ml48s, synthesise};
use crate::demo::marker::{self, Identity};
use crate::demo::scene::{Annotation, Bird, Plan, Recording, Split};
use crate::demo::species::Species;
use crate::demo::{DemoError, DemoOptions, DemoSummary, FileSizes, write_recordings};
use crate::manifest::Manifest;

fn the_plan() -> Plan {
    plan(48, &benchmark_species(0.9))
}

/// Recordings of all splits, with an unknown bird among them: rendering all takes too long in a test.
const FEW: usize = 40;

fn few_recordings(confusability: f64) -> (Plan, Vec<Species>) {
    let species = benchmark_species(confusability);
    let mut plan = plan(48, &species);
    plan.recordings.truncate(FEW);
    (plan, species)
}

fn clips_of(plan: &Plan) -> usize {
    plan.recordings.iter().map(Recording::clips).sum()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

/// Mean share of a recording's clips in which those of its birds that `choose` picks are present.
fn persistence(plan: &Plan, choose: impl Fn(&Recording, Bird) -> bool) -> f64 {
    let shares: Vec<f64> = plan
        .recordings
        .iter()
        .flat_map(|recording| recording.birds.iter().map(move |&bird| (recording, bird)))
        .filter(|&(recording, bird)| choose(recording, bird))
        .map(|(recording, bird)| recording.clips_with(bird) as f64 / recording.clips() as f64)
        .collect();
    shares.iter().sum::<f64>() / shares.len() as f64
}

#[test]
fn targets_are_balanced_and_background_species_skewed() {
    let plan = the_plan();
    let mut targets = BTreeMap::new();
    let mut background = [0; 24];
    for recording in &plan.recordings {
        *targets.entry((recording.split, recording.target)).or_insert(0) += 1;
        for class in recording.classes() {
            background[class] += usize::from(class != recording.target);
        }
    }
    for ((split, _), count) in targets {
        assert_eq!(count, [9, 3, 4][split as usize]);
    }
    let total: usize = background.iter().sum();
    background.sort_unstable();
    let common: usize = background[16..].iter().sum();
    let rare: usize = background[..8].iter().sum();
    // A third of the species makes two thirds (2 of 3) of the background by abundance, the rarest third a tenth.
    assert!(common * 10 > total * 5 && rare * 10 < total * 2, "{background:?}");
}

#[test]
fn background_species_persist_and_are_quieter() {
    let plan = the_plan();
    let is_target = |recording: &Recording, bird| bird == Bird::Class(recording.target);
    // Some 750 and 380 birds of four to six clips each: standard errors of 0.007 and 0.01.
    let others = persistence(&plan, |recording, bird| !is_target(recording, bird));
    assert!((others - 0.7).abs() < 0.03, "{others}");
    let targets = persistence(&plan, is_target);
    assert!((targets - 0.6).abs() < 0.04, "{targets}");

    let levels = |of_target: bool| {
        let pairs = plan.recordings.iter().flat_map(|recording| {
            let singers = recording.birds.iter().zip(&recording.scene.singers);
            singers
                .filter(move |&(&bird, _)| is_target(recording, bird) == of_target)
                .map(|(_, singer)| singer.snr_db)
        });
        let levels: Vec<f64> = pairs.collect();
        levels.iter().sum::<f64>() / levels.len() as f64
    };
    assert!(levels(true) > levels(false) + 6.0);
}

#[test]
fn the_size_is_for_two_cores() {
    let plan = the_plan();
    assert_eq!(plan.recordings.len(), plan::recordings(24));
    let mut clips = [0; 3];
    let mut with_target = 0;
    for recording in &plan.recordings {
        clips[recording.split as usize] += recording.clips();
        if recording.split == Split::Train {
            with_target += recording.clips_with(Bird::Class(recording.target));
        }
    }
    assert!((1000..=1200).contains(&clips[0]), "{clips:?}");
    assert!(
        (300..=420).contains(&clips[1]) && (420..=540).contains(&clips[2]),
        "{clips:?}"
    );
    assert!((600..=720).contains(&with_target), "{with_target}");
}

#[test]
fn every_bird_is_possible_and_reported() {
    let plan = the_plan();
    let (mut possible, mut observed) = (0, 0);
    for recording in &plan.recordings {
        let visit = &plan.visits[recording.visit];
        let checklist = visit.checklist.as_ref().unwrap();
        assert!(checklist.complete);
        assert!(recording.classes().is_subset(&checklist.observed));
        assert!(checklist.observed.is_subset(&visit.possible()));
        possible += visit.possible().len();
        observed += checklist.observed.len();
    }
    assert_eq!(possible, 12 * plan.recordings.len());
    // Informative beyond place and season: a third of what is possible was not reported.
    assert!(3 * observed < 2 * possible, "{observed} of {possible}");
}

/// Who sings when stays the same when the species become harder to tell apart, but for what song lengths move.
#[test]
fn confusability_leaves_the_truth_alone() {
    let [apart, alike] = [0.0, 0.9].map(|confusability| plan(48, &benchmark_species(confusability)));
    let (mut same, mut all) = (0, 0);
    for (one, other) in apart.recordings.iter().zip(&alike.recordings) {
        assert_eq!(
            (one.asset_id, one.split, one.target),
            (other.asset_id, other.split, other.target)
        );
        all += 1;
        same += usize::from(one.birds == other.birds);
    }
    assert_eq!(same, all);
}

#[test]
fn labels_follow_from_the_truth_by_the_rules() {
    let species = benchmark_species(0.9);
    let (plan, taxa) = (plan(48, &species), described::taxa(&species).unwrap());
    let (mut target_only, mut unknown, mut border) = (0, 0, 0);
    for recording in &plan.recordings {
        let possible = plan.visits[recording.visit].possible();
        let is_full = recording.annotation == Annotation::All;
        assert!(is_full || recording.split == Split::Train);
        target_only += usize::from(!is_full);
        for (clip, labels) in described::clip_labels(recording, &plan, &taxa, &Axes)
            .iter()
            .enumerate()
        {
            let sings = |class: usize| {
                let songs = recording.birds.iter().zip(&recording.scene.singers);
                let mut songs = songs
                    .filter(|&(&bird, _)| bird == Bird::Class(class))
                    .flat_map(|(_, singer)| &singer.songs);
                songs.any(|song| crate::demo::presence::counts_in(song.start_s(), song.end_s(), clip))
            };
            let stranger = labels
                .boxes
                .iter()
                .any(|found| taxa.index(&found.species_code).is_none());
            unknown += usize::from(stranger);
            border += labels
                .boxes
                .iter()
                .filter(|found| found.status == shardfmt::BoxStatus::Ignore)
                .count();
            for class in 0..24 {
                let expected = if sings(class) && (is_full || class == recording.target) {
                    &labels.present
                } else if !possible.contains(&class) {
                    &labels.absent
                } else if stranger {
                    &labels.unknown
                } else if is_full || class == recording.target {
                    &labels.absent
                } else {
                    &labels.unknown
                };
                assert!(
                    expected.contains(&(class as u32)),
                    "asset {} clip {clip} class {class}",
                    recording.asset_id
                );
            }
            assert!(recording.split == Split::Train || labels.unknown.is_empty());
        }
    }
    assert_eq!(target_only, 36);
    assert!(unknown > 40 && border > 30, "{unknown} {border}");
}

#[test]
fn the_audio_layout_is_the_small_demos() {
    let [ours, small]: [toml::Table; 2] = [super::MANIFEST, crate::demo::MANIFEST].map(|text| text.parse().unwrap());
    for (section, keys) in &small {
        assert!(section == "dataset" || ours[section] == *keys, "{section}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (plan, species) = few_recordings(0.5);
    let (boxes, files) = write_recordings(dir.path(), super::MANIFEST, &plan, &species, &|_, _| {}).unwrap();
    let manifest = Manifest::load(&dir.path().join("manifest.toml")).unwrap();
    assert_eq!(
        (manifest.recordings.len(), manifest.taxa.len(), files.len()),
        (FEW, 24, FEW)
    );
    assert_eq!(manifest.notes.warnings(), Vec::<String>::new());
    let read: usize = manifest.recordings.iter().map(|recording| recording.boxes.len()).sum();
    assert_eq!(boxes, read);
}

#[test]
fn a_finished_benchmark_is_kept_and_another_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = |layout, confusability| BenchmarkOptions {
        seed: 48,
        confusability,
        layout,
    };
    let make = |layout, confusability| synthesise(dir.path(), &options(layout, confusability), &|_, _| {});
    let (plan, species) = few_recordings(0.5);
    let summary = DemoSummary::of(&plan, &species, 7, &FileSizes::new());
    marker::start(dir.path(), &[]).unwrap();
    let identity = Identity::benchmark(384, &options(Layout::Audio, 0.5));
    marker::finish(dir.path(), identity, &summary, FileSizes::new()).unwrap();
    assert!(make(Layout::Audio, 0.5).unwrap().unchanged);
    for other in [make(Layout::Audio, 0.6), make(Layout::Ml48s, 0.5)] {
        assert!(matches!(other, Err(DemoError::OtherDemo { .. })), "{other:?}");
    }
    let small = crate::demo::synthesise(dir.path(), &DemoOptions::default(), &|_, _| {});
    assert!(matches!(small, Err(DemoError::OtherDemo { .. })), "{small:?}");
    assert!(matches!(make(Layout::Audio, 1.5), Err(DemoError::Confusability { .. })));
    assert!(matches!(
        make(Layout::Audio, f64::NAN),
        Err(DemoError::Confusability { .. })
    ));
}

#[test]
fn the_ml48s_layout_is_consistent() {
    let dir = tempfile::tempdir().unwrap();
    let (plan, species) = few_recordings(0.5);
    let (written_boxes, _) = ml48s::write(dir.path(), &plan, &species, &|_, _| {}).unwrap();
    let in_val = plan
        .recordings
        .iter()
        .filter(|recording| recording.split == Split::Val)
        .count();
    let (assets, clips) = (
        json(&dir.path().join("assets.json")),
        json(&dir.path().join("clips.json")),
    );
    let (assets, clips) = (assets.as_array().unwrap(), clips.as_array().unwrap());
    assert_eq!((assets.len(), clips.len()), (FEW, clips_of(&plan)));
    let npy = fs::read(dir.path().join("val_split.npy")).unwrap();
    // Preamble of 10 bytes and header fill a multiple of 64.
    let values = &npy[npy.len() - 8 * in_val..];
    assert_eq!((npy.len() - values.len()) % 64, 0);
    let val: BTreeSet<i64> = values
        .chunks(8)
        .map(|bytes| i64::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    let mut by_id = BTreeMap::new();
    for asset in assets {
        let id = asset["id"].as_i64().unwrap();
        assert_eq!(asset["split"], if id >= 8000 { "test" } else { "train" });
        let [possible, observed] = ["possible", "observed"].map(|key| texts(&asset[format!("{key}_species_codes")]));
        assert!(observed.is_subset(&possible) && observed.contains(asset["target_species_code"].as_str().unwrap()));
        by_id.insert(id, asset);
    }
    assert!(val.len() == in_val && in_val > 0 && val.iter().all(|id| by_id[id]["split"] == "train"));
    let mut ids = BTreeSet::new();
    let (mut boxes, mut unknown_birds) = (0, 0);
    for clip in clips {
        assert!(ids.insert(clip["id"].as_u64().unwrap()));
        let asset = by_id[&clip["asset_id"].as_i64().unwrap()];
        let lists = ["present", "unknown", "absent"].map(|key| texts(&clip[format!("{key}_species_codes")]));
        assert_eq!(lists.iter().map(BTreeSet::len).sum::<usize>(), 24);
        assert!(lists[0].is_subset(&texts(&asset["present_species_codes"])));
        for found in clip["boxes"].as_array().unwrap() {
            let edges: Vec<f64> = found["bbox"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| edge.as_f64().unwrap())
                .collect();
            assert!(edges.iter().all(|edge| (0.0..=1.0).contains(edge)));
            assert!(edges[0] < edges[2] && edges[1] < edges[3], "{edges:?}");
            unknown_birds += usize::from(found["species_code"] == "Unknown bird");
            boxes += 1;
        }
        let picture = image::open(dir.path().join(clip["file_path"].as_str().unwrap())).unwrap();
        assert_eq!((picture.width(), picture.height()), (WIDTH as u32, HEIGHT as u32));
        assert_eq!(picture.color(), image::ColorType::L8);
    }
    assert_eq!(boxes, written_boxes);
    assert!(unknown_birds > 3, "{unknown_birds}");
}

#[test]
fn the_coco_layout_is_consistent() {
    let dir = tempfile::tempdir().unwrap();
    let (plan, species) = few_recordings(0.5);
    let (written, _) = coco::write(dir.path(), &plan, &species, 0.5, &|_, _| {}).unwrap();
    let (mut images, mut annotations, mut crowds) = (0, 0, 0);
    for part in ["train2014", "val2014"] {
        let instances = json(&dir.path().join(format!("annotations/instances_{part}.json")));
        let categories = instances["categories"].as_array().unwrap();
        let categories: BTreeSet<u64> = categories
            .iter()
            .map(|category| category["id"].as_u64().unwrap())
            .collect();
        assert_eq!(categories.len(), 24);
        let mut sizes = BTreeMap::new();
        for image in instances["images"].as_array().unwrap() {
            let id = image["id"].as_u64().unwrap();
            let name = format!("COCO_{part}_{id:012}.jpg");
            assert_eq!(image["file_name"], name);
            let picture = image::open(dir.path().join(part).join(name)).unwrap();
            let size = (picture.width(), picture.height());
            assert_eq!(picture.color(), image::ColorType::Rgb8);
            assert_eq!(
                (image["width"].as_u64(), image["height"].as_u64()),
                (Some(size.0.into()), Some(size.1.into()))
            );
            assert_eq!(sizes.insert(id, size), None);
        }
        images += sizes.len();
        for annotation in instances["annotations"].as_array().unwrap() {
            let (width, height) = sizes[&annotation["image_id"].as_u64().unwrap()];
            assert!(categories.contains(&annotation["category_id"].as_u64().unwrap()));
            let edges: Vec<u32> = serde_json::from_value(annotation["bbox"].clone()).unwrap();
            assert!(edges[0] + edges[2] <= width && edges[1] + edges[3] <= height);
            let area = annotation["area"].as_u64().unwrap();
            assert!(area > 0 && area <= u64::from(edges[2] * edges[3]));
            if annotation["iscrowd"] == 1 {
                let counts: Vec<u64> = serde_json::from_value(annotation["segmentation"]["counts"].clone()).unwrap();
                assert_eq!(counts.iter().sum::<u64>(), u64::from(width * height));
                assert_eq!(counts.iter().skip(1).step_by(2).sum::<u64>(), area);
                crowds += 1;
            } else {
                let corners: Vec<Vec<f64>> = serde_json::from_value(annotation["segmentation"].clone()).unwrap();
                assert!(corners.len() == 1 && corners[0].len() >= 8 && corners[0].len().is_multiple_of(2));
            }
            annotations += 1;
        }
    }
    assert_eq!((images, annotations), (clips_of(&plan), written));
    assert!(crowds > 3, "{crowds}");
}

/// The largest object of a photograph is mostly that of the target, but not always.
#[test]
fn area_decides_for_the_target_mostly() {
    let (plan, looks) = (the_plan(), super::look::looks(0.9));
    let (mut largest, mut all) = (0, 0);
    for recording in plan.recordings.iter().step_by(8) {
        for clip in 0..recording.clips() {
            let objects = super::photograph::photograph(recording, clip, &looks).objects;
            if objects.iter().any(|object| object.class == recording.target) && objects.len() > 1 {
                let most = objects.iter().max_by_key(|object| object.mask.len()).unwrap();
                largest += usize::from(most.class == recording.target);
                all += 1;
            }
        }
    }
    assert!(largest * 10 > all * 7 && largest < all, "{largest} of {all}");
}

#[test]
fn threads_do_not_change_a_byte_but_seed_and_confusability_do() {
    let dir = tempfile::tempdir().unwrap();
    let written = |threads: usize, seed: u64, confusability: f64| {
        let species = benchmark_species(confusability);
        let mut plan = plan(seed, &species);
        plan.recordings.truncate(6);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (_, sonograms) = ml48s::write(dir.path(), &plan, &species, &|_, _| {}).unwrap();
            let sonograms = read(dir.path(), sonograms.into_keys());
            let (_, photographs) = coco::write(dir.path(), &plan, &species, confusability, &|_, _| {}).unwrap();
            let tables = ["assets.json", "clips.json", "annotations/instances_train2014.json"].map(str::to_owned);
            [
                sonograms,
                read(dir.path(), photographs.into_keys()),
                read(dir.path(), tables),
            ]
        })
    };
    let one = written(1, 48, 0.9);
    assert_eq!(one, written(3, 48, 0.9));
    for other in [written(2, 49, 0.9), written(2, 48, 0.8)] {
        assert!(one.iter().zip(&other).all(|(one, other)| one != other));
    }
}

fn read(dir: &Path, names: impl IntoIterator<Item = String>) -> BTreeMap<String, Vec<u8>> {
    let names = names.into_iter();
    names
        .map(|name| (name.clone(), fs::read(dir.join(name)).unwrap()))
        .collect()
}
