//! The loss of what was heard in recordings, against its definition in loops, and at the edges.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use loader::{Catalogue, Supervision};
use tch::{Device, Kind, Tensor};
use trainer::loss::HeardLoss;

use crate::asset_reg::{heard_in, label_row};

/// Clips of the recordings 5, 5, 2, 5, 9; in 5 the classes 0 and 2 were heard, in 2 class 1, of 9 nobody said.
fn rows() -> Supervision {
    let rows = [(5, 0), (5, 1), (2, 0), (5, 2), (9, 0)].map(|(asset_id, clip)| label_row(asset_id, clip));
    let assets = [(5, Some(vec![0, 2])), (2, Some(vec![1])), (9, None)].map(|(id, heard)| heard_in(id, heard));
    let catalogue = Catalogue::from_tables(Path::new("set"), 3, &rows, &[], &assets).unwrap();
    catalogue.evaluation(shardfmt::Split::Train).unwrap()
}

fn logits(scale: f64) -> Tensor {
    let values = (Tensor::arange(15, (Kind::Double, Device::Cpu)) * 1.3).sin() * scale;
    values.reshape([5, 3]).set_requires_grad(true)
}

#[test]
fn what_was_heard_is_in_one_of_the_clips() {
    let rows = rows();
    let loss = HeardLoss::new(0.5, &rows.asset_ids(), &rows.labels);
    // Places in the batch of recording 5: 0, 2 and 3; of 2: 4.
    let batch = [3, 4, 0, 1, 2];
    let x = logits(3.0);
    let p = |place: i64, class: i64| x.sigmoid().double_value(&[place, class]);
    let not = |class| [0, 2, 3].map(|place| 1.0 - p(place, class)).iter().product::<f64>();
    let expected = -0.5 * ((1.0 - not(0)).ln() + (1.0 - not(2)).ln() + p(4, 1).ln()) / 3.0;
    let ours = loss.forward(&x, &batch).unwrap().unwrap();
    assert!(
        (ours.double_value(&[]) - expected).abs() < 1e-12,
        "{ours:?} for {expected}"
    );
    // d loss / d x of a clip: -weight (1 - P)/P p / 3.
    ours.backward();
    let gradient = x.grad();
    let expected = -0.5 * not(0) / (1.0 - not(0)) * p(2, 0) / 3.0;
    assert!((gradient.double_value(&[2, 0]) - expected).abs() < 1e-12);
    assert_eq!(gradient.double_value(&[2, 1]), 0.0, "not heard");
    assert_eq!(
        gradient.get(1).abs().sum(Kind::Double).double_value(&[]),
        0.0,
        "nobody said"
    );
    assert!(loss.forward(&logits(1.0).narrow(0, 0, 1), &[4]).unwrap().is_none());
}

#[test]
fn it_is_finite_at_saturation() {
    let rows = rows();
    let loss = HeardLoss::new(1.0, &rows.asset_ids(), &rows.labels);
    for scale in [30.0, 120.0, 1000.0] {
        for sign in [1.0, -1.0] {
            let x = (logits(0.0).detach() + sign * scale)
                .to_kind(Kind::Float)
                .set_requires_grad(true);
            let value = loss.forward(&x, &[0, 1, 2, 3, 4]).unwrap().unwrap();
            value.backward();
            let finite = |t: &Tensor| t.isfinite().all().int64_value(&[]) == 1;
            assert!(finite(&value) && finite(&x.grad()), "{sign} {scale}");
            assert_eq!(value.double_value(&[]) > 1.0, sign < 0.0);
        }
    }
}
