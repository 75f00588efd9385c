//! Provides the copying of a dataset from one location to another: verified on the way, several files at once, and
//! resumed where it was cut off.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use shardfmt::dataset::decode_dataset_json;
use shardfmt::entry::{DATASET_JSON, WORK_FOLDER};
use shardfmt::persist::{AtomicFile, create_dirs, is_temporary, remove_leftovers};
use shardfmt::{FileEntry, Xxh3};

use crate::dataset::{DESCRIPTION_BYTES, description_of};
use crate::error::{Error, Result};
use crate::files::{Files, Placed};
use crate::folder::{local, unlike};
use crate::location::Location;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files of the dataset, `dataset.json` included.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were there already, with the same bytes.
    pub there: u64,
}

/// Copies the dataset at `from` to `to` on `threads` threads. Every file is compared with its checksum as it is read;
/// `dataset.json` comes last, and never over another one. A copy that was cut off is begun again and leaves out what is
/// there. `progress` is told the bytes done, and all.
///
/// # Errors
/// [`Error::Taken`] if something else is at `to`; [`Error::Unlike`] for a file that is damaged; those of the locations.
pub fn copy_dataset(
    from: &Location,
    to: &Location,
    threads: usize,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Copied> {
    let (from, to) = (Files::under(from)?, Files::under(to)?);
    let description = description_of(&from)?;
    let path = PathBuf::from(from.location(DATASET_JSON).to_string());
    let entries = decode_dataset_json(&description, &path)?.files;
    // Two copies of one dataset write the same bytes; one of another would write over them.
    let claim = format!("{WORK_FOLDER}/copy.json");
    to.create(
        &claim,
        format!("{{\"dataset_json_xxh3\": \"{}\"}}", Xxh3::of(&description)).as_bytes(),
    )?;
    if let Err(error) = refuse_others(&to, &entries, &description) {
        to.remove(&claim)?;
        return Err(error);
    }
    let copy = Copy {
        from: &from,
        to: &to,
        total: entries.iter().map(|entry| entry.bytes).sum(),
        done: AtomicU64::new(0),
        there: AtomicU64::new(0),
        progress,
    };
    copy.all(&entries, threads)?;
    let placed = to.create(DATASET_JSON, &description)?;
    to.remove(&claim)?;
    Ok(Copied {
        files: entries.len() as u64 + 1,
        bytes: copy.total + description.len() as u64,
        there: copy.there.into_inner() + u64::from(placed == Placed::WasThere),
    })
}

/// Refuses a place with anything but files of this dataset.
fn refuse_others(to: &Files, entries: &[FileEntry], description: &[u8]) -> Result<()> {
    let own: HashSet<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
    for (name, bytes) in to.list("")? {
        let last = name.rsplit('/').next().unwrap_or_default();
        let is_own = own.contains(name.as_str()) || is_temporary(last);
        let is_description = name == DATASET_JSON && bytes == description.len() as u64;
        if is_own || (is_description && to.whole(DATASET_JSON, DESCRIPTION_BYTES)? == description) {
            continue;
        }
        // What a build of it left behind means nothing.
        if !name.starts_with(WORK_FOLDER) {
            return Err(Error::Taken {
                url: to.location(&name).to_string(),
            });
        }
    }
    Ok(())
}

/// A copy under way.
struct Copy<'a> {
    from: &'a Files,
    to: &'a Files,
    total: u64,
    done: AtomicU64,
    there: AtomicU64,
    progress: &'a (dyn Fn(u64, u64) + Sync),
}

impl Copy<'_> {
    fn all(&self, entries: &[FileEntry], threads: usize) -> Result<()> {
        let next = AtomicUsize::new(0);
        let failed: Mutex<Option<Error>> = Mutex::default();
        let work = || {
            while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = self.one(entry) {
                    // The others end with the files they are at.
                    next.store(entries.len(), Ordering::Relaxed);
                    failed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .get_or_insert(error);
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.clamp(1, entries.len().max(1)) {
                scope.spawn(work);
            }
            work();
        });
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(()), Err)
    }

    fn one(&self, entry: &FileEntry) -> Result<()> {
        if self.is_there(entry)? {
            self.there.fetch_add(1, Ordering::Relaxed);
        } else {
            match (self.from.location(&entry.path), self.to.location(&entry.path)) {
                (Location::Path(source), _) => self.to.upload(&entry.path, &source, entry.hash())?,
                (_, Location::Path(target)) => {
                    target.parent().map_or(Ok(()), create_dirs)?;
                    target.parent().map_or(Ok(()), remove_leftovers)?;
                    self.bring(entry, AtomicFile::create(&target)?)?.commit()?;
                }
                _ => self.through_scratch(entry)?,
            }
        }
        let done = self.done.fetch_add(entry.bytes, Ordering::Relaxed) + entry.bytes;
        (self.progress)(done, self.total);
        Ok(())
    }

    /// Whether the file is where it is to be. A store tells the checksum it was stored with; else it is read.
    fn is_there(&self, entry: &FileEntry) -> Result<bool> {
        let facts = match self.to.facts(&entry.path) {
            Err(Error::Missing { .. }) => return Ok(false),
            facts => facts?,
        };
        if facts.bytes != entry.bytes {
            return Ok(false);
        }
        match facts.xxh3 {
            Some(xxh3) => Ok(xxh3 == entry.xxh3),
            None => Ok(self.to.download(&entry.path, &facts, &mut io::sink())?.xxh3 == entry.xxh3),
        }
    }

    /// Writes the file to `target`, verified.
    fn bring<W: Write>(&self, entry: &FileEntry, mut target: W) -> Result<W> {
        let facts = self.from.facts(&entry.path)?;
        let got = self.from.download(&entry.path, &facts, &mut target)?;
        if got == entry.hash() {
            return Ok(target);
        }
        Err(unlike(self.from.location(&entry.path).to_string(), entry.hash(), got))
    }

    /// From one store to another, by way of a file here: what arrives is verified before any of it is sent on.
    fn through_scratch(&self, entry: &FileEntry) -> Result<()> {
        let scratch = std::env::temp_dir().join(format!("l48-copy-{}", std::process::id()));
        create_dirs(&scratch)?;
        let path = scratch.join(entry.path.replace('/', "-"));
        let file = std::fs::File::create(&path).map_err(|cause| local(&path, shardfmt::Operation::Create, cause))?;
        let sent = self
            .bring(entry, file)
            .and_then(|_| self.to.upload(&entry.path, &path, entry.hash()));
        let _ = std::fs::remove_file(&path);
        // Once it is empty.
        let _ = std::fs::remove_dir(&scratch);
        sent
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use std::fs;
    use std::path::Path;

    use super::*;

    fn copy(from: &Path, to: &Path) -> Result<Copied> {
        let locations = [from, to].map(Location::of);
        copy_dataset(&locations[0], &locations[1], 2, &|_, _| {})
    }

    /// A copy of the golden dataset, at `kept`; what else is in its folder is not of it.
    fn place() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (kept, to) = (folder.path().join("kept"), folder.path().join("to"));
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
        copy(&golden, &kept).unwrap();
        (folder, kept, to)
    }

    #[test]
    fn a_copy_that_was_cut_off_leaves_out_what_is_there() {
        let (_folder, kept, to) = place();
        let first = copy(&kept, &to).unwrap();
        assert_eq!((first.files, first.there), (11, 0));
        assert!(
            shardfmt::verify::verify(&to, shardfmt::verify::Depth::Full, &mut |_, _| {})
                .unwrap()
                .is_sound()
        );
        fs::remove_file(to.join(DATASET_JSON)).unwrap();
        fs::remove_file(to.join("taxa.parquet")).unwrap();
        fs::write(to.join("rejects.parquet"), b"cut").unwrap();
        let again = copy(&kept, &to).unwrap();
        assert_eq!((again.bytes, again.there), (first.bytes, 8));
        assert_eq!(copy(&kept, &to).unwrap().there, 11);
    }

    #[test]
    fn a_damaged_file_is_not_copied_and_nothing_is_committed() {
        let (_folder, kept, to) = place();
        let name = "labels/00000.parquet";
        let mut bytes = fs::read(kept.join(name)).unwrap();
        bytes[50] ^= 1;
        fs::write(kept.join(name), bytes).unwrap();
        let error = copy(&kept, &to).unwrap_err().to_string();
        assert!(
            error.contains("kept/labels/00000.parquet") && error.contains("were expected"),
            "{error}"
        );
        assert!(!to.join(DATASET_JSON).exists() && !to.join(name).exists());
    }

    #[test]
    fn nothing_is_copied_over_something_else() {
        let (_folder, kept, to) = place();
        copy(&kept, &to).unwrap();
        fs::write(to.join(DATASET_JSON), b"{}").unwrap();
        assert!(matches!(copy(&kept, &to), Err(Error::Taken { url }) if url.ends_with("to/dataset.json")));
        fs::remove_file(to.join(DATASET_JSON)).unwrap();
        fs::write(to.join("notes.txt"), b"mine").unwrap();
        assert!(matches!(copy(&kept, &to), Err(Error::Taken { url }) if url.ends_with("to/notes.txt")));
        // Another dataset is being copied there.
        fs::remove_file(to.join("notes.txt")).unwrap();
        fs::create_dir(to.join(WORK_FOLDER)).unwrap();
        fs::write(to.join(WORK_FOLDER).join("copy.json"), b"{}").unwrap();
        assert!(matches!(copy(&kept, &to), Err(Error::Taken { url }) if url.ends_with("copy.json")));
    }
}
