//! Defines `Recordings`, a list of recordings as a source of clips for the flow.

use std::path::PathBuf;

use frontend::Frontend;
use frontend::recordings::{RecordingFacts, RecordingReader, Waveform};
use frontend::source::{ClipSource, Rejected, Rendered};
use frontend::spectrogram::Scratch;

use super::recordings::Listed;

/// Recordings at addresses that come before their turn, for each that is read.
const AHEAD: usize = 4;

/// The recordings that are to be looked through, cut and rendered by one frontend.
pub(super) struct Recordings<'a> {
    pub(super) frontend: &'a Frontend,
    pub(super) listed: Vec<&'a Listed>,
}

impl<'a> Recordings<'a> {
    /// The recording of an asset; assets are numbered below `len`.
    pub(super) fn listed_at(&self, asset: usize) -> &'a Listed {
        self.listed[asset]
    }
}

impl ClipSource for Recordings<'_> {
    type Clip = Waveform;
    type Reader = RecordingReader;
    type Facts = RecordingFacts;
    type Scratch = Scratch;

    fn len(&self) -> usize {
        self.listed.len()
    }

    fn files(&self, asset: usize) -> Vec<PathBuf> {
        vec![self.listed_at(asset).file.clone()]
    }

    fn clip_input_bytes(&self) -> usize {
        self.frontend.clip_input_bytes()
    }

    fn clip_bytes(&self) -> usize {
        self.frontend.log_mel().bytes()
    }

    fn open(&self, asset: usize) -> Result<RecordingReader, Rejected> {
        // Those that follow come meanwhile, if they are at addresses.
        let next = self.listed.iter().skip(asset + 1).take(AHEAD);
        storage::expect_at(next.map(|listed| listed.file.as_path()));
        self.frontend.open(&self.listed_at(asset).file)
    }

    fn scratch(&self) -> Scratch {
        self.frontend.scratch()
    }

    fn render(&self, clip: &Waveform, scratch: &mut Scratch, stored: &mut [u8]) -> Rendered {
        self.frontend.render(clip, scratch, stored)
    }
}
