//! Defines `Ahead`, the threads that bring near what will be wanted next.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use shardfmt::FileEntry;

use super::NearCopy;

/// Files that come at once.
const THREADS: usize = 4;

#[derive(Debug)]
pub(super) struct Ahead {
    copy: Weak<NearCopy>,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug, Default)]
struct Queue {
    wanted: VecDeque<FileEntry>,
    threads: usize,
}

impl Ahead {
    pub(super) fn for_copy(copy: Weak<NearCopy>) -> Self {
        Self {
            copy,
            queue: Arc::default(),
        }
    }

    /// Has `entries` brought after what is waiting.
    pub(super) fn add(&self, entries: &[FileEntry]) {
        let mut queue = lock(&self.queue);
        for entry in entries {
            if !queue
                .wanted
                .iter()
                .rev()
                .take(entries.len())
                .any(|waiting| waiting.path == entry.path)
            {
                queue.wanted.push_back(entry.clone());
            }
        }
        while queue.threads < THREADS.min(queue.wanted.len()) {
            let (copy, shared) = (self.copy.clone(), self.queue.clone());
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
            if wanted.is_none() {
                queue.threads -= 1;
            }
            wanted
        };
        let (Some(entry), Some(copy)) = (wanted, copy.upgrade()) else {
            return;
        };
        // Whoever touches the file tries again, and is told what is wrong.
        let _ = copy.bring(&entry);
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
