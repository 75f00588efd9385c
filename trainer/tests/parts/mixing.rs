//! What the asset regulariser, ROLE and LL-Cp make of clips that are mixed, against loops over single entries.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use loader::Labels;
use tch::{Device, Kind, Tensor};
use trainer::asset_reg::{AssetRegConfig, AssetTable, Clips, Control};
use trainer::augment::{Mixed, Mixing};
use trainer::loss::{LossBatch, Objective, ObjectiveConfig, Setup};

const CLASSES: usize = 3;
/// Rows of the batch; clips 0 and 2 are mixed with each other, clip 1 with clip 0, clip 3 with none.
const ROWS: [u32; 4] = [4, 0, 3, 1];
const PARTNER: [usize; 4] = [2, 0, 0, 3];
const SHARE: [f64; 4] = [0.75, 0.875, 0.625, 1.0];

fn mixed() -> Mixed {
    let partner: Vec<i64> = PARTNER.iter().map(|&place| place.try_into().unwrap()).collect();
    let share = Tensor::from_slice(&SHARE).to_kind(Kind::Float);
    Mixed::new(Tensor::from_slice(&partner), &share, vec![3]).unwrap()
}

/// Numbers of no pattern from -2 to 2, \[rows, 3\].
fn wave(rows: i64, from: f64) -> Tensor {
    let places = Tensor::arange(rows * 3, (Kind::Double, Device::Cpu));
    ((places * 1.7 + from).sin() * 2.0).reshape([rows, 3])
}

fn values(tensor: &Tensor) -> Vec<Vec<f64>> {
    let flat: Vec<f64> = tensor.detach().to_kind(Kind::Double).flatten(0, -1).try_into().unwrap();
    flat.chunks(CLASSES).map(<[f64]>::to_vec).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.exp().ln_1p()
}

/// What is kept of each place, mixed.
fn shared(kept: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mix = |(place, own): (usize, &Vec<f64>)| {
        let other = &kept[PARTNER[place]];
        let pairs = own.iter().zip(other);
        pairs
            .map(|(own, other)| SHARE[place] * own + (1.0 - SHARE[place]) * other)
            .collect()
    };
    kept.iter().enumerate().map(mix).collect()
}

fn labels() -> Labels {
    let (labels, mask) = ([1, 0, 0].repeat(5), [1, 0, 0].repeat(5));
    Labels::from_matrices(CLASSES, &labels, &mask).unwrap()
}

fn objective(method: &str, parameters: &str) -> Objective {
    let setup = Setup {
        labels: labels(),
        asset_ids: (0..5).collect(),
        mean_positives: (1.0, "the clips"),
        seed: 1,
        device: Device::Cpu,
        kind: Kind::Double,
    };
    let config = ObjectiveConfig {
        method: method.to_owned(),
        parameters: parameters.parse().unwrap(),
        ..ObjectiveConfig::default()
    };
    Objective::new(&config, &setup).unwrap()
}

/// Value of an objective on `logits` of the mixed batch, in which class 0 is present and nothing else known.
fn value(objective: &mut Objective, logits: &Tensor, mixed: Option<&Mixed>) -> Tensor {
    let labels = Tensor::from_slice(&[1.0, 0.0, 0.0].repeat(4)).reshape([4, 3]);
    let rows = Tensor::from_slice(&ROWS.map(i64::from));
    let batch = LossBatch {
        logits,
        labels: &labels,
        mask: &labels,
        rows: &rows,
        epoch: 2,
        epochs: 3,
        mixed,
    };
    objective.forward(&batch).unwrap()
}

#[test]
fn the_regulariser_pulls_a_mix_to_the_mix_of_its_recordings() {
    let (asset_ids, labels) = ([7, 7, 8, 8, 9], labels());
    let clips = Clips {
        asset_ids: &asset_ids,
        labels: &labels,
    };
    let config = AssetRegConfig {
        alpha: 0.3,
        ..AssetRegConfig::default()
    };
    let table = AssetTable::new(&clips, &config, 1, (Kind::Double, Device::Cpu)).unwrap();
    let beliefs = values(table.table());
    // Rows of the table of the batch's clips.
    let kept: Vec<_> = ROWS.map(|row| beliefs[[0, 0, 1, 1, 2][row as usize]].clone()).into();
    let logits = wave(4, 0.2).set_requires_grad(true);
    let penalty = table
        .penalty(
            &logits,
            &logits.zeros_like(),
            &table.table_rows(&ROWS).unwrap(),
            Some(&mixed()),
        )
        .unwrap();
    penalty.backward();
    let x = values(&logits);
    let mut expected = 0.0;
    for (place, target) in shared(&kept).iter().enumerate() {
        for (class, t) in target.iter().enumerate() {
            let x = x[place][class];
            expected += 0.3 * (softplus(x) - x * t) / 12.0;
            let gradient = logits.grad().double_value(&[place as i64, class as i64]);
            assert!((gradient - 0.3 * (sigmoid(x) - t) / 12.0).abs() < 1e-12);
        }
    }
    assert!((penalty.double_value(&[]) - expected).abs() < 1e-12);
    let frozen = AssetRegConfig {
        control: Control::Frozen,
        ..config
    };
    let of = [config, frozen].map(|config| AssetTable::mixing(&config));
    assert_eq!(of, [Mixing::SomeAlone, Mixing::Any]);
}

#[test]
fn role_learns_the_logits_of_both_clips_of_a_mix() {
    let mut objective = objective("role", "lambda = 0.0");
    let start = wave(5, 0.9);
    objective
        .load_state(&[("logits".to_owned(), start.shallow_clone())])
        .unwrap();
    let logits = wave(4, 0.2).set_requires_grad(true);
    let loss = value(&mut objective, &logits, Some(&mixed()));
    loss.backward();
    let (x, start) = (values(&logits), values(&start));
    let kept: Vec<_> = ROWS.map(|row| start[row as usize].clone()).into();
    let mut expected = 0.0;
    let mut gradients = vec![vec![0.0; CLASSES]; 5];
    for (place, g) in shared(&kept).iter().enumerate() {
        for class in 0..CLASSES {
            let (x, g, y) = (x[place][class], g[class], f64::from(u8::from(class == 0)));
            let (p, q) = (sigmoid(x), sigmoid(g));
            let present = y * (softplus(-x) + softplus(-g));
            expected += 0.5 * (present + softplus(x) - x * q + softplus(g) - g * p) / 12.0;
            let gradient = 0.5 * (y * (q - 1.0) + q - p) / 12.0;
            gradients[ROWS[place] as usize][class] += SHARE[place] * gradient;
            gradients[ROWS[PARTNER[place]] as usize][class] += (1.0 - SHARE[place]) * gradient;
        }
    }
    assert!((loss.double_value(&[]) - expected).abs() < 1e-12);
    let got = values(&objective.trained().unwrap().tensors[0].1.grad());
    for (got, expected) in got.iter().flatten().zip(gradients.iter().flatten()) {
        assert!((got - expected).abs() < 1e-12, "{got}, not {expected}");
    }
    assert_eq!(objective.mixing(), Mixing::Any);
}

#[test]
fn ll_cp_corrects_mixes_in_their_batch_and_single_clips_for_good() {
    // Two of twelve entries: class 1 of the clip heard alone, and class 2 of a mix of rows 4 and 3.
    let mut objective = objective("ll-cp", "delta = 0.1");
    let logits = Tensor::zeros([4, 3], (Kind::Double, Device::Cpu));
    for (place, class) in [(3, 1), (0, 2)] {
        let _ = logits.get(place).get(class).fill_(4.0);
    }
    let positive = |x: f64| softplus(-x);
    let loss = value(&mut objective, &logits, Some(&mixed())).double_value(&[]);
    // Class 0 is present in all four, four entries are 0, of the others two are corrected.
    let expected = (4.0 * positive(0.0) + 6.0 * softplus(0.0) + 2.0 * positive(4.0)) / 12.0;
    assert!((loss - expected).abs() < 1e-12, "{loss}, not {expected}");
    let made = |objective: &Objective| -> Vec<u8> { (&objective.state()[0].1.flatten(0, -1)).try_into().unwrap() };
    let mut corrections = [0; 15];
    corrections[3 + 1] = 1;
    assert_eq!(made(&objective), corrections, "row 1, class 1");

    // A correction of row 3 is one of its mixes: clip 2, and clip 0 as its partner; clip 1 is mixed with clip 0 alone.
    corrections[3 * 3 + 1] = 1;
    let state = Tensor::from_slice(&corrections).reshape([5, 3]);
    objective.load_state(&[("corrections".to_owned(), state)]).unwrap();
    let logits = wave(4, 0.2);
    let x = values(&logits);
    // Above a delta of 0 nothing new is corrected.
    let mut still = self::objective("ll-cp", "delta = 0.0");
    still.load_state(&objective.state()).unwrap();
    let loss = value(&mut still, &logits, Some(&mixed())).double_value(&[]);
    let present = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (2, 1), (0, 1)];
    let mut expected = 0.0;
    for (place, x) in x.iter().enumerate() {
        for (class, x) in x.iter().enumerate() {
            expected += if present.contains(&(place, class)) {
                positive(*x)
            } else {
                softplus(*x)
            } / 12.0;
        }
    }
    assert!((loss - expected).abs() < 1e-12, "{loss}, not {expected}");
    assert_eq!(objective.mixing(), Mixing::SomeAlone);
}
