//! `l48-train predict`: writes the scores of every clip of a dataset.

use anyhow::Result;

use super::{device, output, trained};
use crate::cli::PredictArgs;
use crate::material::Material;
use crate::predict::{ring, scores};
use crate::run_folder::PredictionWriter;

/// Runs the command.
pub(super) fn run(args: &PredictArgs) -> Result<()> {
    let device = device::choose(args.device.device);
    let material = Material::open(&args.dataset)?;
    let (model, scaling) = trained::model(&args.run, &material.dataset, device)?;
    let mut table = PredictionWriter::create(&args.out, material.dataset.taxa())?;
    let clips = material.catalogue.clips();
    let bar = indicatif::ProgressBar::new(clips.len() as u64);
    let mut ring = ring(&material.clips, &model);
    scores((&model, &scaling), &material.clips, clips, &mut ring, |rows, scores| {
        let clips = rows.iter().filter_map(|&row| clips.get(row as usize));
        let (assets, indices): (Vec<i64>, Vec<u32>) = clips.map(|clip| (clip.asset_id, clip.clip_index)).unzip();
        bar.inc(rows.len() as u64);
        table.push(&assets, &indices, scores)
    })?;
    table.finish()?;
    bar.finish_and_clear();
    output::print(&format!("{}: {} clips\n", args.out.display(), clips.len()))
}
