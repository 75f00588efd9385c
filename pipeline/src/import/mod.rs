//! Imports published sets of pictures: each a `ClipSource`, so that planning, rejects, resume and commit are those of
//! a build. Published tables of recordings ([`birdclef`], [`xeno_canto`], [`inatsounds`]) become no dataset but a
//! [`Listing`]: the tables and the manifest that a build reads.
//!
//! Labels of pictures are kept as the set gives them; no rule of [`labels`](crate::labels) is applied. Mistakes in a
//! set's tables are all reported at once and stop the import before anything is written; a picture that is missing or
//! damaged rejects its asset.

pub mod birdclef;
pub mod coco2014;
#[cfg(test)]
mod hostile_tests;
pub mod inatsounds;
mod json_file;
mod json_items;
mod listing;
#[cfg(test)]
mod listing_tests;
pub mod ml48s;
mod random_state;
pub mod xeno_canto;

pub use listing::{Choices, Listing, REPORT, Written};
use serde_json::Value;
use shardfmt::{Axes, ClipSpec, DatasetHead, Dtype, LabelForm, ValueReference, ValueScale, ValueUnit, Xxh3};

use crate::provenance::PROGRAM;
use frontend::InstructionSet;
use frontend::picture::{Channels, Picture, Resizer, SIDE_PIXELS};
use frontend::source::Rendered;

/// What `dataset.json` says of an imported set: levels of 8 bits without a physical unit. `config` decides all of its
/// output but what the pictures do; its key `source` names the set.
fn head(name: &str, classes: usize, config: Value, channels: Channels, axes: Axes) -> DatasetHead {
    DatasetHead {
        features_required: LabelForm::of_classes(classes).features_required(),
        features_optional: Vec::new(),
        name: name.into(),
        program: PROGRAM.into(),
        config_xxh3: Xxh3::of(config.to_string().as_bytes()),
        config,
        clips: ClipSpec {
            dtype: Dtype::U8,
            channels: match channels {
                Channels::Grey => None,
                Channels::Rgb => Some(3),
            },
            height: SIDE_PIXELS as u32,
            width: SIDE_PIXELS as u32,
        },
        axes,
        values: ValueScale {
            unit: ValueUnit::Level,
            reference: ValueReference::None,
            offset: 0.0,
            step: 1.0,
        },
        instruction_set: InstructionSet::detect().to_string(),
    }
}

/// Renders a picture into its stored bytes; it has no level in dB, and nothing says whether it is silent.
fn render(picture: &Picture, resizer: &mut Resizer, stored: &mut [u8]) -> Rendered {
    resizer.render(picture, stored);
    Rendered {
        ref_db: f32::NAN,
        silent: false,
        rms_dbfs: None,
        mean_db: None,
    }
}
