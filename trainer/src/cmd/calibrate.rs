//! `l48-train calibrate`: fits what makes probabilities of a run's logits.

use anyhow::{Context, Result};
use loader::Supervision;
use shardfmt::entry::DATASET_JSON;
use shardfmt::persist::write_atomic;
use shardfmt::{Split, hash_file};

use super::trained::Trained;
use super::{device, output};
use crate::calibration::{Bin, Calibration, CalibrationRecord, fit_classes, reliability, reliability_svg};
use crate::cli::CalibrateArgs;
use crate::detect::sigmoid;
use crate::material::Material;
use crate::predict::{logits, ring};

/// Runs the command.
pub(super) fn run(args: &CalibrateArgs) -> Result<()> {
    let trained = Trained::load(&args.run, device::choose(args.device.device))?;
    trained.warn_of_prior("it calibrates what `detect` finds, which has no prior");
    let record = &trained.record.dataset;
    let dataset = args.dataset.as_ref().unwrap_or(&record.path);
    let material = Material::open(dataset).context("the dataset to calibrate on; --dataset names another one")?;
    record.check_compatible(&args.run, &material.dataset)?;
    let val = material.catalogue.evaluation(Split::Val)?;
    let bar = indicatif::ProgressBar::new(val.rows() as u64);
    let mut found = Vec::with_capacity(val.rows() * val.classes());
    let mut ring = ring(&material.clips, &trained.model);
    logits(
        (&trained.model, &trained.scaling),
        &material.clips,
        &val.clips,
        &mut ring,
        |rows, logits| {
            bar.inc(rows.len() as u64);
            found.extend_from_slice(logits);
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    let (fitted, pooled) = fit_classes(&found, &val)?;
    let hashes = [
        trained.weights_xxh3()?,
        hash_file(&material.dataset.dir().join(DATASET_JSON))?.xxh3,
    ];
    let written = CalibrationRecord::new(hashes, val.rows() as u64, &record.taxa, (&fitted, pooled));
    let calibration = Calibration {
        classes: fitted.iter().map(|class| class.logistic).collect(),
    };
    let (before, error_before) = measured(&found, &val, |_, logit| sigmoid(logit));
    let (after, error_after) = measured(&found, &val, |class, logit| calibration.probability(class, logit));
    let picture = trained.folder.reliability();
    write_atomic(&picture, reliability_svg(&before, &after).as_bytes())?;
    trained.folder.calibration().write(&written)?;
    let own = fitted.iter().filter(|class| !class.pooled).count();
    output::print(&format!(
        "val   {} clips; {own} classes with a fit of their own, {} with that of all together\n\
         error {error_before:.4} of sigmoids, {error_after:.4} of calibrated probabilities (expected calibration error)\n\
         see   {}\n",
        val.rows(),
        fitted.len() - own,
        picture.display()
    ))
}

/// How often the probabilities of what is known come true.
fn measured(logits: &[f32], val: &Supervision, probability: impl Fn(u32, f64) -> f64) -> (Vec<Bin>, f64) {
    let ([labels, mask], classes) = (val.labels.matrices(), val.classes().max(1));
    let entries = logits.iter().zip(&labels).zip(&mask).enumerate();
    let known = entries.filter(|(_, (_, known))| **known != 0);
    reliability(known.map(|(at, ((&logit, &label), _))| {
        let class = (at % classes) as u32;
        (probability(class, f64::from(logit)), label != 0)
    }))
}
