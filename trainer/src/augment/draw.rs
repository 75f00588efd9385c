//! Draws the random numbers of a clip in an epoch.
//!
//! All are drawn in the same order whatever is configured, so that adding a change does not alter the others.

use loader::random::{Purpose, keyed};
use rand::RngExt;

use super::AugmentConfig;

/// A band of rows or columns: first and number.
pub(super) type Band = [i64; 2];

/// The changes drawn for a clip.
pub(super) struct Draw {
    pub flip: bool,
    /// Columns to the right.
    pub shift: i64,
    pub gain_db: f64,
    /// Whether the clip is mixed, and how many clips of the batch further on its partner is, as a share of the batch.
    pub mix: Option<f64>,
    /// Share of the clip's own power in a mix.
    pub own: f64,
    pub time_masks: Vec<Band>,
    pub frequency_masks: Vec<Band>,
}

impl Draw {
    pub(super) fn new(config: &AugmentConfig, seed: u64, epoch: u32, row: u32, [height, width]: [i64; 2]) -> Self {
        let mut random = keyed(seed, Purpose::Augment, &[epoch.into(), row.into()]);
        let mut unit = || random.random::<f64>();
        let flip = unit() < config.horizontal_flip.unwrap_or(0.0);
        let shift = ((2.0 * unit() - 1.0) * config.time_shift_share * width as f64).round() as i64;
        let gain_db = (2.0 * unit() - 1.0) * config.gain_db;
        let (mixed, partner) = (unit() < config.mixup, unit());
        let own = 0.5 + 0.5 * unit();
        let mut bands = |count: u32, share: f64, size: i64| {
            let band = |_| {
                let length = (unit() * share * size as f64).round() as i64;
                let first = (unit() * (size - length + 1) as f64).floor() as i64;
                [first.clamp(0, size), length.clamp(0, size)]
            };
            (0..count).map(band).collect()
        };
        let time_masks = bands(config.time_masks, config.time_mask_share, width);
        let frequency_masks = bands(config.frequency_masks, config.frequency_mask_share, height);
        let mix = mixed.then_some(partner);
        Self {
            flip,
            shift,
            gain_db,
            mix,
            own,
            time_masks,
            frequency_masks,
        }
    }
}
