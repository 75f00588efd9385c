//! Tests of the mistakes of checklists against the truth, and of the tables that hold both.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;

use super::conditions_tests::{plan_of, usual};
use super::species::benchmark_species;
use crate::conditions::Conditions;
use crate::planned::{PlannedRecording, SetPlan};
use crate::tables;
use pipeline::manifest::Manifest;

/// Against the truth: the share of species recorded on a visit, targets aside, that a complete list does not report.
#[test]
fn checklists_overlook_the_share_asked_for_but_no_target() {
    let overlooked = |plan: &SetPlan| {
        let (mut left_out, mut all) = (0, 0);
        for (index, visit) in plan.visits.iter().enumerate() {
            let here = || plan.recordings.iter().filter(move |recording| recording.visit == index);
            let targets: BTreeSet<usize> = here().map(|recording| recording.target).collect();
            let recorded: BTreeSet<usize> = here().flat_map(PlannedRecording::classes).collect();
            let checklist = visit.checklist.as_ref().unwrap();
            assert!(checklist.complete && targets.is_subset(&checklist.observed));
            left_out += recorded.difference(&checklist.observed).count();
            all += recorded.difference(&targets).count();
        }
        f64::from(left_out as u32) / f64::from(all as u32)
    };
    for share in [0.0, 0.2, 1.0] {
        let plan = plan_of(&Conditions {
            false_absences: share,
            ..usual()
        });
        // Some 600 species on visits: a standard error of 0.016.
        let found = overlooked(&plan);
        assert!(
            (found - share).abs() < 0.05 && (share != 0.0 || found == 0.0),
            "{share}: {found}"
        );
        assert_same_birds(&plan);
    }
}

#[test]
fn checklists_leave_the_share_asked_for_open() {
    for share in [0.0, 0.3, 1.0] {
        let plan = plan_of(&Conditions {
            unsure_species: share,
            ..usual()
        });
        let (mut open, mut unreported) = (0, 0);
        for visit in &plan.visits {
            let checklist = visit.checklist.as_ref().unwrap();
            assert!(checklist.unsure.is_disjoint(&checklist.observed));
            open += checklist.unsure.len();
            unreported += 24 - checklist.observed.len();
        }
        // Some 3,000 species of visits: a standard error of 0.008.
        let found = f64::from(open as u32) / f64::from(unreported as u32);
        assert!((found - share).abs() < 0.03, "{share}: {found}");
        assert_same_birds(&plan);
    }
}

/// Mistakes of checklists change nothing else.
fn assert_same_birds(plan: &SetPlan) {
    let plain = plan_of(&usual());
    for (one, other) in plain.recordings.iter().zip(&plan.recordings) {
        assert_eq!((one.asset_id, &one.birds), (other.asset_id, &other.birds));
    }
}

/// Songs that the annotators of a plan drew boxes around.
fn annotated(plan: &SetPlan) -> usize {
    let songs = plan
        .recordings
        .iter()
        .map(|recording| recording.annotated_songs().len());
    songs.sum()
}

/// Loads `manifest` beside the tables of a plan, with files that are not opened in place of sound.
fn load(plan: &SetPlan, manifest: &str) -> Result<Manifest, String> {
    let species = benchmark_species(0.0);
    let dir = tempfile::tempdir().unwrap();
    tables::write_tables(dir.path(), plan, &species).unwrap();
    tables::write_truth(dir.path(), plan, &species).unwrap();
    fs::create_dir(dir.path().join("audio")).unwrap();
    for recording in &plan.recordings {
        fs::write(dir.path().join(tables::audio_path(recording)), b"").unwrap();
    }
    let path = dir.path().join("manifest.toml");
    fs::write(&path, manifest).unwrap();
    Manifest::load(&path).map_err(|error| error.to_string())
}

fn boxes(manifest: &Manifest) -> usize {
    manifest.recordings.iter().map(|recording| recording.boxes.len()).sum()
}

/// What checklists leave open is read by a manifest, and the truth serves as its table of boxes.
#[test]
fn tables_hold_the_open_species_and_the_whole_truth() {
    let mut plan = plan_of(&Conditions {
        unsure_species: 0.5,
        ..usual()
    });
    plan.recordings.truncate(20);
    let labelled = load(&plan, super::MANIFEST).unwrap();
    for (read, planned) in labelled.recordings.iter().zip(&plan.recordings) {
        let unsure = &read.checklist.as_ref().unwrap().unsure;
        let unsure: BTreeSet<usize> = unsure.iter().map(|&class| class as usize).collect();
        assert_eq!(unsure, plan.visits[planned.visit].checklist.as_ref().unwrap().unsure);
    }
    let whole = load(&plan, &super::MANIFEST.replace("\"boxes.csv\"", "\"truth.csv\"")).unwrap();
    let birds = plan.recordings.iter().flat_map(|recording| &recording.scene.singers);
    let songs: usize = birds.map(|bird| bird.songs.len()).sum();
    assert_eq!((boxes(&labelled), boxes(&whole)), (annotated(&plan), songs));
    assert!(annotated(&plan) < songs);
}

/// A bird that its checklist leaves out is refused by the usual manifest, and kept by that which comes with such lists.
#[test]
fn the_manifest_allows_for_the_mistakes_asked_for() {
    let conditions = Conditions {
        false_absences: 0.5,
        ..usual()
    };
    let plan = plan_of(&conditions);
    assert!(load(&plan, &super::manifest(&usual())).is_err());
    let read = load(&plan, &super::manifest(&conditions)).unwrap();
    assert_eq!(boxes(&read), annotated(&plan));
    assert_eq!(super::manifest(&usual()), super::MANIFEST);
}
