//! Provides the stage that writes: of the windows of a recording, in order, what is detected becomes its part.

use std::sync::mpsc::Receiver;

use frontend::flow::AssetEnd;
use frontend::recordings::RecordingFacts;

use super::choice::Choice;
use super::embeddings::EmbeddingWriter;
use super::folder::DetectionFolder;
use super::part::{Outcome, PartWriter};
use super::score::Scored;
use super::source::Recordings;
use super::stages::{Progress, Work};
use super::times::Times;
use crate::error::{Error, Result};

/// The recording whose windows come.
struct Open {
    part: PartWriter,
    embeddings: Option<EmbeddingWriter>,
    windows: u32,
}

/// Writes the parts.
pub(super) struct PartStage<'a> {
    source: &'a Recordings<'a>,
    folder: &'a DetectionFolder,
    choice: &'a Choice,
    times: Times,
    with_embeddings: bool,
    tell: &'a (dyn Fn(Progress<'_>) + Sync),
    open: Option<Open>,
    work: Work,
}

impl<'a> PartStage<'a> {
    pub(super) fn new(
        source: &'a Recordings<'a>,
        folder: &'a DetectionFolder,
        choice: &'a Choice,
        times: Times,
        with_embeddings: bool,
        tell: &'a (dyn Fn(Progress<'_>) + Sync),
    ) -> Self {
        Self {
            source,
            folder,
            choice,
            times,
            with_embeddings,
            tell,
            open: None,
            work: Work::default(),
        }
    }

    /// Writes what comes, to its end.
    pub(super) fn take_all(&mut self, scored: &Receiver<Scored>) -> Result<Work> {
        for scored in scored {
            self.take(scored)?;
        }
        Ok(self.work)
    }

    fn take(&mut self, scored: Scored) -> Result<()> {
        let windows = scored.of.len();
        let row_of = |values: &[f32]| values.len() / windows.max(1);
        let mut logits = scored.logits.chunks_exact(row_of(&scored.logits).max(1));
        let mut features = scored.features.chunks_exact(row_of(&scored.features).max(1));
        let mut ends = scored.ends.into_iter().peekable();
        for at in 0..=windows {
            while let Some((_, end)) = ends.next_if(|(before, _)| *before == at) {
                self.end(end)?;
            }
            if let Some(&asset) = scored.of.get(at) {
                self.window(
                    asset,
                    logits.next().unwrap_or_default(),
                    features.next().unwrap_or_default(),
                )?;
            }
        }
        (self.tell)(Progress::Windows(windows));
        Ok(())
    }

    fn window(&mut self, asset: usize, logits: &[f32], features: &[f32]) -> Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.open(asset, features.len())?,
        };
        if let Some(class) = logits.iter().position(|logit| logit.is_nan()) {
            let row = open.windows as usize;
            return Err(Error::ScoreNotANumber { row, class });
        }
        for found in self.choice.of(logits) {
            open.part.push(open.windows, &found)?;
        }
        if let Some(embeddings) = &mut open.embeddings {
            embeddings.push(features)?;
        }
        open.windows += 1;
        self.open = Some(open);
        Ok(())
    }

    fn open(&self, asset: usize, width: usize) -> Result<Open> {
        let listed = self.source.listed_at(asset);
        let embeddings = || EmbeddingWriter::create(&self.folder.embeddings(listed), &listed.path, self.times, width);
        Ok(Open {
            part: PartWriter::create(&self.folder.part(listed))?,
            embeddings: self.with_embeddings.then(embeddings).transpose()?,
            windows: 0,
        })
    }

    /// A recording has ended. Its part comes last: what has one is done.
    fn end(&mut self, end: AssetEnd<RecordingFacts>) -> Result<()> {
        let listed = self.source.listed_at(end.asset);
        let rejected = match end.result {
            Err(rejected) => rejected,
            Ok(whole) => {
                let open = self.open.take().map_or_else(|| self.open(end.asset, 1), Ok)?;
                let facts = whole.facts;
                let duration_s = facts.frames as f64 / f64::from(facts.rate_hz);
                if let Some(embeddings) = open.embeddings {
                    embeddings.finish()?;
                }
                let outcome = Outcome::Whole {
                    duration_s,
                    native_rate_hz: facts.rate_hz,
                    windows: open.windows,
                };
                open.part.finish(&listed.path, end.source, outcome)?;
                self.work.recordings += 1;
                self.work.duration_s += duration_s;
                self.work.windows += u64::from(open.windows);
                return Ok(());
            }
        };
        // What was detected so far is dropped with it.
        self.open = None;
        (self.tell)(Progress::Rejected(listed, &rejected));
        let outcome = Outcome::Rejected {
            stage: rejected.stage,
            reason: rejected.reason,
        };
        PartWriter::create(&self.folder.part(listed))?.finish(&listed.path, end.source, outcome)
    }
}
