//! mAP: equal to the published program's, and errors for what cannot be measured.
#![allow(clippy::unwrap_used, reason = "tests")]

use crate::fixture;

use std::fs;

use safetensors::SafeTensors;
use trainer::Error;
use trainer::metric::{Evaluation, average_precision, evaluate};

/// Asked of us by the fixtures' description.
const TOLERANCE: f64 = 1e-12;

fn compare(ours: &Evaluation, file: &SafeTensors<'_>) {
    let (ap, map) = (fixture::f64s(file, "ap"), fixture::f64s(file, "map")[0]);
    assert_eq!(ours.ap.len(), ap.len());
    for (class, (ours, reference)) in ours.ap.iter().zip(&ap).enumerate() {
        assert!(
            (ours - reference).abs() < TOLERANCE,
            "class {class}: {ours}, reference {reference}"
        );
    }
    assert!((ours.map - map).abs() < TOLERANCE, "{} {map}", ours.map);
}

#[test]
fn equals_the_reference_with_ties_and_rows_dropped() {
    let bytes = fs::read(fixture::folder("map").join("ties.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let ((labels, rows), (mask, _)) = (fixture::u8s(&file, "labels"), fixture::u8s(&file, "mask"));
    let scores = fixture::f32s(&file, "scores");
    let (classes, kept) = (scores.len() / rows, fixture::i64s(&file, "kept"));
    let ours = evaluate(&scores, &labels, &mask, classes).unwrap();
    compare(&ours, &file);
    assert_eq!(
        (ours.kept, ours.left_out),
        (kept.len() as u64, (rows - kept.len()) as u64)
    );
    for class in 0..classes {
        let at = kept.iter().map(|&row| row as usize * classes + class);
        let (scores, labels): (Vec<f32>, Vec<u8>) = at.map(|at| (scores[at], labels[at])).unzip();
        assert!((average_precision(&scores, &labels) - ours.ap[class]).abs() < TOLERANCE);
        assert_eq!(
            ours.positives[class],
            labels.iter().map(|&label| u64::from(label)).sum::<u64>()
        );
    }
    let occurring = ours.positives.iter().filter(|&&count| count > 0).count();
    assert!(occurring < classes, "the fixture has a class without positives");
    assert!((ours.map_occurring - ours.map * classes as f64 / occurring as f64).abs() < TOLERANCE);
    let constant = evaluate(&vec![0.5; scores.len()], &labels, &mask, classes).unwrap();
    assert!(
        (constant.map - ours.chance).abs() < TOLERANCE,
        "chance is the mAP of a constant score"
    );
}

#[test]
fn equals_the_reference_on_many_rows() {
    let bytes = fs::read(fixture::folder("map").join("random.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let ((labels, rows), (annotated, _)) = (fixture::u8s(&file, "labels"), fixture::u8s(&file, "annotated"));
    let scores = fixture::f32s(&file, "scores");
    let classes = scores.len() / rows;
    let mask: Vec<u8> = annotated.iter().flat_map(|&known| vec![known; classes]).collect();
    compare(&evaluate(&scores, &labels, &mask, classes).unwrap(), &file);
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    let (scores, labels, mask) = ([0.1, 0.2, f32::NAN, 0.4], [0, 1, 0, 1], [1; 4]);
    let error = evaluate(&scores, &labels, &mask, 2).unwrap_err();
    assert!(matches!(error, Error::ScoreNotANumber { row: 1, class: 0 }), "{error}");
    let scores = [0.1, f32::INFINITY, f32::NEG_INFINITY, 0.4];
    assert_eq!(evaluate(&scores, &labels, &mask, 2).unwrap().ap, [0.0, 1.0]);
    let error = evaluate(&scores, &labels, &[1, 0, 0, 1], 2).unwrap_err();
    assert!(matches!(error, Error::NothingToMeasure { left_out: 2, .. }), "{error}");
    for classes in [0, 3] {
        assert!(matches!(
            evaluate(&scores, &labels, &mask, classes),
            Err(Error::ScoreShape { .. })
        ));
    }
    assert!(matches!(
        evaluate(&scores, &labels[..2], &mask, 2),
        Err(Error::ScoreShape { .. })
    ));
    assert!(matches!(
        evaluate(&[], &[], &[], 2),
        Err(Error::NothingToMeasure { left_out: 0, .. })
    ));
}
