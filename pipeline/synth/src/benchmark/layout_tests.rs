//! Tests of the benchmark's layouts: that each is whole and consistent, and that threads change no byte of it.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use shardfmt::Split;

use super::plan::plan;
use super::sonogram::{HEIGHT, WIDTH};
use super::species::benchmark_species;
use super::{coco, ml48s, synthesise};
use crate::conditions::Conditions;
use crate::demo;
use crate::error::Error;
use crate::files::{FileSizes, write_recordings};
use crate::layout::SetLayout;
use crate::marker::{self, SetIdentity};
use crate::options::{BenchmarkOptions, DemoOptions};
use crate::planned::{PlannedRecording, SetPlan};
use crate::species::Species;
use crate::summary::SetSummary;
use frontend::picture::{Channels, Picture, read_jpeg};
use pipeline::manifest::Manifest;
use pipeline::tally::Reason;

/// Recordings of all splits, with an unknown bird among them: rendering all takes too long in a test.
const FEW: usize = 40;

fn few_recordings(confusability: f64) -> (SetPlan, Vec<Species>) {
    let species = benchmark_species(confusability);
    let mut plan = plan(48, &species, &Conditions::default());
    plan.recordings.truncate(FEW);
    (plan, species)
}

fn clips_of(plan: &SetPlan) -> usize {
    plan.recordings.iter().map(PlannedRecording::clips).sum()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A JPEG in colour, whatever it holds.
fn jpeg(path: &Path) -> Picture {
    let mut picture = Picture::default();
    read_jpeg(path, Channels::Rgb, &mut picture, |_, _| Ok(())).unwrap();
    picture
}

fn is_grey(picture: &Picture) -> bool {
    picture
        .pixels
        .chunks(3)
        .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
}

fn texts(value: &Value) -> BTreeSet<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

#[test]
fn the_audio_layout_is_the_small_demos() {
    let [ours, small]: [toml::Table; 2] = [super::MANIFEST, demo::MANIFEST].map(|text| text.parse().unwrap());
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
    // Few of the recordings are made here, but all of their checklists.
    let warnings = manifest.notes.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(manifest.notes.tallies.count(Reason::UnusedChecklist) > 0);
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
        conditions: Conditions::default(),
    };
    let make = |layout, confusability| synthesise(dir.path(), &options(layout, confusability), &|_, _| {});
    let (plan, species) = few_recordings(0.5);
    let summary = SetSummary::new(&plan, &species, 7, &FileSizes::new());
    marker::start(dir.path(), &[]).unwrap();
    let identity = SetIdentity::benchmark(&options(SetLayout::Audio, 0.5));
    marker::finish(dir.path(), identity, &summary, FileSizes::new()).unwrap();
    assert!(make(SetLayout::Audio, 0.5).unwrap().unchanged);
    for other in [make(SetLayout::Audio, 0.6), make(SetLayout::Ml48s, 0.5)] {
        assert!(matches!(other, Err(Error::OtherSet { .. })), "{other:?}");
    }
    let small = demo::synthesise(dir.path(), &DemoOptions::default(), &|_, _| {});
    assert!(matches!(small, Err(Error::OtherSet { .. })), "{small:?}");
    assert!(matches!(make(SetLayout::Audio, 1.5), Err(Error::Confusability { .. })));
    assert!(matches!(
        make(SetLayout::Audio, f64::NAN),
        Err(Error::Confusability { .. })
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
        let picture = jpeg(&dir.path().join(clip["file_path"].as_str().unwrap()));
        assert_eq!(
            (picture.width, picture.height, is_grey(&picture)),
            (WIDTH, HEIGHT, true)
        );
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
            let picture = jpeg(&dir.path().join(part).join(name));
            let size = (picture.width as u64, picture.height as u64);
            assert!(!is_grey(&picture));
            assert_eq!(
                (image["width"].as_u64(), image["height"].as_u64()),
                (Some(size.0), Some(size.1))
            );
            assert_eq!(sizes.insert(id, size), None);
        }
        images += sizes.len();
        for annotation in instances["annotations"].as_array().unwrap() {
            let (width, height) = sizes[&annotation["image_id"].as_u64().unwrap()];
            assert!(categories.contains(&annotation["category_id"].as_u64().unwrap()));
            let edges: Vec<u64> = serde_json::from_value(annotation["bbox"].clone()).unwrap();
            assert!(edges[0] + edges[2] <= width && edges[1] + edges[3] <= height);
            let area = annotation["area"].as_u64().unwrap();
            assert!(area > 0 && area <= edges[2] * edges[3]);
            if annotation["iscrowd"] == 1 {
                let counts: Vec<u64> = serde_json::from_value(annotation["segmentation"]["counts"].clone()).unwrap();
                assert_eq!(counts.iter().sum::<u64>(), width * height);
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

#[test]
fn threads_do_not_change_a_byte_but_seed_and_confusability_do() {
    let dir = tempfile::tempdir().unwrap();
    let written = |threads: usize, seed: u64, confusability: f64| {
        let species = benchmark_species(confusability);
        let mut plan = plan(seed, &species, &Conditions::default());
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
