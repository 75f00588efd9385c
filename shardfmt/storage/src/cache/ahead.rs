//! Defines `Ahead`, the threads that bring near what will be wanted next.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use shardfmt::FileEntry;
use shardfmt::per_process::PerProcess;

use super::NearCopy;
use super::space::Need;

/// Files that come at once.
const THREADS: usize = 4;

#[derive(Debug)]
pub(super) struct Ahead {
    copy: Weak<NearCopy>,
    /// A forked process has none of the threads.
    queue: PerProcess<Arc<Mutex<Queue>>>,
}

#[derive(Debug, Default)]
struct Queue {
    wanted: VecDeque<FileEntry>,
    /// The names of these.
    names: HashSet<String>,
    threads: usize,
}

impl Ahead {
    pub(super) fn for_copy(copy: Weak<NearCopy>) -> Self {
        Self {
            copy,
            queue: PerProcess::default(),
        }
    }

    /// Has `entries` brought after what is waiting.
    pub(super) fn add(&self, entries: &[FileEntry]) {
        let shared = self.queue.get();
        let mut queue = lock(shared);
        for entry in entries {
            if queue.names.insert(entry.path.clone()) {
                queue.wanted.push_back(entry.clone());
            }
        }
        while queue.threads < THREADS.min(queue.wanted.len()) {
            let (copy, shared) = (self.copy.clone(), Arc::clone(shared));
            let thread = std::thread::Builder::new().name("l48-ahead".into());
            if thread.spawn(move || run(&copy, &shared)).is_err() {
                // They come when they are touched.
                return;
            }
            queue.threads += 1;
        }
    }
}

/// Brings files until none is waiting, or nobody has the dataset open any more.
fn run(copy: &Weak<NearCopy>, queue: &Mutex<Queue>) {
    loop {
        let wanted = {
            let mut queue = lock(queue);
            let wanted = queue.wanted.pop_front();
            match &wanted {
                Some(entry) => drop(queue.names.remove(&entry.path)),
                None => queue.threads -= 1,
            }
            wanted
        };
        let (Some(entry), Some(copy)) = (wanted, copy.upgrade()) else {
            return;
        };
        // Whoever touches the file tries again, and is told what is wrong.
        let _ = copy.bring(&entry, Need::Later);
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
