//! Provides the batches of windows between the flow, which fills them, and the model, which scores them.

use std::sync::mpsc::{Receiver, Sender, SyncSender};

use frontend::flow::{AssetEnd, Delivery};
use frontend::recordings::RecordingFacts;
use loader::block_means;
use shardfmt::ClipSpec;
use tch::{Device, no_grad};

use crate::batch::{Buffer, Scaling};
use crate::error::Result;
use crate::model::Model;

/// How a recording ended, and how many windows of the batch come before.
pub(super) type End = (usize, AssetEnd<RecordingFacts>);

/// Consecutive windows as they are loaded, and the ends of recordings among them.
#[derive(Default)]
pub(super) struct Windows {
    /// `None` where there is no window.
    memory: Option<Buffer>,
    /// Number of the recording of each window.
    of: Vec<usize>,
    ends: Vec<End>,
}

/// Windows with what the model says of them.
pub(super) struct Scored {
    /// Number of the recording of each window.
    pub(super) of: Vec<usize>,
    /// Row-major, a row a window.
    pub(super) logits: Vec<f32>,
    /// Row-major; empty unless asked for.
    pub(super) features: Vec<f32>,
    pub(super) ends: Vec<End>,
}

/// Another stage has stopped, and says why.
#[derive(Debug)]
pub(super) struct Stopped;

/// Fills batches with what a flow delivers.
pub(super) struct Filling {
    pub(super) stored: ClipSpec,
    /// As the model takes them: see [`Model::loaded`].
    pub(super) loaded: ClipSpec,
    pub(super) next: Windows,
    /// Memory that the model has done with.
    pub(super) free: Receiver<Buffer>,
    pub(super) full: SyncSender<Windows>,
}

impl Filling {
    /// Takes a delivery.
    pub(super) fn take(&mut self, delivery: Delivery<'_, RecordingFacts>) -> std::result::Result<(), Stopped> {
        match delivery {
            Delivery::Clip(clip) => {
                let memory = match self.next.memory.take() {
                    Some(memory) => memory,
                    None => self.free.recv().map_err(|_| Stopped)?,
                };
                let memory = self.next.memory.insert(memory);
                let (rows, at) = (memory.rows(), self.next.of.len());
                let into = memory
                    .bytes_mut()
                    .chunks_exact_mut(self.loaded.clip_bytes().max(1))
                    .nth(at);
                if let Some(into) = into {
                    if self.loaded == self.stored {
                        into.copy_from_slice(clip.bytes);
                    } else {
                        block_means(clip.bytes, self.stored, self.loaded, into);
                    }
                    self.next.of.push(clip.asset);
                }
                if self.next.of.len() == rows {
                    self.send()
                } else {
                    Ok(())
                }
            }
            Delivery::End(end) => {
                self.next.ends.push((self.next.of.len(), end));
                // With windows before it, it waits for those that fill their batch.
                if self.next.of.is_empty() { self.send() } else { Ok(()) }
            }
        }
    }

    /// Sends what there is.
    pub(super) fn send(&mut self) -> std::result::Result<(), Stopped> {
        self.full.send(std::mem::take(&mut self.next)).map_err(|_| Stopped)
    }
}

/// Scores batches until there are no more or nobody takes them; gives their memory back.
pub(super) fn score(
    (model, scaling): (&Model, &Scaling),
    with_features: bool,
    full: &Receiver<Windows>,
    free: &Sender<Buffer>,
    scored: &SyncSender<Scored>,
) -> Result<()> {
    let device = model.device();
    for Windows { memory, of, ends } in full {
        let (mut logits, mut features) = (Vec::new(), Vec::new());
        if let Some(memory) = memory.filter(|_| !of.is_empty()) {
            (logits, features) = no_grad(|| -> Result<_> {
                let images = scaling.images(&memory.upload(of.len(), device)?)?;
                let found = model.features(&images, false)?;
                let logits = model.logits(&found)?.f_flatten(0, -1)?;
                // Waits for the device, so the memory is free afterwards.
                let logits = Vec::try_from(logits.f_to_device(Device::Cpu)?)?;
                let features = match with_features {
                    true => Vec::try_from(found.f_flatten(0, -1)?.f_to_device(Device::Cpu)?)?,
                    false => Vec::new(),
                };
                Ok((logits, features))
            })?;
            // The flow may be done, and have no use for it.
            let _ = free.send(memory);
        }
        let next = Scored {
            of,
            logits,
            features,
            ends,
        };
        if scored.send(next).is_err() {
            return Ok(());
        }
    }
    Ok(())
}
