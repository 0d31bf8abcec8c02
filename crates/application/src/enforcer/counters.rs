//! Counters that threads do not quarrel about.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How many threads count without meeting.
const SLOTS: usize = 16;

/// A number that only grows. Each thread adds to a slot of its own.
#[derive(Default)]
pub(super) struct Counter {
    slots: [Slot; SLOTS],
}

/// As wide as what a processor takes hold of.
#[derive(Default)]
#[repr(align(128))]
struct Slot(AtomicU64);

thread_local! {
    static SLOT: Cell<usize> = Cell::new(next_slot());
}

fn next_slot() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed) % SLOTS
}

impl Counter {
    pub(super) fn add(&self) {
        let slot = SLOT.try_with(Cell::get).unwrap_or(0);
        if let Some(slot) = self.slots.get(slot) {
            slot.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn sum(&self) -> u64 {
        self.slots.iter().map(|slot| slot.0.load(Ordering::Relaxed)).sum()
    }
}
