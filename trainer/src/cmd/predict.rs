//! `l48-train predict`: writes the scores of every clip of a dataset.

use anyhow::Result;

use super::{device, output, trained};
use crate::cli::PredictArgs;
use crate::detect::sigmoid;
use crate::material::Material;
use crate::predict::{logits, ring, scores};
use crate::prior_logits::Stated;
use crate::run_folder::PredictionWriter;

/// Runs the command.
pub(super) fn run(args: &PredictArgs) -> Result<()> {
    let device = device::choose(args.device.device);
    let material = Material::open(&args.dataset)?;
    let trained = trained::for_dataset(&args.run, &material.dataset, device)?;
    let mut table = PredictionWriter::create(&args.out, material.dataset.taxa())?;
    let clips = material.catalogue.clips();
    let bar = indicatif::ProgressBar::new(clips.len() as u64);
    let mut ring = ring(&material.clips, &trained.model);
    let model = (&trained.model, &trained.scaling);
    let mut take = |rows: &[u32], scores: &[f32]| {
        let clips = rows.iter().filter_map(|&row| clips.get(row as usize));
        let (assets, indices): (Vec<i64>, Vec<u32>) = clips.map(|clip| (clip.asset_id, clip.clip_index)).unzip();
        bar.inc(rows.len() as u64);
        table.push(&assets, &indices, scores)
    };
    if let Some(prior) = &trained.prior {
        let stated = Stated::read(&material.dataset, clips, prior.offsets.from)?;
        let mut probabilities = Vec::new();
        let mut added = vec![0.0; stated.classes()];
        logits(model, &material.clips, clips, &mut ring, |rows, logits| {
            probabilities.clear();
            let of_rows = rows.iter().filter_map(|&row| clips.get(row as usize));
            for (clip, logits) in of_rows.zip(logits.chunks_exact(stated.classes().max(1))) {
                prior.write(&stated, clip.asset_id, &mut added);
                let with_prior = logits.iter().zip(&added).map(|(logit, added)| logit + added);
                probabilities.extend(with_prior.map(|logit| sigmoid(f64::from(logit)) as f32));
            }
            take(rows, &probabilities)
        })?;
    } else {
        scores(model, &material.clips, clips, &mut ring, take)?;
    }
    table.finish()?;
    bar.finish_and_clear();
    output::print(&format!("{}: {} clips\n", args.out.display(), clips.len()))
}
