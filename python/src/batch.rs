//! Defines `Layout`, how the clips of a batch and what is known of them lie in one piece of memory.

use loader::{BatchMemory, Error, Gather};

use crate::selection::NativeSelection;

/// Copies to memory that is aligned so are fast (Zen's `rep movsb` to 16 bytes past a page takes five times as long).
const ALIGNMENT: usize = 64;

/// Parts of a batch: clips, labels f32, mask f32, asset_id i64, clip_index i64, ref_db f32, row in the dataset i64.
const PARTS: usize = 7;

/// Where the parts of a batch begin, each aligned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    starts: [usize; PARTS],
    sizes: [usize; PARTS],
}

impl Layout {
    /// That of a batch of `rows` clips.
    pub(crate) fn new(rows: usize, clip_bytes: usize, classes: usize) -> Self {
        let a_clip = [clip_bytes, 4 * classes, 4 * classes, 8, 8, 4, 8];
        let sizes = a_clip.map(|bytes| rows * bytes);
        let mut end = 0;
        let starts = sizes.map(|size| {
            let start = end;
            end = (start + size).next_multiple_of(ALIGNMENT);
            start
        });
        Self { starts, sizes }
    }

    /// Bytes of the whole batch.
    pub(crate) fn bytes(&self) -> usize {
        let ends = self.starts.iter().zip(&self.sizes).map(|(start, size)| start + size);
        ends.max().unwrap_or_default()
    }

    /// Where the parts begin in memory whose first aligned byte is `first`.
    pub(crate) fn places(&self, first: usize) -> [usize; PARTS] {
        self.starts.map(|start| first + start)
    }

    fn part<'a>(&self, batch: &'a mut [u8], part: usize) -> &'a mut [u8] {
        let start = self.starts.get(part).copied().unwrap_or_default();
        let size = self.sizes.get(part).copied().unwrap_or_default();
        batch.get_mut(start..start + size).unwrap_or_default()
    }
}

/// Gathers the clips of `rows` of a selection, and what is known of them, into memory; returns the level of each in dB.
///
/// # Errors
/// Those of [`Gather::batch`]; [`Error::Setting`] for too little memory.
pub(crate) fn gather(selection: &NativeSelection, rows: &[u32], into: &mut [u8]) -> loader::Result<Vec<f32>> {
    let supervision = &selection.supervision;
    let gather = Gather::new(&selection.clips, &supervision.clips, selection.clips.spec())?;
    let classes = supervision.classes();
    let layout = Layout::new(rows.len(), gather.clip_bytes(), classes);
    if into.len() < layout.bytes() {
        let reason = format!("needs {} bytes, but its memory has {}", layout.bytes(), into.len());
        return Err(Error::Setting {
            setting: "batch".into(),
            reason,
        });
    }
    let ref_db = gather.batch(rows, layout.part(into, 0))?;

    let mut line = [(); 2].map(|()| vec![0_u8; classes]);
    for (number, &row) in rows.iter().enumerate() {
        let [labels, mask] = &mut line;
        supervision.labels.write(row as usize, labels, mask);
        for (at, values) in line.iter().enumerate() {
            let rest = layout
                .part(into, 1 + at)
                .get_mut(4 * classes * number..)
                .unwrap_or_default();
            write(rest, values.iter().map(|&value| f32::from(value).to_ne_bytes()));
        }
    }
    let clips = || rows.iter().filter_map(|&row| supervision.clips.get(row as usize));
    write(layout.part(into, 3), clips().map(|clip| clip.asset_id.to_ne_bytes()));
    write(
        layout.part(into, 4),
        clips().map(|clip| i64::from(clip.clip_index).to_ne_bytes()),
    );
    write(layout.part(into, 5), ref_db.iter().map(|level| level.to_ne_bytes()));
    let numbers = rows.iter().map(|&row| selection.number(row as usize));
    write(layout.part(into, 6), numbers.map(i64::to_ne_bytes));
    Ok(ref_db)
}

fn write<const BYTES: usize>(into: &mut [u8], numbers: impl Iterator<Item = [u8; BYTES]>) {
    for (into, number) in into.chunks_exact_mut(BYTES).zip(numbers) {
        into.copy_from_slice(&number);
    }
}

/// The first byte that is aligned.
pub(crate) fn first_aligned(memory: &[u8]) -> usize {
    memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT)
}

/// Memory for `bytes` of which the first is aligned.
pub(crate) const fn with_alignment(bytes: usize) -> usize {
    bytes + ALIGNMENT
}

/// Memory for a batch.
#[derive(Debug)]
pub(crate) struct Space {
    memory: Vec<u8>,
    first: usize,
}

impl Space {
    /// Memory for `bytes`, aligned.
    pub(crate) fn new(bytes: usize) -> Self {
        let memory = vec![0; with_alignment(bytes)];
        let first = first_aligned(&memory);
        Self { memory, first }
    }
}

impl BatchMemory for Space {
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.memory.get_mut(self.first..).unwrap_or_default()
    }
}
