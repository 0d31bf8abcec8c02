//! Rows by id, to be found and not to be walked: a persistent hash table.

use std::sync::Arc;

use imbl::Vector;
use uuid::Uuid;

use crate::place::Identified;

/// How many rows a bucket holds on average, at the most.
const LOAD: usize = if cfg!(test) { 2 } else { 4 };

/// Rows by id, each with a moment. A clone shares everything.
///
/// An ordered index of a million rows leads to one of them through half a dozen nodes, none of which is in a
/// cache; this one does through one bucket. It grows and shrinks by one bucket at a time (linear hashing), so
/// no call has to move everything.
pub(crate) struct Lookup<R> {
    buckets: Vector<Arc<[Entry<R>]>>,
    len: usize,
}

struct Entry<R> {
    hash: u64,
    time: i64,
    row: Arc<R>,
}

impl<R: Identified> Lookup<R> {
    /// The row of that id, and its moment.
    pub(crate) fn get(&self, id: Uuid) -> Option<(&Arc<R>, i64)> {
        let hash = hash(id);
        let bucket = self.buckets.get(self.place_of(hash)?)?;
        let entry = bucket.iter().find(|entry| entry.is(hash, id))?;
        Some((&entry.row, entry.time))
    }

    /// Puts a row in, in the place of the one with the same id if there is one.
    pub(crate) fn insert(&mut self, row: &Arc<R>, time: i64) {
        if self.buckets.len() * LOAD <= self.len {
            self.grow();
        }
        let (id, hash) = (row.uuid(), hash(row.uuid()));
        let Some(bucket) = self.bucket_mut(hash) else { return };
        let new = Entry { hash, time, row: Arc::clone(row) };
        match bucket.iter().position(|entry| entry.is(hash, id)) {
            Some(place) => {
                if let Some(entry) = Arc::make_mut(bucket).get_mut(place) {
                    *entry = new;
                }
            }
            None => {
                *bucket = bucket.iter().cloned().chain([new]).collect();
                self.len += 1;
            }
        }
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, id: Uuid) {
        let hash = hash(id);
        let Some(bucket) = self.bucket_mut(hash) else { return };
        if bucket.iter().any(|entry| entry.is(hash, id)) {
            *bucket = bucket.iter().filter(|entry| !entry.is(hash, id)).cloned().collect();
            self.len -= 1;
            // Far below where it grows, so that it does not grow and shrink in turn.
            if self.buckets.len() > 1 && self.buckets.len() * LOAD > self.len * 4 {
                self.shrink();
            }
        }
    }

    fn bucket_mut(&mut self, hash: u64) -> Option<&mut Arc<[Entry<R>]>> {
        let place = self.place_of(hash)?;
        self.buckets.get_mut(place)
    }

    /// The buckets are those of the next power of two, but where the upper half is not there yet, the lower
    /// one has its rows.
    fn place_of(&self, hash: u64) -> Option<usize> {
        let whole = self.buckets.len().checked_next_power_of_two()?;
        let place = hash as usize & whole.checked_sub(1)?;
        Some(if place < self.buckets.len() { place } else { place - whole / 2 })
    }

    /// Adds a bucket, and gives it those rows of its lower one that belong there.
    fn grow(&mut self) {
        let new = self.buckets.len();
        self.buckets.push_back(Arc::new([]));
        let Some(low) = new.checked_sub((new + 1).next_power_of_two() / 2).filter(|low| *low < new)
        else {
            return;
        };
        let Some(rows) = self.buckets.get(low).cloned() else { return };
        for place in [low, new] {
            let stay = |entry: &&Entry<R>| self.place_of(entry.hash) == Some(place);
            let stayed = rows.iter().filter(stay).cloned().collect();
            self.buckets.set(place, stayed);
        }
    }

    /// Takes the last bucket away, and gives its rows back to the lower one.
    fn shrink(&mut self) {
        let Some(rows) = self.buckets.pop_back() else { return };
        let last = self.buckets.len();
        let low = last.saturating_sub((last + 1).next_power_of_two() / 2);
        if let Some(bucket) = self.buckets.get_mut(low)
            && !rows.is_empty()
        {
            *bucket = bucket.iter().chain(rows.iter()).cloned().collect();
        }
    }
}

impl<R: Identified> Entry<R> {
    fn is(&self, hash: u64, id: Uuid) -> bool {
        self.hash == hash && self.row.uuid() == id
    }
}

/// Ids are mostly random, and those that somebody counted up are spread.
fn hash(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    let mixed = (high.rotate_left(32) ^ low).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}

impl<R> Clone for Entry<R> {
    fn clone(&self) -> Self {
        Self { hash: self.hash, time: self.time, row: Arc::clone(&self.row) }
    }
}

impl<R> Clone for Lookup<R> {
    fn clone(&self) -> Self {
        Self { buckets: self.buckets.clone(), len: self.len }
    }
}

impl<R> Default for Lookup<R> {
    fn default() -> Self {
        Self { buckets: Vector::new(), len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    impl Identified for Uuid {
        fn uuid(&self) -> Uuid {
            *self
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0u128..80, any::<i64>()), 0..400)) {
            let (mut lookup, mut model) = (Lookup::default(), BTreeMap::new());
            let mut snapshot = None;
            for (place, (insert, id, time)) in steps.into_iter().enumerate() {
                let id = Uuid::from_u128(id << 40);
                if place == 100 {
                    snapshot = Some((lookup.clone(), model.clone()));
                }
                if insert {
                    lookup.insert(&Arc::new(id), time);
                    model.insert(id, time);
                } else {
                    lookup.remove(id);
                    model.remove(&id);
                }
                prop_assert_eq!(lookup.len, model.len());
            }
            for (lookup, model) in [(lookup, model)].into_iter().chain(snapshot) {
                for id in (0..80).map(|id| Uuid::from_u128(id << 40)) {
                    let found = lookup.get(id).map(|(row, time)| (**row, time));
                    prop_assert_eq!(found, model.get(&id).map(|time| (id, *time)));
                }
            }
        }
    }
}
