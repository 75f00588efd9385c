//! Evidence of clips without a known positive, against its definition in loops; its controls and its state.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap is a failed test, which prints its case"
)]

use std::collections::HashMap;

use loader::Labels;
use loader::random::{Purpose, keyed};
use rand::RngExt;
use tch::{Device, Kind, Tensor};
use trainer::loss::{LossBatch, Objective, ObjectiveConfig, RECORDING_EVIDENCE, Setup};
use trainer::state::snapshot;

const CLASSES: usize = 4;
/// Recordings of the clips: 3 and 8 have clips without a known positive, 5 has none.
const RECORDINGS: [i64; 9] = [3, 3, 3, 8, 8, 8, 5, 5, 3];
/// Class that each clip is known to have.
const TARGETS: [Option<usize>; 9] = [Some(0), None, Some(0), None, Some(1), Some(1), Some(2), Some(2), None];
const BATCHES: [(u32, &[i64]); 6] = [
    (1, &[0, 3, 6]),
    (1, &[1, 4, 8, 5]),
    (2, &[0, 2, 4, 7]),
    (2, &[1, 8, 3, 5]),
    (3, &[1, 0, 1, 4]),
    (3, &[0, 2, 4, 5, 6, 7]),
];
const EPS: f64 = 0.2;
const SOFT: f64 = 0.6;
const DELTA: f64 = 0.15;

fn setup() -> Setup<'static> {
    let mut known = vec![0; RECORDINGS.len() * CLASSES];
    for (clip, target) in TARGETS.iter().enumerate() {
        target.iter().for_each(|class| known[clip * CLASSES + class] = 1);
    }
    Setup {
        labels: Labels::from_matrices(CLASSES, &known, &known).unwrap(),
        asset_ids: RECORDINGS.to_vec(),
        mean_positives: (1.0, "the clips"),
        seed: 3,
        device: Device::Cpu,
        kind: Kind::Double,
    }
}

fn objective(evidence: &str) -> Objective {
    let parameters = format!("evidence = '{evidence}'\ndelta = {DELTA}\nsoft = {SOFT}\neps = {EPS}");
    let config = ObjectiveConfig {
        method: RECORDING_EVIDENCE.to_owned(),
        parameters: parameters.parse().unwrap(),
        ..ObjectiveConfig::default()
    };
    Objective::new(&config, &setup()).unwrap()
}

fn logits(number: usize, clips: usize) -> Vec<f64> {
    let mut random = keyed(9, Purpose::Augment, &[number as u64]);
    (0..clips * CLASSES).map(|_| random.random_range(-4.0..4.0)).collect()
}

/// The losses of a batch.
fn losses(objective: &mut Objective, number: usize) -> Vec<f64> {
    let (epoch, clips) = BATCHES[number];
    let shape = [clips.len() as i64, CLASSES as i64];
    let mut known = vec![0.0; clips.len() * CLASSES];
    for (place, clip) in clips.iter().enumerate() {
        TARGETS[*clip as usize]
            .iter()
            .for_each(|class| known[place * CLASSES + class] = 1.0);
    }
    let known = Tensor::from_slice(&known).reshape(shape);
    let batch = LossBatch {
        logits: &Tensor::from_slice(&logits(number, clips.len())).reshape(shape),
        labels: &known,
        mask: &known,
        rows: &Tensor::from_slice(clips),
        epoch,
        epochs: 3,
        mixed: None,
    };
    Vec::try_from(objective.parts(&batch).unwrap().matrix.flatten(0, -1)).unwrap()
}

/// The losses of every batch by the definition; the witnesses of recording r are the clips of `witness(r)`.
fn expected(by_recording: bool, witness: impl Fn(i64) -> i64) -> (Vec<Vec<f64>>, usize) {
    let mut latest: HashMap<i64, Vec<f64>> = HashMap::new();
    let (mut all, mut soft) = (Vec::new(), 0);
    for (number, (epoch, clips)) in BATCHES.iter().enumerate() {
        let x = logits(number, clips.len());
        let p: Vec<f64> = x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
        let mut evidence: Vec<(f64, usize)> = Vec::new();
        for (place, clip) in clips.iter().enumerate() {
            let of = witness(RECORDINGS[*clip as usize]);
            let there = latest.iter().filter(|(clip, _)| RECORDINGS[**clip as usize] == of);
            let there: Vec<&Vec<f64>> = there.map(|(_, p)| p).collect();
            let Some(target) = TARGETS[*clip as usize].filter(|_| !there.is_empty()) else {
                continue;
            };
            for class in (0..CLASSES).filter(|class| *class != target) {
                let mean = there.iter().map(|p| p[class]).sum::<f64>() / there.len() as f64;
                let entry = place * CLASSES + class;
                evidence.push((p[entry].ln() + if by_recording { mean.ln() } else { 0.0 }, entry));
            }
        }
        evidence.sort_by(|a, b| b.0.total_cmp(&a.0));
        evidence.truncate(if *epoch < 2 {
            0
        } else {
            (DELTA * x.len() as f64).ceil() as usize
        });
        soft += evidence.len();
        let mut losses = Vec::new();
        for (entry, p) in p.iter().enumerate() {
            let target = TARGETS[clips[entry / CLASSES] as usize];
            let mut s = if target == Some(entry % CLASSES) {
                1.0 - EPS / 2.0
            } else {
                EPS / 2.0
            };
            if evidence.iter().any(|(_, chosen)| *chosen == entry) {
                s = SOFT;
            }
            let loss = -(s * p.ln() + (1.0 - s) * (1.0 - p).ln());
            losses.push(if target.is_some() { loss } else { 0.0 });
        }
        all.push(losses);
        for (place, clip) in clips
            .iter()
            .enumerate()
            .filter(|(_, clip)| TARGETS[**clip as usize].is_none())
        {
            latest.insert(*clip, p[place * CLASSES..][..CLASSES].to_vec());
        }
    }
    (all, soft)
}

fn check(what: &str, expected: &[Vec<f64>]) {
    let mut objective = objective(what);
    for (number, expected) in expected.iter().enumerate() {
        for (entry, (ours, expected)) in losses(&mut objective, number).iter().zip(expected).enumerate() {
            assert!(
                (ours - expected).abs() < 1e-12,
                "{what}, batch {number}, entry {entry}: {ours} for {expected}"
            );
        }
    }
}

#[test]
fn soft_positives_are_where_the_evidence_is_highest() {
    let (recording, soft) = expected(true, |recording| recording);
    assert!(soft >= 10, "{soft}");
    check("recording", &recording);
    let (clip, _) = expected(false, |recording| recording);
    check("clip", &clip);
    // The two recordings with witnesses exchange them.
    let (shuffled, _) = expected(true, |recording| match recording {
        3 => 8,
        8 => 3,
        other => other,
    });
    check("shuffled", &shuffled);
    assert!(recording != clip && recording != shuffled);
}

#[test]
fn what_was_predicted_is_saved() {
    let mut whole = objective("recording");
    for number in 0..3 {
        losses(&mut whole, number);
    }
    let saved = snapshot(&whole.state()).unwrap();
    let mut resumed = objective("recording");
    resumed.load_state(&saved).unwrap();
    for number in 3..6 {
        assert_eq!(losses(&mut whole, number), losses(&mut resumed, number));
    }
}
