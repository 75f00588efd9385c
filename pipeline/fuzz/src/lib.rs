//! The fuzz targets of `pipeline`: recordings, manifests and tables of any bytes are refused or read; nothing else may
//! happen, and no label may move.

mod annotations;
mod clips;
mod manifest;
mod ogg;
mod wav;

pub use annotations::raven_audacity;
pub use clips::decode_clip;
pub use manifest::manifest_tables;
pub use wav::wav_reader;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::path::Path;

    use super::*;

    #[test]
    fn kept_inputs_still_pass() {
        shardfmt_fuzz::abort_on_own_panics();
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let targets = [
            ("manifest_tables", manifest_tables as fn(&[u8])),
            ("raven_audacity", raven_audacity),
            ("decode_clip", decode_clip),
            ("wav_reader", wav_reader),
        ];
        for (name, target) in targets {
            assert!(shardfmt_fuzz::replay(&corpus.join(name), target).unwrap() > 0, "{name}");
        }
    }
}
