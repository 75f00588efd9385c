//! Defines `Backing`, where a dataset is kept whose folder here is a near copy, to read it from, or scratch, to make it
//! in.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use crate::entry::FileEntry;
use crate::error::Result;

/// Where the files of a dataset are kept, of which a folder of this machine has some.
///
/// What is brought near is whole and is the file listed: it is compared with its checksum before it gets its name. What
/// is published is there whole or not at all. Every call may be made by many threads at once.
pub trait Backing: Debug + Send + Sync {
    /// Brings a file near, unless it is, and keeps it there while what is returned is held.
    ///
    /// # Errors
    /// [`Error::Backing`](crate::Error::Backing); [`Error::FileMissing`](crate::Error::FileMissing) if it is not there
    /// either; those of writing it here.
    fn fetch(&self, entry: &FileEntry) -> Result<Held>;

    /// Begins to bring near what will be wanted next, in this order, and does not wait.
    fn expect(&self, entries: &[FileEntry]);

    /// Sends a file of the folder to its place, over what is there, unless it is there.
    ///
    /// # Errors
    /// [`Error::Backing`](crate::Error::Backing).
    fn publish(&self, entry: &FileEntry) -> Result<()>;

    /// Whether a file is kept with this size and, where the place can tell without its being read, this checksum.
    ///
    /// # Errors
    /// As [`Backing::publish`]; so for the other calls.
    fn holds(&self, entry: &FileEntry) -> Result<bool>;

    /// Size of the file `name` where it is kept, without bringing it near; `None` if it is not there.
    ///
    /// # Errors
    /// As above.
    fn size(&self, name: &str) -> Result<Option<u64>>;

    /// Names of all files under the folder `under` (empty: all) where they are kept, as paths under the dataset, sorted;
    /// `None` where they cannot be listed.
    ///
    /// # Errors
    /// As above.
    fn names(&self, under: &str) -> Result<Option<Vec<String>>>;

    /// The bytes of the file `name`; `None` if it is not there.
    ///
    /// # Errors
    /// As above.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>>;

    /// Writes `bytes` to `name` unless something is there; says whether these bytes are there now. Of several writers
    /// one wins.
    ///
    /// # Errors
    /// As above.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<bool>;

    /// Removes the file `name`; one that is not there is removed.
    ///
    /// # Errors
    /// As above.
    fn remove(&self, name: &str) -> Result<()>;

    /// Its address, for people.
    fn place(&self) -> PathBuf;

    /// Bytes that files brought near may take at once.
    fn room(&self) -> u64;

    /// Whom this process may ask to let go of files, when others need the room.
    fn may_ask(&self, user: Weak<dyn Releases>);
}

/// Who uses files that were brought near, and can open them again.
pub trait Releases: Debug + Send + Sync {
    /// When what was not used for longest was last used; `None` if nothing is in use.
    fn oldest(&self) -> Option<Instant>;

    /// Lets go of that.
    fn release(&self);
}

/// Keeps a file that was brought near from being removed, as long as it or a clone of it lives. Of a file that has no
/// other place it is empty.
#[derive(Clone, Debug, Default)]
pub struct Held {
    _kept: Option<Arc<()>>,
}

impl From<Arc<()>> for Held {
    fn from(kept: Arc<()>) -> Self {
        Self { _kept: Some(kept) }
    }
}

/// Requests that are on their way at once: each mostly waits.
const REQUESTS: usize = 16;

/// What `ask` answers for each of `items`, in their order; many are asked for at once.
pub(super) fn at_once<T: Sync, R: Send>(items: &[T], ask: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut answers = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return answers };
            answers.push((number, ask(item)));
        }
    };
    let mut answers = std::thread::scope(|scope| {
        let others: Vec<_> = (1..REQUESTS.min(items.len())).map(|_| scope.spawn(work)).collect();
        let own = work();
        let joined = others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        joined.fold(own, |all, some| all.into_iter().chain(some).collect::<Vec<_>>())
    });
    answers.sort_unstable_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_in_the_order_of_what_is_asked() {
        let items: Vec<u64> = (0..100).collect();
        let answers = at_once(&items, |item| {
            std::thread::sleep(std::time::Duration::from_micros(100 - item));
            item * 2
        });
        assert_eq!(answers, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        assert!(at_once(&[] as &[u64], |item| *item).is_empty());
    }
}
