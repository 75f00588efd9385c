//! Defines `PerProcess`, a value that every process has of its own, one that was forked too.

use std::sync::OnceLock;

/// A value that begins anew in a forked process: a lock that another thread held at that moment would stay locked
/// there, and what other threads were about would never be done.
#[derive(Debug)]
pub struct PerProcess<T> {
    process: u32,
    own: T,
    /// That of a process forked from the one above.
    forked: OnceLock<Box<Self>>,
}

impl<T: Default> Default for PerProcess<T> {
    fn default() -> Self {
        Self {
            process: std::process::id(),
            own: T::default(),
            forked: OnceLock::new(),
        }
    }
}

impl<T: Default> PerProcess<T> {
    /// That of this process.
    pub fn get(&self) -> &T {
        let here = std::process::id();
        let mut level = self;
        while level.process != here {
            level = level.forked.get_or_init(Box::default);
        }
        &level.own
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn what_another_process_made_is_not_this_ones() {
        let inherited = PerProcess {
            process: 0,
            own: AtomicU32::new(7),
            forked: OnceLock::new(),
        };
        assert_eq!(inherited.get().load(Ordering::Relaxed), 0);
        inherited.get().store(1, Ordering::Relaxed);
        assert_eq!(inherited.get().load(Ordering::Relaxed), 1);
        assert_eq!(inherited.own.load(Ordering::Relaxed), 7);
        let made_here = PerProcess::<AtomicU32>::default();
        made_here.get().store(2, Ordering::Relaxed);
        assert_eq!(made_here.own.load(Ordering::Relaxed), 2);
    }
}
