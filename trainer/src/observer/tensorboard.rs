//! Provides TensorBoard event files, written by hand: TFRecord frames around the few protocol buffer fields of scalars.
//!
//! Sources: frames and checksums, tensorflow `core/lib/io/record_writer.h` and `core/lib/hash/crc32c.h`; field numbers,
//! tensorboard `compat/proto/event.proto` and `summary.proto`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::{Error, Result};
use crate::event::{Event, Observer};
use shardfmt::Operation;

/// Version that event files name first; with 2, readers honour [`SESSION_START`].
const FILE_VERSION: &str = "brain.Event:2";
/// `SessionLog.SessionStatus.START`: hides what earlier files of the folder say of its step and later ones.
const SESSION_START: u64 = 1;
/// Added to rotated checksums (`kMaskDelta`).
const MASK_DELTA: u32 = 0xa282_ead8;

/// Field numbers of `Event`.
mod event_field {
    pub(super) const WALL_TIME: u32 = 1;
    pub(super) const STEP: u32 = 2;
    pub(super) const FILE_VERSION: u32 = 3;
    pub(super) const SUMMARY: u32 = 5;
    pub(super) const SESSION_LOG: u32 = 7;
}

/// Field numbers of `Summary.Value`; it is field 1 of `Summary`, as `status` is of `SessionLog`.
mod value_field {
    pub(super) const TAG: u32 = 1;
    pub(super) const SIMPLE_VALUE: u32 = 2;
}

/// Writes scalars for TensorBoard, over the steps of the run.
#[derive(Debug)]
pub struct TensorBoard {
    folder: PathBuf,
    /// The file, once the run has begun.
    open: Option<(PathBuf, BufWriter<File>)>,
    /// Steps done, by the latest event that has them.
    step: u64,
}

impl TensorBoard {
    /// Event files in `folder`, a new one for each start of the run.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_path_buf(),
            open: None,
            step: 0,
        }
    }

    /// Begins a file. If there are others, of a resumed run or of one killed before its first checkpoint, it hides
    /// their later steps.
    fn start(&mut self, resumed_at_step: u64) -> Result<()> {
        std::fs::create_dir_all(&self.folder).map_err(|cause| Error::io(&self.folder, Operation::Create, cause))?;
        let entries =
            std::fs::read_dir(&self.folder).map_err(|cause| Error::io(&self.folder, Operation::ReadFolder, cause))?;
        let others = entries.count() > 0;
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        // Readers go through the files in the order of their names: equal digits, then the step for starts in one
        // second.
        let path = self
            .folder
            .join(format!("events.out.tfevents.{now_s:010}.{resumed_at_step:012}"));
        let file = File::create(&path).map_err(|cause| Error::io(&path, Operation::Create, cause))?;
        self.open = Some((path, BufWriter::new(file)));
        self.step = resumed_at_step;
        self.event(0, event_field::FILE_VERSION, FILE_VERSION.as_bytes())?;
        if others {
            let mut session = Vec::new();
            put_varint_field(&mut session, 1, SESSION_START);
            self.event(resumed_at_step + 1, event_field::SESSION_LOG, &session)?;
        }
        Ok(())
    }

    fn scalar(&mut self, tag: &str, value: f64) -> Result<()> {
        let (mut inner, mut summary) = (Vec::new(), Vec::new());
        put_bytes_field(&mut inner, value_field::TAG, tag.as_bytes());
        put_key(&mut inner, value_field::SIMPLE_VALUE, WireType::Fixed32);
        inner.extend((value as f32).to_le_bytes());
        put_bytes_field(&mut summary, 1, &inner);
        self.event(self.step, event_field::SUMMARY, &summary)
    }

    /// Writes one `Event` with `content` as its field `field`.
    fn event(&mut self, step: u64, field: u32, content: &[u8]) -> Result<()> {
        let Some((path, file)) = &mut self.open else {
            return Ok(());
        };
        let now_s = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |now| now.as_secs_f64());
        let mut event = Vec::new();
        put_key(&mut event, event_field::WALL_TIME, WireType::Fixed64);
        event.extend(now_s.to_le_bytes());
        put_varint_field(&mut event, event_field::STEP, step);
        put_bytes_field(&mut event, field, content);
        file.write_all(&frame(&event))
            .map_err(|cause| Error::io(path, Operation::Write, cause))
    }
}

impl Observer for TensorBoard {
    fn observe(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Started { resumed_at_step, .. } => self.start(*resumed_at_step),
            Event::Step {
                step, loss, asset_reg, ..
            } => {
                self.step = *step;
                self.scalar("loss/step", *loss)?;
                asset_reg.map_or(Ok(()), |share| self.scalar("loss/asset_reg", share))
            }
            Event::Epoch { step, loss, .. } => {
                self.step = *step;
                self.scalar("loss/epoch", *loss)
            }
            Event::Evaluated {
                step,
                split,
                map,
                map_occurring,
                chance,
                interval,
                ..
            } => {
                self.step = *step;
                let split = split.as_str();
                self.scalar(&format!("map/{split}"), *map)?;
                self.scalar(&format!("map_occurring/{split}"), *map_occurring)?;
                self.scalar(&format!("chance/{split}"), *chance)?;
                let Some([low, high]) = interval else { return Ok(()) };
                self.scalar(&format!("map_2.5_percent/{split}"), *low)?;
                self.scalar(&format!("map_97.5_percent/{split}"), *high)
            }
            Event::Timing { clips_per_s, .. } => self.scalar("speed/clips_per_s", *clips_per_s),
            Event::Note { .. }
            | Event::Scored { .. }
            | Event::Checkpoint { .. }
            | Event::AssetTable(_)
            | Event::Diverged { .. }
            | Event::Finished { .. } => Ok(()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        let Some((path, file)) = &mut self.open else {
            return Ok(());
        };
        let synced = file.flush().and_then(|()| file.get_ref().sync_data());
        synced.map_err(|cause| Error::io(path, Operation::Sync, cause))
    }
}

/// Types of encoded fields (protobuf.dev/programming-guides/encoding).
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn put_key(bytes: &mut Vec<u8>, field: u32, wire_type: WireType) {
    put_varint(bytes, u64::from(field << 3 | wire_type as u32));
}

fn put_varint_field(bytes: &mut Vec<u8>, field: u32, value: u64) {
    put_key(bytes, field, WireType::Varint);
    put_varint(bytes, value);
}

fn put_bytes_field(bytes: &mut Vec<u8>, field: u32, content: &[u8]) {
    put_key(bytes, field, WireType::Bytes);
    put_varint(bytes, content.len() as u64);
    bytes.extend(content);
}

fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK_DELTA)
}

/// A TFRecord: length, its checksum, the content, its checksum.
fn frame(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u64).to_le_bytes();
    let parts: [&[u8]; 4] = [
        &length,
        &masked_crc32c(&length).to_le_bytes(),
        content,
        &masked_crc32c(content).to_le_bytes(),
    ];
    parts.concat()
}

#[cfg(test)]
#[path = "tensorboard_tests.rs"]
mod tests;
