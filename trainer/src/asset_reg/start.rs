//! Defines where the table starts: a value for each entry, and 1 where something is taken for present.

use loader::random::{Purpose, keyed};
use rand::RngExt;

use super::Clips;
use super::settings::{AssetRegConfig, Control, Init, Positives};

/// The start of entries without a positive, a row for each group: keyed by seed and group.
pub(super) fn drawn(groups: &[i64], classes: usize, init: Init, seed: u64) -> Vec<f64> {
    let row = |group: &i64| -> Vec<f64> {
        let mut random = keyed(seed, Purpose::AssetTable, &[group.cast_unsigned()]);
        let value = || match init {
            Init::Uniform => random.random_range(0.4..0.6),
            Init::Value(value) => value,
        };
        std::iter::repeat_with(value).take(classes).collect()
    };
    groups.iter().flat_map(row).collect()
}

/// Sets the entries of `values`, `[groups, C]`, that start at 1; `row_of_clip` is the table row of each training clip.
pub(super) fn set_positives(values: &mut [f64], clips: &Clips, row_of_clip: &[usize], config: &AssetRegConfig) {
    let taken: Box<dyn Fn(usize) -> bool> = match config.positives {
        _ if config.control == Control::Constant => return,
        Positives::None => return,
        Positives::Published => {
            let first = first_of_counted(clips.asset_ids);
            Box::new(move |clip| first.binary_search(&clip).is_ok())
        }
        Positives::Union | Positives::Heard => Box::new(|_| true),
    };
    let classes = clips.labels.classes();
    for (row, clip) in row_of_clip.iter().zip(0..).filter(|(_, clip)| taken(*clip)) {
        let heard = match config.positives {
            Positives::Heard => clips.labels.heard(clip).unwrap_or_default(),
            _ => &[],
        };
        for class in clips.labels.positives(clip).into_iter().chain(heard.iter().copied()) {
            let entry = values.get_mut(row * classes + class as usize);
            entry.into_iter().for_each(|entry| *entry = 1.0);
        }
    }
}

/// The clips that the released code looks at: it goes through them with a counter from 0, and where a clip's asset id
/// is the counter it takes that clip and counts on. So it stops for good at the first id that no clip has.
fn first_of_counted(asset_ids: &[i64]) -> Vec<usize> {
    let (mut counter, mut taken) = (0, Vec::new());
    for (clip, &asset_id) in asset_ids.iter().enumerate() {
        if asset_id == counter {
            taken.push(clip);
            counter += 1;
        }
    }
    taken
}
