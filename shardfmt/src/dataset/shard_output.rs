//! Defines `ShardOutput`, one shard of a dataset that is being made: clips, and what the tables say of their recording.

use std::ops::Range;

use super::folder::OutputFolder;
use super::shard::{assets_unlike, labels_unlike, priors_unlike};
use super::shard_file::{Linked, take_over};
use super::writer::DatasetWriter;
use super::{Dataset, DatasetShard};
use crate::checksum::Xxh3;
use crate::entry::{FileEntry, assets_path, labels_path, priors_path, shard_path};
use crate::error::{Error, Result};
use crate::shard_writer::ShardWriter;
use crate::sidecar::{AssetRow, LabelRow, PriorRow, write_assets, write_labels, write_priors};

/// The rows of the three tables of one shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShardTables {
    /// A row a clip, in row order.
    pub labels: Vec<LabelRow>,
    /// A row a recording.
    pub priors: Vec<PriorRow>,
    /// A row a recording, in row order.
    pub assets: Vec<AssetRow>,
}

impl ShardTables {
    /// Clips of digital silence.
    #[must_use]
    pub fn silent_clips(&self) -> u64 {
        self.labels.iter().filter(|label| label.silent).count() as u64
    }
}

/// The files of a finished shard: clips, labels, priors, assets. In JSON a list of the four.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Vec<FileEntry>", into = "Vec<FileEntry>")]
pub struct ShardFiles {
    number: u32,
    files: [FileEntry; 4],
}

impl ShardFiles {
    /// Number of the shard.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// What `dataset.json` will list.
    #[must_use]
    pub fn entries(&self) -> &[FileEntry] {
        &self.files
    }

    /// Whether each of them is in `folder` with the size it had when it was finished.
    #[must_use]
    pub fn are_in(&self, folder: &OutputFolder) -> bool {
        let bytes = |file: &FileEntry| {
            std::fs::metadata(folder.path().join(&file.path))
                .map(|facts| facts.len())
                .ok()
        };
        self.files.iter().all(|file| bytes(file) == Some(file.bytes))
    }

    /// Clips in the shard.
    #[must_use]
    pub fn clips(&self) -> u64 {
        let [clips, ..] = &self.files;
        clips.rows
    }

    /// Recordings in the shard.
    #[must_use]
    pub fn assets(&self) -> u64 {
        let [.., assets] = &self.files;
        assets.rows
    }
}

impl From<ShardFiles> for Vec<FileEntry> {
    fn from(files: ShardFiles) -> Self {
        files.files.into()
    }
}

impl TryFrom<Vec<FileEntry>> for ShardFiles {
    type Error = String;

    fn try_from(files: Vec<FileEntry>) -> std::result::Result<Self, String> {
        let files: [FileEntry; 4] = files.try_into().map_err(|_| "a shard has four files")?;
        let name = &files.first().map_or("", |clips| clips.path.as_str());
        let digits = name
            .bytes()
            .filter(u8::is_ascii_digit)
            .map(char::from)
            .collect::<String>();
        let number = digits.parse().map_err(|_| format!("{name:?} has no number"))?;
        let [clips, labels, priors, assets] = &files;
        let expected = [shard_path, labels_path, priors_path, assets_path].map(|path| path(number));
        let named = [clips, labels, priors, assets].map(|file| file.path.as_str());
        if named != expected.each_ref().map(String::as_str) {
            return Err(format!("{named:?} are not the files of a shard"));
        }
        if clips.rows != labels.rows || priors.rows != assets.rows {
            return Err(format!("the tables of {name:?} have other rows than the shard"));
        }
        Ok(Self { number, files })
    }
}

/// A shard that is being written, one recording after the other: first its clips, then its rows of the tables. Dropped
/// before it is finished it leaves nothing.
#[derive(Debug)]
pub struct ShardOutput<'a> {
    writer: &'a DatasetWriter<'a>,
    number: u32,
    clips: ShardWriter,
    /// First row of the recording that is being written.
    first_row: u32,
    tables: ShardTables,
}

impl<'a> ShardOutput<'a> {
    pub(super) fn new(writer: &'a DatasetWriter<'a>, number: u32, clips: ShardWriter) -> Self {
        Self {
            writer,
            number,
            clips,
            first_row: 0,
            tables: ShardTables::default(),
        }
    }

    /// Adds the next clip of the recording that is being written; `xxh3` is that of `clip`.
    ///
    /// # Errors
    /// As [`ShardWriter::push`].
    pub fn push(&mut self, asset_id: i64, clip_index: u32, ref_db: f32, clip: &[u8], xxh3: Xxh3) -> Result<()> {
        self.clips.push_hashed(asset_id, clip_index, ref_db, clip, xxh3)
    }

    /// Rows of the recording that is being written.
    #[must_use]
    pub fn open_rows(&self) -> Range<u32> {
        self.first_row..self.clips.rows()
    }

    /// Ends the recording whose clips were just added, with its rows of the tables.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if these are not about just these clips.
    pub fn end_asset(&mut self, asset: AssetRow, prior: PriorRow, labels: Vec<LabelRow>) -> Result<()> {
        let rows = self.open_rows();
        let stated = (asset.shard, asset.first_row, asset.clips, prior.asset_id);
        let written = (self.number, rows.start, rows.end - rows.start, asset.asset_id);
        if stated != written || rows.is_empty() {
            return Err(self.unlike(
                "(shard, first_row, clips, asset_id)",
                format!("{written:?}"),
                format!("{stated:?}"),
            ));
        }
        if labels.len() != rows.len() {
            return Err(self.unlike("number of labels", rows.len().to_string(), labels.len().to_string()));
        }
        for (label, row) in labels.iter().zip(rows) {
            let stated = (label.shard, label.row, Some((label.asset_id, label.clip_index)));
            let written = (self.number, row, self.clips.clip(row));
            if stated != written || label.asset_id != asset.asset_id {
                let field = "(shard, row, (asset_id, clip_index))";
                return Err(self.unlike(field, format!("{written:?}"), format!("{stated:?}")));
            }
        }
        self.tables.labels.extend(labels);
        self.tables.assets.push(asset);
        self.tables.priors.push(prior);
        self.first_row = self.clips.rows();
        Ok(())
    }

    /// Drops the clips of the recording that is being written: it is rejected.
    ///
    /// # Errors
    /// [`Error::Io`], after which the shard must be written again.
    pub fn drop_asset(&mut self) -> Result<()> {
        self.clips.truncate(self.first_row)
    }

    /// What the tables say so far.
    #[must_use]
    pub fn tables(&self) -> &ShardTables {
        &self.tables
    }

    /// Makes the shard and its tables durable, beside each other if there are `threads` for it: both mostly wait for
    /// the device.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Mismatch`] if the last recording has not been ended.
    pub fn finish(self, threads: usize) -> Result<ShardFiles> {
        let open = self.open_rows();
        if !open.is_empty() {
            return Err(self.unlike("rows without labels", "none".into(), format!("{open:?}")));
        }
        let (writer, number, tables) = (self.writer, self.number, &self.tables);
        let write_tables = || write_tables(writer, number, tables);
        let (clips, tables) = if threads > 1 {
            std::thread::scope(|scope| {
                let tables = scope.spawn(write_tables);
                let clips = self.clips.finish();
                (
                    clips,
                    tables.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                )
            })
        } else {
            (self.clips.finish(), write_tables())
        };
        let (clips, [labels, priors, assets]) = (clips?, tables?);
        let files = [clips, labels, priors, assets];
        Ok(ShardFiles { number, files })
    }

    fn unlike(&self, field: &'static str, expected: String, got: String) -> Error {
        Error::Mismatch {
            path: self.writer.folder().path().join(shard_path(self.number)),
            field,
            expected,
            got,
        }
    }
}

/// Takes the clips of a shard of another dataset as they are into shard `number`, with other tables.
pub(super) fn take_shard(
    writer: &DatasetWriter<'_>,
    (from, shard): (&Dataset, &DatasetShard),
    number: u32,
    linked: Linked,
    tables: &ShardTables,
) -> Result<ShardFiles> {
    let mut unlike = assets_unlike(number, shard, &tables.assets)
        .chain(labels_unlike(number, shard, tables.labels.iter().map(LabelRow::place)))
        .chain(priors_unlike(
            number,
            tables.priors.iter().map(|prior| prior.asset_id),
            &tables.assets,
        ));
    if let Some(unlike) = unlike.next() {
        return Err(unlike.into_error(shard.path()));
    }
    let (stated, stored) = (tables.labels.len(), shard.rows() as usize);
    if stated != stored || tables.assets.len() != shard.asset_count() {
        return Err(Error::Mismatch {
            path: shard.path().to_path_buf(),
            field: "number of clips and recordings",
            expected: format!("{stated} and {}", tables.assets.len()),
            got: format!("{stored} and {}", shard.asset_count()),
        });
    }
    let clips = take_over(from, shard.number(), writer.folder().path(), number, linked)?;
    let [labels, priors, assets] = write_tables(writer, number, tables)?;
    let files = [clips, labels, priors, assets];
    Ok(ShardFiles { number, files })
}

/// Writes the tables of a shard.
fn write_tables(writer: &DatasetWriter<'_>, number: u32, tables: &ShardTables) -> Result<[FileEntry; 3]> {
    let path = |of: fn(u32) -> String| writer.folder().path().join(of(number));
    Ok([
        write_labels(&path(labels_path), writer.taxa(), writer.table_form(), &tables.labels)?,
        write_priors(&path(priors_path), writer.taxa(), &tables.priors)?,
        write_assets(&path(assets_path), writer.taxa(), writer.table_form(), &tables.assets)?,
    ])
}
