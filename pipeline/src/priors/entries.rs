//! Provides `Entries`, a file of eBird that may be larger than memory, row by row; columns are found by name.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;
use frontend::source_file::open_file;

use crate::tables::{Place, Problems};

/// Buffer of the file.
const BUFFER_BYTES: usize = 1 << 20;
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How the columns of a file are parted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// By tabs, where quotes mean nothing: eBird's basic dataset.
    Basic,
    /// By commas: what an observer downloads of their own lists.
    Own,
}

/// A file that is read once, from its beginning.
pub(super) struct Entries {
    file: PathBuf,
    reader: csv::Reader<Box<dyn Read>>,
    /// Positions of the columns that are asked for, in the order in which they were asked.
    positions: Vec<Option<usize>>,
    pub(super) layout: Layout,
    record: ByteRecord,
}

impl Entries {
    /// Opens a file, packed with gzip or not. Each column has its name in the basic dataset and that in an observer's
    /// own file; those with a `!` before them must be there. `None`, with a problem, where it is neither.
    pub(super) fn open(file: &Path, columns: &[(&str, &str)], problems: &mut Problems) -> Option<Entries> {
        let (layout, mut reader) = match open(file) {
            Ok(open) => open,
            Err(error) => {
                problems.file(file, format!("cannot be read: {error}"));
                return None;
            }
        };
        let header = match reader.byte_headers() {
            Ok(header) => header.clone(),
            Err(error) => {
                problems.file(file, format!("the header row cannot be read: {error}"));
                return None;
            }
        };
        let names: Vec<String> = header
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_uppercase())
            .collect();
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for (name, at) in names.iter().zip(0..) {
            by_name.entry(name).or_insert(at);
        }
        let mut positions = Vec::with_capacity(columns.len());
        for (basic, own) in columns {
            let name = if layout == Layout::Basic { basic } else { own };
            let plain = name.trim_start_matches('!');
            let position = by_name.get(plain.to_uppercase().as_str()).copied();
            if position.is_none() && name.starts_with('!') {
                let have = names
                    .iter()
                    .filter(|name| !name.is_empty())
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(", ");
                problems.line(file, 1, format!("missing column `{plain}`; the table has: {have}"));
                return None;
            }
            positions.push(position);
        }
        Some(Entries {
            file: file.into(),
            reader,
            positions,
            layout,
            record: ByteRecord::new(),
        })
    }

    /// Moves on to the next row; false after the last, and where the file is damaged, with a problem: a row that is cut
    /// short would be taken for a species that nobody saw.
    pub(super) fn next(&mut self, problems: &mut Problems) -> bool {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => false,
            Ok(true) => {
                let last = self.positions.iter().flatten().max();
                let is_whole = last.is_none_or(|last| *last < self.record.len());
                if !is_whole {
                    let message = "ends within a row, or has a row with a line break in it: get the file again";
                    self.problem(message, problems);
                }
                is_whole
            }
            Err(error) => {
                self.problem(&format!("cannot be read: {error}"), problems);
                false
            }
        }
    }

    /// A cell of the row, by the number of its column as it was asked for; empty where there is none.
    pub(super) fn get(&self, column: usize) -> &str {
        let position = self.positions.get(column).copied().flatten();
        let cell = position.and_then(|at| self.record.get(at)).unwrap_or_default();
        std::str::from_utf8(cell).map_or("", str::trim)
    }

    /// Records a problem of the row.
    pub(super) fn problem(&self, message: &str, problems: &mut Problems) {
        let line = self
            .record
            .position()
            .or(Some(self.reader.position()))
            .map(csv::Position::line);
        let place = Place {
            line,
            ..Place::default()
        };
        problems.add(&self.file, None, place, message.to_owned());
    }
}

type Opened = (Layout, csv::Reader<Box<dyn Read>>);

fn open(file: &Path) -> std::io::Result<Opened> {
    let packed = begins_with(open_file(file)?, 2)?.0 == GZIP_MAGIC;
    let bytes = BufReader::with_capacity(BUFFER_BYTES, open_file(file)?);
    let plain: Box<dyn Read> = if packed {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(bytes)))
    } else {
        Box::new(bytes)
    };
    // The header decides the layout: up to where the first line ends, or as far as anyone's header goes.
    let (start, rest) = begins_with(plain, 4096)?;
    let start = start.strip_prefix(BYTE_ORDER_MARK).map(<[u8]>::to_vec).unwrap_or(start);
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let layout = if line.contains(&b'\t') {
        Layout::Basic
    } else {
        Layout::Own
    };
    let whole: Box<dyn Read> = Box::new(std::io::Cursor::new(start).chain(rest));
    let reader = ReaderBuilder::new()
        .delimiter(if layout == Layout::Basic { b'\t' } else { b',' })
        .quoting(layout == Layout::Own)
        .flexible(true)
        .buffer_capacity(BUFFER_BYTES)
        .from_reader(whole);
    Ok((layout, reader))
}

/// The first bytes of a reader, and the reader behind them.
fn begins_with<R: Read>(mut reader: R, bytes: u64) -> std::io::Result<(Vec<u8>, R)> {
    let mut start = Vec::new();
    reader.by_ref().take(bytes).read_to_end(&mut start)?;
    Ok((start, reader))
}

/// Whether a file is there and can be opened, for a message before the long reading begins.
pub(super) fn is_there(file: &Path, problems: &mut Problems) -> bool {
    let opened: std::io::Result<File> = open_file(file);
    opened
        .map_err(|error| problems.file(file, format!("cannot be read: {error}")))
        .is_ok()
}
