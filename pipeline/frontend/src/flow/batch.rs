//! Defines `ClipBatch`, a few consecutive clips on their way from reading through rendering to delivery.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use shardfmt::Xxh3;

use super::delivery::AssetEnd;
use crate::source::{ClipSource, Rendered};

/// Bytes of clips (read and rendered) in a batch: large enough that handing it on costs nothing, small enough that all
/// threads find work.
const BATCH_BYTES: usize = 2 << 20;
/// More clips in a batch than this gain nothing.
const BATCH_CLIPS: usize = 64;

/// One clip.
pub(super) struct Slot<C> {
    pub(super) clip: C,
    pub(super) asset: usize,
    pub(super) stored: Vec<u8>,
    pub(super) rendered: Option<Rendered>,
    pub(super) xxh3: Xxh3,
}

/// Ends of assets, each with the number of clips read before it.
type Ends<S> = VecDeque<(usize, AssetEnd<<S as ClipSource>::Facts>)>;

/// Working memory that no thread renders with now. The latest is taken first: it is still in the cache.
pub(super) type Scratches<S> = Mutex<Vec<<S as ClipSource>::Scratch>>;

/// Consecutive clips, and where among them assets end.
pub(super) struct ClipBatch<S: ClipSource> {
    slots: Vec<Slot<S::Clip>>,
    used: usize,
    ends: Ends<S>,
}

impl<S: ClipSource> ClipBatch<S> {
    /// Clips of a batch, and the bytes they take.
    pub(super) fn size(source: &S) -> (usize, usize) {
        let per_clip = source.clip_bytes().saturating_add(source.clip_input_bytes()).max(1);
        let clips = (BATCH_BYTES / per_clip).clamp(1, BATCH_CLIPS);
        (clips, clips.saturating_mul(per_clip))
    }

    pub(super) fn new(source: &S, clips: usize) -> Self {
        let slot = || Slot {
            clip: S::Clip::default(),
            asset: 0,
            stored: vec![0; source.clip_bytes()],
            rendered: None,
            xxh3: Xxh3::default(),
        };
        ClipBatch {
            slots: std::iter::repeat_with(slot).take(clips).collect(),
            used: 0,
            ends: VecDeque::new(),
        }
    }

    /// The next free slot; `None` when the batch is full. Assets without clips fill it too, or ends would pile up.
    pub(super) fn free_slot(&mut self) -> Option<&mut Slot<S::Clip>> {
        if self.ends.len() >= self.slots.len() {
            return None;
        }
        self.slots.get_mut(self.used)
    }

    /// Keeps what was read into the free slot.
    pub(super) fn keep(&mut self) {
        self.used += 1;
    }

    /// Marks the end of an asset after the clips read so far.
    pub(super) fn end(&mut self, end: AssetEnd<S::Facts>) {
        self.ends.push_back((self.used, end));
    }

    pub(super) fn has_clips(&self) -> bool {
        self.used > 0
    }

    /// Renders its clips.
    pub(super) fn render(&mut self, source: &S, scratches: &Scratches<S>) {
        let lock = || scratches.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = lock().pop();
        let mut scratch = idle.unwrap_or_else(|| source.scratch());
        for slot in self.slots.get_mut(..self.used).unwrap_or_default() {
            slot.rendered = Some(source.render(&slot.clip, &mut scratch, &mut slot.stored));
            slot.xxh3 = Xxh3::of(&slot.stored);
        }
        lock().push(scratch);
    }

    /// Empties it: the slots that held its clips, and its ends.
    pub(super) fn take(&mut self) -> (&mut [Slot<S::Clip>], Ends<S>) {
        let used = std::mem::take(&mut self.used);
        let ends = std::mem::take(&mut self.ends);
        (self.slots.get_mut(..used).unwrap_or_default(), ends)
    }
}
