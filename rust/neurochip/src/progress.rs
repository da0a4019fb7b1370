//! Long work, seen and steered from another thread while it is under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How far a piece of work has come, and whether it is still wanted.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// Samples, or packets, that are finished.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Asks the work to stop: what is under way is soon dropped.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn add_done(&self, finished: u64) {
        self.done.fetch_add(finished, Ordering::Relaxed);
    }
}
