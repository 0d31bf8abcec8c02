//! Rows by a key, to be found and not to be walked: a persistent hash table.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use imbl::Vector;
use uuid::Uuid;

use crate::place::Identified;
use crate::walk::Change;

/// How many rows a bucket holds on average, at the most. Whoever changes a bucket copies it.
const LOAD: usize = if cfg!(test) { 2 } else { 4 };

/// What a [`Lookup`] holds: a pointer to a row, and the hash of the key that it goes by.
pub(crate) trait Entry: Clone {
    fn hash(&self) -> u64;

    /// Whether both go by the same key.
    fn is_like(&self, other: &Self) -> bool;
}

/// Rows by a key. A clone shares everything.
///
/// An ordered index of a million rows leads to one of them through half a dozen nodes, none of which is in a
/// cache; this one does through one bucket. It grows and shrinks by one bucket at a time (linear hashing), so
/// no call has to move everything.
#[derive(Clone)]
pub(crate) struct Lookup<E> {
    buckets: Vector<Arc<[E]>>,
    len: usize,
}

/// A row by its id, with a moment.
pub(crate) struct Dated<R> {
    hash: u64,
    time: i64,
    row: Arc<R>,
}

impl<R: Identified> Lookup<Dated<R>> {
    /// The row of that id, and its moment.
    pub(crate) fn get(&self, id: Uuid) -> Option<(&Arc<R>, i64)> {
        let entry = self.find(hash_of_id(id), |entry| entry.row.uuid() == id)?;
        Some((&entry.row, entry.time))
    }

    /// Puts a row in, in the place of the one with the same id if there is one.
    pub(crate) fn insert(&mut self, row: &Arc<R>, time: i64) {
        self.put(Dated { hash: hash_of_id(row.uuid()), time, row: Arc::clone(row) });
    }

    /// Takes a row out.
    pub(crate) fn remove(&mut self, id: Uuid) {
        self.take(hash_of_id(id), |entry| entry.row.uuid() == id);
    }
}

/// A row by bytes that are in it.
pub(crate) trait Keyed: Entry {
    type Row;

    fn key(&self) -> &[u8];

    fn row(&self) -> &Arc<Self::Row>;
}

impl<E: Keyed> Lookup<E> {
    /// The row that goes by this key.
    pub(crate) fn holder(&self, key: &[u8]) -> Option<&Arc<E::Row>> {
        self.find(hash_of(key), |entry| entry.key() == key).map(E::row)
    }

    /// Puts an entry in, in the place of the one with the same key if there is one, or takes that one out.
    pub(crate) fn apply(&mut self, change: Change, entry: E) {
        match change {
            Change::In => self.put(entry),
            Change::Out => self.take(entry.hash(), |other| other.is_like(&entry)),
        }
    }
}

impl<E: Entry> Lookup<E> {
    fn find(&self, hash: u64, is: impl Fn(&E) -> bool) -> Option<&E> {
        let bucket = self.buckets.get(self.place_of(hash)?)?;
        bucket.iter().find(|entry| entry.hash() == hash && is(entry))
    }

    fn put(&mut self, new: E) {
        if self.buckets.len() * LOAD <= self.len {
            self.grow();
        }
        let Some(bucket) = self.bucket_mut(new.hash()) else { return };
        let same = |entry: &E| entry.hash() == new.hash() && entry.is_like(&new);
        match bucket.iter().position(same) {
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

    fn take(&mut self, hash: u64, is: impl Fn(&E) -> bool) {
        let Some(bucket) = self.bucket_mut(hash) else { return };
        let is = |entry: &&E| entry.hash() == hash && is(entry);
        if bucket.iter().any(|entry| is(&entry)) {
            *bucket = bucket.iter().filter(|entry| !is(entry)).cloned().collect();
            self.len -= 1;
            // Far below where it grows, so that it does not grow and shrink in turn.
            if self.buckets.len() > 1 && self.buckets.len() * LOAD > self.len * 4 {
                self.shrink();
            }
        }
    }

    fn bucket_mut(&mut self, hash: u64) -> Option<&mut Arc<[E]>> {
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
            let stay = |entry: &&E| self.place_of(entry.hash()) == Some(place);
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

impl<R: Identified> Entry for Dated<R> {
    fn hash(&self) -> u64 {
        self.hash
    }

    fn is_like(&self, other: &Self) -> bool {
        self.row.uuid() == other.row.uuid()
    }
}

/// Ids are mostly random, and those that somebody counted up are spread.
fn hash_of_id(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    let mixed = (high.rotate_left(32) ^ low).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ mixed >> 32
}

/// Keyed anew in each process: a stranger chooses names and emails, and must not be able to choose such as all fall
/// into one bucket.
pub(crate) fn hash_of(key: &[u8]) -> u64 {
    static KEYED: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    let mut hasher = KEYED.build_hasher();
    hasher.write(key);
    hasher.finish()
}

/// A pointer to a row that is found by bytes in it.
macro_rules! keyed_pointer {
    ($(#[$doc:meta])* $name:ident, |$row:ident: &$type:ty| $key:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name {
            hash: u64,
            row: std::sync::Arc<$type>,
        }

        impl $name {
            pub(crate) fn new(row: &std::sync::Arc<$type>) -> Self {
                let hash = crate::lookup::hash_of(Self::key_of(row));
                Self { hash, row: std::sync::Arc::clone(row) }
            }

            fn key_of($row: &$type) -> &[u8] {
                $key
            }
        }

        impl crate::lookup::Entry for $name {
            fn hash(&self) -> u64 {
                self.hash
            }

            fn is_like(&self, other: &Self) -> bool {
                Self::key_of(&self.row) == Self::key_of(&other.row)
            }
        }

        impl crate::lookup::Keyed for $name {
            type Row = $type;

            fn key(&self) -> &[u8] {
                Self::key_of(&self.row)
            }

            fn row(&self) -> &std::sync::Arc<$type> {
                &self.row
            }
        }
    };
}

pub(crate) use keyed_pointer;

impl<R> Clone for Dated<R> {
    fn clone(&self) -> Self {
        Self { hash: self.hash, time: self.time, row: Arc::clone(&self.row) }
    }
}

impl<E> Default for Lookup<E> {
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
