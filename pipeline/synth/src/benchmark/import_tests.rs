//! Tests that the imports read out of the layouts what the generator put into them: the hidden truth's labels, splits,
//! targets and boxes.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use shardfmt::{ClipBox, LabelRow, PriorRow, Row0, Split, Taxa, Xxh3};

use super::look::looks;
use super::plan::plan;
use super::sonogram::SonogramAxes;
use super::species::benchmark_species;
use super::{coco, described, ml48s, photograph};
use crate::conditions::Conditions;
use crate::planned::SetPlan;
use crate::species::Species;
use frontend::source::AssetReader;
use pipeline::dataset_source::{DatasetSource, Placement};
use pipeline::import::coco2014::Coco2014;
use pipeline::import::ml48s::Ml48s;

/// Recordings of all splits, with an unknown bird and boxes of the target only among them; drawing all takes too long
/// in a test.
const FEW: usize = 40;
/// How far an edge that was written with four decimals, or in whole pixels of a small photograph, may have moved.
const EDGE: f32 = 1e-4;

fn few_recordings() -> (SetPlan, Vec<Species>) {
    let species = benchmark_species(0.5);
    let mut plan = plan(48, &species, &Conditions::default());
    plan.recordings.truncate(FEW);
    (plan, species)
}

/// The rows of one asset.
type Imported = (PriorRow, Vec<LabelRow>);

/// The rows of every asset of a source, none of which may be rejected.
fn rows<S: DatasetSource>(source: &S) -> Vec<Imported> {
    let mut picture = S::Clip::default();
    let mut of_asset = |asset: usize| {
        let (mut reader, mut clips) = (source.open(asset).unwrap(), 0);
        while reader.next(&mut picture).unwrap() {
            clips += 1;
        }
        let place = Placement {
            shard: 0,
            rows: 0..clips,
            source_bytes: 0,
            source_xxh3: Xxh3::default(),
        };
        let record = source.describe(asset, reader.facts(), &place, &[]);
        assert_eq!(record.labels.len(), clips as usize);
        (record.prior, record.labels)
    };
    (0..source.len()).map(&mut of_asset).collect()
}

fn counts<'a>(rows: impl Iterator<Item = &'a LabelRow> + Clone) -> [usize; 3] {
    Split::ALL.map(|split| rows.clone().filter(|row| row.split == split).count())
}

#[test]
fn sonograms_are_imported_with_the_labels_of_the_truth() {
    let (dir, (plan, species)) = (tempfile::tempdir().unwrap(), few_recordings());
    ml48s::write(dir.path(), &plan, &species, &|_, _| {}).unwrap();
    let val_split = dir.path().join("val_split.npy");
    let open = |val: Option<&Path>| Ml48s::open(dir.path(), val, &[], Row0::Highest, None, 512).unwrap();
    let set = open(Some(&val_split));
    assert!(set.warnings().is_empty(), "{:?}", set.warnings());
    let told = "boxes are x-first (inferred from";
    assert!(
        set.facts().iter().any(|fact| fact.starts_with(told)),
        "{:?}",
        set.facts()
    );

    let (taxa, imported) = (described::taxa(&species).unwrap(), rows(&set));
    assert_eq!((set.taxa(), imported.len()), (&taxa, FEW));
    let (mut boxes, mut unknown) = (0, 0);
    for (recording, (prior, rows)) in plan.recordings.iter().zip(&imported) {
        let truth = described::clip_labels(recording, &plan, &taxa, &SonogramAxes);
        assert_eq!(rows.len(), recording.clips());
        for ((order, row), truth) in (0..).zip(rows).zip(&truth) {
            let place = (row.asset_id, row.start_s, row.split, row.target);
            let target = Some(recording.target as u32);
            assert_eq!(
                place,
                (
                    recording.asset_id.into(),
                    3.0 * f64::from(order),
                    recording.split,
                    target
                )
            );
            let lists = (&row.present, &row.absent, &row.unknown);
            assert_eq!(
                lists,
                (&truth.present, &truth.absent, &truth.unknown),
                "{} {order}",
                row.asset_id
            );
            assert_eq!(row.fully_annotated, truth.unknown.is_empty());
            unknown += truth.unknown.len();
            assert_boxes_equal(&row.boxes, &truth.boxes, &taxa);
            boxes += row.boxes.len();
        }
        let visit = &plan.visits[recording.visit];
        let classes = |set: &std::collections::BTreeSet<usize>| Some(set.iter().map(|&class| class as u32).collect());
        assert_eq!(prior.geo_possible, classes(&visit.possible()));
        assert_eq!(
            prior.checklist_observed,
            classes(&visit.checklist.as_ref().unwrap().observed)
        );
    }
    assert!(boxes > 300 && unknown > 50, "{boxes} {unknown}");
    assert_splits(&plan, &imported, &rows(&open(None)));
}

/// Compares imported boxes with those of the truth.
#[track_caller]
fn assert_boxes_equal(found: &[ClipBox], truth: &[ClipBox], taxa: &Taxa) {
    assert_eq!(found.len(), truth.len());
    for (found, truth) in found.iter().zip(truth) {
        let code = taxa
            .index(&truth.species_code)
            .map_or("Unknown bird", |_| &truth.species_code);
        assert_eq!((&*found.species_code, found.status), (code, truth.status));
        // In the truth, `y_min` is where the lower frequency lies: the lower edge.
        let edges = [found.x_min, found.x_max, found.y_max.unwrap(), found.y_min.unwrap()];
        let expected = [truth.x_min, truth.x_max, truth.y_min.unwrap(), truth.y_max.unwrap()];
        let moved = edges
            .iter()
            .zip(expected)
            .map(|(edge, expected)| (edge - expected).abs());
        assert!(moved.fold(0.0, f32::max) <= EDGE, "{found:?} {truth:?}");
        assert!(
            (found.low_hz.unwrap() - truth.low_hz.unwrap()).abs() < 2.0,
            "{found:?} {truth:?}"
        );
    }
}

/// Compares the splits with the plan's; without the file of the val split, its recordings are in train.
fn assert_splits(plan: &SetPlan, imported: &[Imported], without_val: &[Imported]) {
    let [train, val, test] = Split::ALL.map(|split| {
        let recordings = plan.recordings.iter().filter(|recording| recording.split == split);
        recordings.map(|recording| recording.clips()).sum::<usize>()
    });
    let clips = |imported: &[Imported]| counts(imported.iter().flat_map(|(_, rows)| rows));
    assert_eq!(clips(imported), [train, val, test]);
    assert_eq!(clips(without_val), [train + val, 0, test]);
}

#[test]
fn photographs_are_imported_with_the_labels_of_the_truth() {
    let (dir, (plan, species)) = (tempfile::tempdir().unwrap(), few_recordings());
    coco::write(dir.path(), &plan, &species, 0.5, &|_, _| {}).unwrap();
    let set = Coco2014::open(dir.path(), 512, None).unwrap();
    let imported = rows(&set);
    let looks = looks(0.5);
    let (mut annotated, mut for_test) = (0, 0);
    for recording in &plan.recordings {
        for clip in 0..recording.clips() {
            let picture = photograph::photograph(recording, clip, &looks);
            let id = i64::from(recording.asset_id * 10) + clip as i64;
            let row = imported
                .iter()
                .flat_map(|(_, rows)| rows)
                .find(|row| row.asset_id == id);
            let Some(row) = row else {
                assert!(picture.objects.is_empty(), "{id}");
                continue;
            };
            annotated += 1;
            for_test += usize::from(recording.split == Split::Test);
            assert_eq!(row.split == Split::Test, recording.split == Split::Test);
            // The first of the largest.
            let largest = picture
                .objects
                .iter()
                .rev()
                .max_by_key(|object| object.mask.len())
                .unwrap();
            assert_eq!(row.target, Some(largest.class as u32), "{id}");
            let (present, absent): (Vec<u32>, Vec<u32>) =
                (0..24).partition(|&class| picture.objects.iter().any(|object| object.class == class as usize));
            assert_eq!(
                (&row.present, &row.absent, row.unknown.len()),
                (&present, &absent, 0),
                "{id}"
            );
            assert_eq!(row.boxes.len(), picture.objects.len());
            for (found, object) in row.boxes.iter().zip(&picture.objects) {
                assert_eq!(Some(&*found.species_code), set.taxa().code(object.class as u32));
                assert_eq!(found.status == shardfmt::BoxStatus::Passive, object.outline.is_none());
                let (columns, lines) = (
                    || object.mask.iter().map(|pixel| pixel.0),
                    || object.mask.iter().map(|pixel| pixel.1),
                );
                let (width, height) = (picture.width as f32, picture.height as f32);
                // The end of a box is the far side of its last pixel.
                for (found, pixel, side) in [
                    (Some(found.x_min), columns().min().unwrap(), width),
                    (Some(found.x_max), columns().max().unwrap() + 1, width),
                    (found.y_min, lines().min().unwrap(), height),
                    (found.y_max, lines().max().unwrap() + 1, height),
                ] {
                    assert!((found.unwrap() - pixel as f32 / side).abs() <= EDGE, "{id}");
                }
            }
        }
    }
    assert_eq!((imported.len(), annotated > 100), (annotated, true));
    let trained_on = annotated - for_test;
    let val = (trained_on as f64 / 5.0).round() as usize;
    let by_split = counts(imported.iter().flat_map(|(_, rows)| rows));
    assert_eq!(by_split, [trained_on - val, val, for_test]);
}
