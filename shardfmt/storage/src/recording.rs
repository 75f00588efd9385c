//! Provides single files at an address, such as recordings: whole ones brought into scratch files, ahead of their turn
//! within a budget of bytes, and ranges of others.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cache::parse_bytes;
use crate::error::{Error, Result};
use crate::files::{Facts, Files};
use crate::folder::local;
use crate::location::Location;

/// Bytes of files that wait for their turn; in the environment as the second says.
const AHEAD_BYTES: u64 = 1 << 30;
const AHEAD: &str = "L48_AHEAD_BYTES";
/// Files that come at once.
const THREADS: usize = 4;
/// A file that nobody took for so long makes room for others.
const FORGOTTEN: Duration = Duration::from_secs(300);
/// Bytes that are asked for at once where only parts of a file are read, and how many such blocks are kept.
const BLOCK_BYTES: u64 = 64 << 10;
const BLOCKS: usize = 16;

static AHEAD_OF_TURN: LazyLock<Ahead> = LazyLock::new(Ahead::default);

/// Size and version of the file at `url`.
///
/// # Errors
/// As [`Files::facts`].
pub fn facts_at(url: &Path) -> Result<Facts> {
    files_at(url)?.facts("")
}

/// The whole file at `url`, in a scratch file that is gone when it is closed. One that came ahead is taken if it is
/// still the one that is there.
///
/// # Errors
/// As [`Files::download`].
pub fn open_at(url: &Path) -> Result<File> {
    let came = AHEAD_OF_TURN.take(url);
    if let Some((mut file, known)) = came
        && facts_at(url)? == known
    {
        rewind(&mut file, url)?;
        return Ok(file);
    }
    let (file, _) = bring(url, u64::MAX)?;
    Ok(file)
}

/// Begins to bring the files at those of `urls` that are addresses, in this order, and does not wait.
pub fn expect_at<'a>(urls: impl IntoIterator<Item = &'a Path>) {
    let urls = urls.into_iter().filter(|url| Location::is_address(url));
    let urls: Vec<PathBuf> = urls.map(Path::to_path_buf).collect();
    if !urls.is_empty() {
        AHEAD_OF_TURN.expect(urls);
    }
}

/// Files are asked for by their whole address: their own name is empty.
fn files_at(url: &Path) -> Result<Files> {
    Files::under(&Location::of(url))
}

fn rewind(file: &mut File, url: &Path) -> Result<()> {
    let rewound = file.seek(SeekFrom::Start(0));
    rewound
        .map(|_| ())
        .map_err(|cause| local(url, shardfmt::Operation::Seek, cause))
}

/// The file at `url` in a scratch file, at its start, and what was known of it.
fn bring(url: &Path, most: u64) -> Result<(File, Facts)> {
    let files = files_at(url)?;
    let facts = files.facts("")?;
    if facts.bytes > most {
        return Err(Error::Unlike {
            url: files.base().to_string(),
            expected: format!("at most {most} bytes"),
            got: format!("{} bytes", facts.bytes),
        });
    }
    let mut file = scratch_file()?;
    files.download("", &facts, &mut file)?;
    rewind(&mut file, url)?;
    Ok((file, facts))
}

/// A file without a name, among the system's temporary ones.
fn scratch_file() -> Result<File> {
    loop {
        let random = RandomState::new().hash_one(std::process::id());
        let path = std::env::temp_dir().join(format!("l48-{random:016x}"));
        match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
            Ok(file) => {
                // Its bytes stay as long as it is open.
                std::fs::remove_file(&path).map_err(|cause| local(&path, shardfmt::Operation::Remove, cause))?;
                return Ok(file);
            }
            Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(cause) => return Err(local(&path, shardfmt::Operation::Create, cause)),
        }
    }
}

/// Files that come before their turn.
#[derive(Default)]
struct Ahead {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    /// In the order of their turns.
    expected: VecDeque<Expected>,
    threads: usize,
}

struct Expected {
    url: PathBuf,
    stage: Stage,
}

enum Stage {
    Waits,
    Comes,
    Here(File, Facts, Instant),
}

impl Ahead {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&'static self, urls: Vec<PathBuf>) {
        let mut state = self.state();
        for url in urls {
            if !state.expected.iter().any(|expected| expected.url == url) {
                let stage = Stage::Waits;
                state.expected.push_back(Expected { url, stage });
            }
        }
        self.start(&mut state);
    }

    fn start(&'static self, state: &mut State) {
        let waiting = state
            .expected
            .iter()
            .filter(|file| matches!(file.stage, Stage::Waits))
            .count();
        for _ in state.threads..THREADS.min(waiting) {
            let thread = std::thread::Builder::new().name("l48-ahead".into());
            if thread.spawn(|| self.run()).is_ok() {
                state.threads += 1;
            }
        }
    }

    /// The file at `url` if it has come, or comes now.
    fn take(&'static self, url: &Path) -> Option<(File, Facts)> {
        let mut state = self.state();
        loop {
            let position = state.expected.iter().position(|expected| expected.url == url)?;
            match state.expected.get(position).map(|expected| &expected.stage) {
                Some(Stage::Comes) => state = self.came.wait(state).unwrap_or_else(PoisonError::into_inner),
                _ => {
                    let taken = state.expected.remove(position)?;
                    self.start(&mut state);
                    return match taken.stage {
                        Stage::Here(file, facts, _) => Some((file, facts)),
                        Stage::Waits | Stage::Comes => None,
                    };
                }
            }
        }
    }

    /// Brings what waits, as far as there is room.
    fn run(&'static self) {
        while let Some(url) = self.next() {
            let brought = bring(&url, budget() / THREADS as u64);
            let mut state = self.state();
            if let Some(position) = state.expected.iter().position(|expected| expected.url == url) {
                match (brought, state.expected.get_mut(position)) {
                    (Ok((file, facts)), Some(expected)) => expected.stage = Stage::Here(file, facts, Instant::now()),
                    // Whose turn it is tries again, and says what is wrong.
                    _ => drop(state.expected.remove(position)),
                }
            }
            self.came.notify_all();
        }
    }

    /// The next file to bring; none where nothing waits or there is no room, and the thread ends.
    fn next(&self) -> Option<PathBuf> {
        let mut state = self.state();
        let is_forgotten =
            |file: &Expected| matches!(file.stage, Stage::Here(_, _, since) if since.elapsed() > FORGOTTEN);
        state.expected.retain(|file| !is_forgotten(file));
        let share = budget() / THREADS as u64;
        let taken = state.expected.iter().map(|file| match &file.stage {
            Stage::Here(_, facts, _) => facts.bytes,
            Stage::Comes => share,
            Stage::Waits => 0,
        });
        let has_room = taken.sum::<u64>().saturating_add(share) <= budget();
        let next = state
            .expected
            .iter_mut()
            .find(|file| matches!(file.stage, Stage::Waits));
        match next.filter(|_| has_room) {
            Some(next) => {
                next.stage = Stage::Comes;
                Some(next.url.clone())
            }
            None => {
                state.threads = state.threads.saturating_sub(1);
                None
            }
        }
    }
}

fn budget() -> u64 {
    let set = std::env::var(AHEAD).ok().and_then(|text| parse_bytes(&text).ok());
    set.unwrap_or(AHEAD_BYTES)
}

/// A file at an address of which parts are read: a header, a structure.
pub struct Parts {
    files: Files,
    facts: Facts,
    /// Blocks by number, the last used at the end.
    blocks: VecDeque<(u64, Vec<u8>)>,
}

impl Parts {
    /// The file at `url`.
    ///
    /// # Errors
    /// As [`Files::facts`].
    pub fn open(url: &Path) -> Result<Self> {
        let files = files_at(url)?;
        let facts = files.facts("")?;
        let blocks = VecDeque::new();
        Ok(Self { files, facts, blocks })
    }

    /// Bytes in all.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.facts.bytes
    }

    /// Reads from byte `offset` on into `buffer`; fewer than asked for only at the end.
    ///
    /// # Errors
    /// As [`Files::range`].
    pub fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let at = offset.saturating_add(filled as u64);
            if at >= self.facts.bytes {
                break;
            }
            let (number, within) = (at / BLOCK_BYTES, (at % BLOCK_BYTES) as usize);
            let block = self.block(number)?;
            let there = block.get(within..).unwrap_or_default();
            let count = rest.len().min(there.len());
            if count == 0 {
                break;
            }
            for (to, from) in rest.iter_mut().zip(there) {
                *to = *from;
            }
            filled += count;
        }
        Ok(filled)
    }

    fn block(&mut self, number: u64) -> Result<&[u8]> {
        let known = self.blocks.iter().position(|(known, _)| *known == number);
        let block = match known.and_then(|position| self.blocks.remove(position)) {
            Some((_, block)) => block,
            None => {
                let start = number * BLOCK_BYTES;
                let end = self.facts.bytes.min(start + BLOCK_BYTES);
                self.files.range("", start..end, Some(&self.facts.version))?
            }
        };
        while self.blocks.len() >= BLOCKS {
            self.blocks.pop_front();
        }
        self.blocks.push_back((number, block));
        Ok(self
            .blocks
            .back()
            .map(|(_, block)| block.as_slice())
            .unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::io::Read;

    use super::*;

    #[test]
    fn parts_are_read_across_blocks_and_up_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| (i * 31 % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let mut parts = Parts::open(&path).unwrap();
        for (offset, length) in [
            (0, 10),
            (65_530, 20),
            (1, 200_000),
            (299_990, 100),
            (300_000, 5),
            (400_000, 1),
        ] {
            let mut buffer = vec![0; length];
            let read = parts.read_at(offset, &mut buffer).unwrap();
            let expected = bytes.get(offset as usize..).unwrap_or_default();
            assert_eq!(buffer[..read], expected[..expected.len().min(length)], "{offset}");
        }
        assert!(parts.blocks.len() <= BLOCKS);
    }

    #[test]
    fn a_file_is_brought_whole_and_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, b"sound").unwrap();
        let (mut file, facts) = bring(&path, 5).unwrap();
        let mut read = String::new();
        file.read_to_string(&mut read).unwrap();
        assert_eq!((read.as_str(), facts.bytes), ("sound", 5));
        assert!(matches!(bring(&path, 4), Err(Error::Unlike { .. })));
        assert!(matches!(
            bring(&folder.path().join("none"), 4),
            Err(Error::Missing { .. })
        ));
    }
}
