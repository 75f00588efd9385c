//! Writes a small dataset that can be learnt: each class is a bright band of its own, over noise that a seed decides.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardfmt::entry::{REJECTS, TAXA, assets_path, labels_path, priors_path, shard_path};
use shardfmt::{
    AssetRow, Axes, ClipSpec, Counts, DatasetHead, DatasetInfo, Dtype, FrequencyScale, LabelRow, LabelSource, PriorRow,
    Row0, ShardWriter, Split, Taxa, Taxon, ValueReference, ValueScale, ValueUnit, Xxh3, write_assets,
    write_dataset_json, write_labels, write_priors, write_rejects, write_taxa,
};

pub(crate) const CLASSES: u32 = 4;
/// Height and width of most clips; small, so that a step takes milliseconds.
const SIDE: u32 = 64;
const CLIPS_PER_ASSET: u32 = 3;

/// What differs between datasets of the tests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Made {
    /// Recordings; of five, three are for training, one for val, one for test.
    pub(crate) assets: u32,
    pub(crate) seed: u64,
    /// Codes of the classes start with it.
    pub(crate) prefix: &'static str,
    /// Highest frequency of the image.
    pub(crate) fmax_hz: f64,
    /// Height and width of a clip.
    pub(crate) size: [u32; 2],
    /// Photographs in three channels, each an asset of its own.
    pub(crate) photographs: bool,
    /// Splits whose clips say nothing of classes that are not heard.
    pub(crate) unknown_in: &'static [Split],
    /// Whether nothing is heard in the last clip of each recording.
    pub(crate) quiet_ends: bool,
    /// A split whose labels say the opposite of what is in its clips.
    pub(crate) wrong_in: Option<Split>,
    /// Clips of f32, and those of this split hold nothing that is a number.
    pub(crate) no_numbers_in: Option<Split>,
}

impl Made {
    fn clips_per_asset(&self) -> u32 {
        if self.photographs { 1 } else { CLIPS_PER_ASSET }
    }

    fn spec(&self) -> ClipSpec {
        let [height, width] = self.size;
        let dtype = if self.no_numbers_in.is_some() {
            Dtype::F32
        } else {
            Dtype::U8
        };
        ClipSpec::new(dtype, self.photographs.then_some(3), height, width).unwrap()
    }
}

impl Default for Made {
    fn default() -> Self {
        Self {
            assets: 20,
            seed: 1,
            prefix: "sp",
            fmax_hz: 11_025.0,
            size: [SIDE; 2],
            photographs: false,
            unknown_in: &[],
            quiet_ends: false,
            wrong_in: None,
            no_numbers_in: None,
        }
    }
}

/// Split of recording number `asset`.
pub(crate) fn split(asset: u32) -> Split {
    match asset % 5 {
        3 => Split::Val,
        4 => Split::Test,
        _ => Split::Train,
    }
}

/// Number of the recording with an asset id.
pub(crate) fn asset_of(asset_id: i64) -> u32 {
    u32::try_from((asset_id - 3) / 7).unwrap()
}

/// The target's band, and in every second clip that of the class after it.
pub(crate) fn present(asset: u32, clip: u32) -> Vec<u32> {
    let target = asset % CLASSES;
    let mut present = vec![target];
    if (asset + clip).is_multiple_of(2) {
        present.push((target + 1) % CLASSES);
    }
    present
}

fn picture(present: &[u32], spec: ClipSpec, random: &mut ChaCha8Rng) -> Vec<u8> {
    let band = spec.height / CLASSES;
    let mut bytes = Vec::new();
    for row in 0..spec.channels.unwrap_or(1) * spec.height {
        let row = row % spec.height;
        let bright = present.contains(&(row / band)) && row % band < band / 2;
        bytes.extend((0..spec.width).map(|_| random.random_range(0..100_u8) + if bright { 120 } else { 0 }));
    }
    bytes
}

/// Writes the dataset `made` into the folder `dir`.
pub(crate) fn write(dir: &Path, made: Made) {
    for folder in ["shards", "labels", "priors", "assets"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let taxon = |class| Taxon {
        species_code: format!("{}{class}", made.prefix),
        common_name: None,
        scientific_name: None,
    };
    let taxa = Taxa::new((0..CLASSES).map(taxon).collect()).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(made.seed);
    let mut writer = ShardWriter::create(&dir.join(shard_path(0)), made.spec(), &BTreeMap::new()).unwrap();
    let (mut labels, mut assets, mut priors) = (Vec::new(), Vec::new(), Vec::new());
    for asset in 0..made.assets {
        let asset_id = i64::from(asset) * 7 + 3;
        let target = asset % CLASSES;
        assets.push(AssetRow {
            clips: made.clips_per_asset(),
            ..asset_row(asset_id, asset, writer.rows())
        });
        let heard = vec![target, (target + 1) % CLASSES];
        priors.push(PriorRow {
            asset_id,
            geo_possible: Some(vec![target, (target + 1) % CLASSES, (target + 2) % CLASSES]),
            geo_modelled: Some((0..CLASSES).collect()),
            checklist_id: Some(format!("c{asset}")),
            checklist_observed: Some(heard),
            checklist_complete: Some(true),
            ..PriorRow::default()
        });
        for clip_index in 0..made.clips_per_asset() {
            let quiet = made.quiet_ends && clip_index + 1 == made.clips_per_asset();
            let present = if quiet { vec![] } else { present(asset, clip_index) };
            let mut label = label_row(&present, asset_id, asset, clip_index, writer.rows());
            if made.unknown_in.contains(&label.split) {
                label.unknown = std::mem::take(&mut label.absent);
                label.fully_annotated = false;
            }
            if made.wrong_in == Some(label.split) {
                std::mem::swap(&mut label.present, &mut label.absent);
            }
            labels.push(label);
            let mut clip = picture(&present, made.spec(), &mut random);
            if let Some(broken) = made.no_numbers_in {
                let value = |byte: &u8| {
                    if split(asset) == broken {
                        f32::NAN
                    } else {
                        f32::from(*byte)
                    }
                };
                clip = clip.iter().flat_map(|byte| value(byte).to_le_bytes()).collect();
            }
            writer.push(asset_id, clip_index, -20.0, &clip).unwrap();
        }
    }
    let files = vec![
        write_taxa(&dir.join(TAXA), &taxa).unwrap(),
        write_rejects(&dir.join(REJECTS), &[]).unwrap(),
        writer.finish().unwrap(),
        write_labels(&dir.join(labels_path(0)), &taxa, shardfmt::LabelForm::Listed, &labels).unwrap(),
        write_priors(&dir.join(priors_path(0)), &taxa, &priors).unwrap(),
        write_assets(&dir.join(assets_path(0)), &taxa, shardfmt::LabelForm::Listed, &assets).unwrap(),
    ];
    write_dataset_json(dir, &info(made, files)).unwrap();
}

fn asset_row(asset_id: i64, asset: u32, first_row: u32) -> AssetRow {
    AssetRow {
        asset_id,
        path: format!("audio/{asset}.wav"),
        source_bytes: 1,
        source_xxh3: Xxh3(asset.into()),
        codec: "pcm".into(),
        native_rate_hz: 22_050,
        channels: 1,
        duration_s: 9.0,
        shard: 0,
        first_row,
        clips: CLIPS_PER_ASSET,
        split: split(asset),
        target: Some(asset % CLASSES),
        license: None,
        source_url: None,
        heard: None,
    }
}

fn label_row(present: &[u32], asset_id: i64, asset: u32, clip_index: u32, row: u32) -> LabelRow {
    let start_s = f64::from(clip_index) * 3.0;
    LabelRow {
        asset_id,
        clip_index,
        shard: 0,
        row,
        start_s,
        end_s: start_s + 3.0,
        valid_s: 3.0,
        split: split(asset),
        target: Some(asset % CLASSES),
        present: present.to_vec(),
        absent: (0..CLASSES).filter(|class| !present.contains(class)).collect(),
        unknown: vec![],
        fully_annotated: true,
        label_source: LabelSource::Box,
        silent: false,
        rms_dbfs: Some(-40.0),
        boxes: vec![],
        source_index: None,
        source_id: None,
        others: None,
        from_recording: Vec::new(),
    }
}

fn info(made: Made, files: Vec<shardfmt::FileEntry>) -> DatasetInfo {
    let clips = made.assets * made.clips_per_asset();
    let (unit, reference) = match made.photographs {
        true => (ValueUnit::Level, ValueReference::None),
        false => (ValueUnit::Decibel, ValueReference::Clip),
    };
    let head = DatasetHead {
        features_required: vec![],
        features_optional: vec![],
        name: "bands".into(),
        program: "test".into(),
        config: serde_json::json!({}),
        config_xxh3: Xxh3(made.seed),
        clips: made.spec(),
        axes: if made.photographs {
            Axes::PHOTOGRAPH
        } else {
            Axes {
                frequency_scale: FrequencyScale::MelSlaney,
                fmin_hz: 0.0,
                fmax_hz: made.fmax_hz,
                row_0: Row0::Lowest,
                frame_rate_hz: f64::from(SIDE) / 3.0,
                clip_duration_s: 3.0,
                hop_s: 3.0,
                sample_rate_hz: Some(22_050),
            }
        },
        values: ValueScale {
            unit,
            reference,
            offset: if made.photographs { 0.0 } else { -80.0 },
            step: if made.photographs { 1.0 } else { 80.0 / 255.0 },
        },
        instruction_set: "any".into(),
    };
    DatasetInfo {
        head,
        counts: Counts {
            shards: 1,
            clips: clips.into(),
            assets: made.assets.into(),
            rejects: 0,
        },
        tallies: std::collections::BTreeMap::new(),
        files,
    }
}
