//! Defines how a batch lies in one piece of memory: its clips, and what is known of them.

use loader::{Gather, Result};
use shardfmt::ClipSpec;

use crate::buffer::ALIGNMENT;
use crate::selection::NativeSelection;

/// Parts of a batch: clips; labels and mask f32; asset ids and clip indices i64; levels f32; rows of the dataset i64.
pub(crate) const PARTS: usize = 7;

/// Where each part begins, aligned, and where the last one ends.
#[derive(Clone, Copy)]
pub(crate) struct Layout([usize; PARTS + 1]);

impl Layout {
    /// That of a batch of up to `rows` rows, whose clips are loaded as `loaded` says.
    pub(crate) fn new(selection: &NativeSelection, loaded: ClipSpec, rows: usize) -> Self {
        let classes = selection.supervision.classes();
        let row_bytes = [loaded.clip_bytes(), 4 * classes, 4 * classes, 8, 8, 4, 8];
        let mut places = [0; PARTS + 1];
        let mut end = 0_usize;
        for (place, bytes) in places.iter_mut().skip(1).zip(row_bytes) {
            end = end
                .saturating_add(rows.saturating_mul(bytes))
                .next_multiple_of(ALIGNMENT);
            *place = end;
        }
        Self(places)
    }

    /// Where the parts begin.
    pub(crate) fn starts(&self) -> Vec<usize> {
        self.0.iter().take(PARTS).copied().collect()
    }

    /// Bytes of the whole batch.
    pub(crate) fn bytes(&self) -> usize {
        self.0.last().copied().unwrap_or_default()
    }

    /// Gathers `rows` of a selection, and what is known of them, into memory; returns the level of each in dB.
    ///
    /// # Errors
    /// Those of [`Gather::new`] and [`Gather::batch`].
    pub(crate) fn fill(
        &self,
        (selection, loaded): (&NativeSelection, ClipSpec),
        rows: &[u32],
        into: &mut [u8],
    ) -> Result<Vec<f32>> {
        let supervision = &selection.supervision;
        let (mut rest, mut begin) = (into, 0);
        let mut ends = self.0.iter().skip(1);
        let mut part = || {
            let size = ends.next().map_or(0, |end| end - begin);
            begin += size;
            rest.split_off_mut(..size).unwrap_or_default()
        };
        let ref_db = Gather::new(&selection.clips, &supervision.clips, loaded)?.batch(rows, part())?;
        let (labels, mask) = (part(), part());
        let classes = supervision.classes();
        let mut known = vec![0_u8; 2 * classes];
        let (known_labels, known_mask) = known.split_at_mut(classes);
        let lines = labels
            .chunks_exact_mut(4 * classes.max(1))
            .zip(mask.chunks_exact_mut(4 * classes.max(1)));
        for (&row, (labels, mask)) in rows.iter().zip(lines) {
            supervision.labels.write(row as usize, known_labels, known_mask);
            write_all(labels, known_labels.iter().map(|&known| f32::from(known).to_ne_bytes()));
            write_all(mask, known_mask.iter().map(|&known| f32::from(known).to_ne_bytes()));
        }
        let clips = || rows.iter().filter_map(|&row| supervision.clips.get(row as usize));
        write_all(part(), clips().map(|clip| clip.asset_id.to_ne_bytes()));
        write_all(part(), clips().map(|clip| i64::from(clip.clip_index).to_ne_bytes()));
        write_all(part(), ref_db.iter().map(|level| level.to_ne_bytes()));
        write_all(
            part(),
            rows.iter().map(|&row| selection.number(row as usize).to_ne_bytes()),
        );
        Ok(ref_db)
    }
}

/// Writes numbers one after another.
fn write_all<const N: usize>(into: &mut [u8], numbers: impl Iterator<Item = [u8; N]>) {
    for (into, number) in into.chunks_exact_mut(N).zip(numbers) {
        into.copy_from_slice(&number);
    }
}
