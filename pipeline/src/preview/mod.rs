//! Draws the clips of a recording, or a photograph, as a picture for people: axes, boxes, names.

mod canvas;
mod panel;

use std::path::Path;

use embedded_graphics::pixelcolor::Rgb888;
use shardfmt::Operation;
use shardfmt::{AssetRow, Checks, Dataset, DatasetShard, Dtype, GeoPrior, LabelRow, Row0};

use crate::error::{Result, io};
use canvas::Canvas;
use frontend::spectrogram::FrequencyAxis;
pub(crate) use panel::ClipImage;
use panel::Panel;

/// Most panels side by side in a sheet.
const SHEET_COLUMNS: usize = 4;
/// Most clips in a sheet: more would be a picture nobody can open.
pub const SHEET_CLIPS: usize = 64;

/// Draws the given clips (rows of `shard` with their labels) as one picture.
///
/// # Errors
/// A damaged record, or a picture that cannot be written.
pub fn draw(dataset: &Dataset, shard: &DatasetShard, asset: &AssetRow, rows: &[LabelRow], out: &Path) -> Result<()> {
    let head = dataset.head();
    let axes = &head.axes;
    let axis = FrequencyAxis::described(
        axes.frequency_scale,
        axes.fmin_hz,
        axes.fmax_hz,
        head.clips.height as usize,
    );
    let width = f64::from(head.clips.width);
    let shown_s = if axes.frame_rate_hz > 0.0 {
        width / axes.frame_rate_hz
    } else {
        axes.clip_duration_s
    };
    let name = asset.path.rsplit('/').next().unwrap_or(&asset.path);
    let priors = dataset.geo_priors(shard)?;
    let no_prior = GeoPrior::default();
    let geo = priors.get(&asset.asset_id).unwrap_or(&no_prior);
    let mut panels = Vec::new();
    for row in rows {
        let image = image_of(shard, row.row, axes.is_photograph())?;
        let row_0_is_lowest = axes.row_0 == Row0::Lowest;
        panels.push(Panel {
            image,
            row,
            label_counts: row.counts(geo, dataset.taxa().len() as u32),
            axis: (!axes.is_photograph()).then_some(&axis),
            row_0_is_lowest,
            shown_s,
            taxa: dataset.taxa(),
            name,
        });
    }
    let columns = SHEET_COLUMNS.min(panels.len()).max(1);
    let (width, height) = panels.first().map_or((1, 1), Panel::size);
    let lines = panels.len().div_ceil(columns).max(1) as u32;
    let mut canvas = Canvas::new(width * columns as u32, height * lines);
    for (i, panel) in panels.iter().enumerate() {
        let at = (width * (i % columns) as u32, height * (i / columns) as u32);
        panel.draw(&mut canvas, (at.0.cast_signed(), at.1.cast_signed()));
    }
    canvas.save(out).map_err(io(Operation::Write, out))
}

/// A stored clip in colour: a photograph in its own, else the brightness of the first channel; dB values span their
/// own range.
pub(crate) fn image_of(shard: &DatasetShard, row: u32, is_photograph: bool) -> shardfmt::Result<ClipImage> {
    let spec = shard.spec();
    let pixels = spec.height as usize * spec.width as usize;
    let image = |colours| ClipImage {
        height: spec.height,
        width: spec.width,
        colours,
    };
    if is_photograph && (spec.dtype, spec.channels) == (Dtype::U8, Some(3)) {
        let clip = shard.clip(row)?;
        let plane = |channel: usize| clip.iter().skip(channel * pixels).take(pixels);
        let (red, green, blue) = (plane(0), plane(1), plane(2));
        let colours = red.zip(green).zip(blue).map(|((r, g), b)| Rgb888::new(*r, *g, *b));
        return Ok(image(colours.collect()));
    }
    let mut brightness: Vec<f32> = match spec.dtype {
        Dtype::U8 => shard
            .clip(row)?
            .iter()
            .take(pixels)
            .map(|&level| f32::from(level) / 255.0)
            .collect(),
        Dtype::F16 => shard.clip_f16(row)?.iter().take(pixels).map(|db| db.to_f32()).collect(),
        Dtype::F32 => shard.clip_f32(row)?.iter().take(pixels).copied().collect(),
    };
    if spec.dtype != Dtype::U8 {
        let low = brightness.iter().copied().fold(f32::INFINITY, f32::min);
        let high = brightness.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let range = (high - low).max(f32::MIN_POSITIVE);
        brightness.iter_mut().for_each(|db| *db = (*db - low) / range);
    }
    let colour = |value: f32| {
        let colour = colorous::INFERNO.eval_continuous(f64::from(value.clamp(0.0, 1.0)));
        Rgb888::new(colour.r, colour.g, colour.b)
    };
    Ok(image(brightness.into_iter().map(colour).collect()))
}

/// Opens the shard of an asset and finds its labels.
///
/// # Errors
/// A damaged shard or sidecar.
pub fn clips_of(dataset: &Dataset, asset: &AssetRow) -> shardfmt::Result<(DatasetShard, Vec<LabelRow>)> {
    let shard = dataset.open_shard(asset.shard, Checks::FirstTouch)?;
    let mut rows = dataset.labels(&shard)?;
    rows.retain(|row| row.asset_id == asset.asset_id);
    Ok((shard, rows))
}
