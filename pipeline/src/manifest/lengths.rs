//! Provides `Lengths`, how long recordings are, exactly, before they are decoded.

use std::collections::HashMap;

use frontend::audio::{Channel, Decoder, OpenLength};

use super::model::{Audio, Recording};

/// The lengths of recordings, each looked up once.
pub(super) struct Lengths<'a> {
    audio: Audio<'a>,
    known_s: HashMap<i64, Option<f64>>,
}

impl<'a> Lengths<'a> {
    pub(super) fn new(audio: Audio<'a>) -> Self {
        Lengths {
            audio,
            known_s: HashMap::new(),
        }
    }

    /// Length of a recording in seconds, by asset id where its file is gone; `None` where nothing says so exactly.
    pub(super) fn of(&mut self, recording: &Recording) -> Option<f64> {
        let audio = self.audio;
        let known_s = self.known_s.entry(recording.asset_id);
        *known_s.or_insert_with(|| declared_s(recording).or_else(|| audio.known_s(recording.asset_id)))
    }
}

/// As many frames as decoding will give: an estimate from the header alone would not do.
fn declared_s(recording: &Recording) -> Option<f64> {
    let decoder = Decoder::open_with(&recording.file, Channel::Mean, OpenLength::ToEnd).ok()?;
    let header = decoder.header();
    Some(header.declared_frames? as f64 / f64::from(header.rate_hz))
}
