//! Keys in order, to be walked: a persistent set whose leaves are full where keys come in order.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::ops::RangeBounds;
use std::sync::Arc;

use imbl::OrdMap;

/// The most keys of a leaf.
const FULL: usize = if cfg!(test) { 4 } else { 16 };

/// A leaf of fewer keys joins the one before it.
const FEWEST: usize = FULL / 4;

/// By how many keys a leaf grows at a time: it has no more room to spare.
const STEP: usize = FULL / 4;

/// Keys in order. A clone shares everything.
///
/// The tree below parts a full leaf in the middle, which leaves every leaf half empty where keys only grow, as
/// times and ids of version 7 do. Here a key at the end of a full leaf begins a new one.
#[derive(Clone)]
pub(crate) struct Index<K> {
    /// Whatever is below the rest.
    first: Leaf<K>,
    /// Each leaf by a key that is above all keys of the leaf before, and not above its own.
    rest: OrdMap<K, Leaf<K>>,
    len: usize,
}

type Leaf<K> = Arc<Vec<K>>;

/// A place between two keys, at which a range begins or ends.
pub(crate) struct Cut<'a, K> {
    /// What the leaf goes by; the first one by nothing.
    edge: Option<&'a K>,
    leaf: &'a Leaf<K>,
    place: usize,
}

impl<K: Ord + Clone> Index<K> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All keys, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.first.iter().chain(self.rest.values().flat_map(|leaf| leaf.iter()))
    }

    /// The keys of a range, in order.
    pub(crate) fn range<R: RangeBounds<K>>(
        &self,
        range: R,
    ) -> impl DoubleEndedIterator<Item = &K> + use<'_, K, R> {
        self.between(self.start(range.start_bound()), self.end(range.end_bound()))
    }

    /// Where a range begins.
    pub(crate) fn start<Q: Ord + ?Sized>(&self, from: Bound<&Q>) -> Cut<'_, K>
    where
        K: Borrow<Q>,
    {
        match from {
            Included(key) => self.cut(key, |other| other < key),
            Excluded(key) => self.cut(key, |other| other <= key),
            Unbounded => Cut { edge: None, leaf: &self.first, place: 0 },
        }
    }

    /// Where a range ends.
    pub(crate) fn end<Q: Ord + ?Sized>(&self, until: Bound<&Q>) -> Cut<'_, K>
    where
        K: Borrow<Q>,
    {
        match until {
            Included(key) => self.cut(key, |other| other <= key),
            Excluded(key) => self.cut(key, |other| other < key),
            Unbounded => {
                let last = self.rest.get_max().map(|(edge, leaf)| (Some(edge), leaf));
                let (edge, leaf) = last.unwrap_or((None, &self.first));
                Cut { edge, leaf, place: leaf.len() }
            }
        }
    }

    /// The keys between two cuts, in order.
    pub(crate) fn between<'a>(
        &'a self,
        start: Cut<'a, K>,
        end: Cut<'a, K>,
    ) -> impl DoubleEndedIterator<Item = &'a K> + use<'a, K> {
        let (head, leaves, tail) = match start.edge.cmp(&end.edge) {
            Ordering::Less => {
                let edge = |cut: &Cut<'a, K>| cut.edge.map_or(Unbounded, Excluded);
                let leaves = self.rest.range::<_, K>((edge(&start), edge(&end)));
                (start.leaf.get(start.place..), Some(leaves), end.leaf.get(..end.place))
            }
            Ordering::Equal => (start.leaf.get(start.place..end.place), None, None),
            Ordering::Greater => (None, None, None),
        };
        let between = leaves.into_iter().flatten().flat_map(|(_, leaf)| leaf.iter());
        let head = head.unwrap_or_default().iter();
        head.chain(between).chain(tail.unwrap_or_default())
    }

    /// Puts a key in, in the place of an equal one if there is one.
    pub(crate) fn insert(&mut self, key: K) {
        let leaf = self.leaf_mut(&key);
        let place = match leaf.binary_search(&key) {
            Ok(place) => {
                if let Some(old) = leaf.get_mut(place) {
                    *old = key;
                }
                return;
            }
            Err(place) => place,
        };
        let upper = match place {
            _ if leaf.len() < FULL => {
                put(leaf, place, key);
                None
            }
            FULL => Some(vec![key]),
            0 => Some(std::mem::replace(leaf, vec![key])),
            _ => Some(part(leaf, place, key)),
        };
        if let Some(upper) = upper
            && let Some(edge) = upper.first().cloned()
        {
            self.rest.insert(edge, Arc::new(upper));
        }
        self.len += 1;
    }

    /// Takes a key out.
    pub(crate) fn remove(&mut self, key: &K) {
        let leaf = self.leaf_mut(key);
        let Ok(place) = leaf.binary_search(key) else { return };
        leaf.remove(place);
        let is_small = leaf.len() < FEWEST;
        self.len -= 1;
        if is_small {
            self.join(key);
        }
    }

    /// Moves the keys of the leaf that `key` belongs to into the one before.
    fn join(&mut self, key: &K) {
        let Some(edge) = self.leaf(key).0.cloned() else { return };
        let Some(leaf) = self.rest.remove(&edge) else { return };
        self.len -= leaf.len();
        for key in leaf.iter() {
            self.insert(key.clone());
        }
    }

    /// The leaf that a key belongs to, and the key that it goes by.
    fn leaf<Q: Ord + ?Sized>(&self, key: &Q) -> (Option<&K>, &Leaf<K>)
    where
        K: Borrow<Q>,
    {
        let found = self.rest.get_prev(key).map(|(edge, leaf)| (Some(edge), leaf));
        found.unwrap_or((None, &self.first))
    }

    fn cut<Q: Ord + ?Sized>(&self, key: &Q, before: impl Fn(&Q) -> bool) -> Cut<'_, K>
    where
        K: Borrow<Q>,
    {
        let (edge, leaf) = self.leaf(key);
        Cut { edge, leaf, place: leaf.partition_point(|other| before(other.borrow())) }
    }

    fn leaf_mut(&mut self, key: &K) -> &mut Vec<K> {
        let leaf = self.rest.get_prev_mut(key).map(|(_, leaf)| leaf);
        Arc::make_mut(leaf.unwrap_or(&mut self.first))
    }
}

fn put<K>(leaf: &mut Vec<K>, place: usize, key: K) {
    if leaf.len() == leaf.capacity() {
        leaf.reserve_exact(STEP);
    }
    leaf.insert(place, key);
}

/// Puts a key into one half of a leaf, and returns the upper half.
fn part<K>(leaf: &mut Vec<K>, place: usize, key: K) -> Vec<K> {
    let half = leaf.len() / 2;
    let mut upper = leaf.split_off(half);
    leaf.shrink_to_fit();
    match place.checked_sub(half) {
        Some(place) if place > 0 => put(&mut upper, place, key),
        _ => put(leaf, place, key),
    }
    upper
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self { first: Arc::default(), rest: OrdMap::new(), len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(
            steps in proptest::collection::vec((0..3u8, 0..60u8), 0..400),
            from in bound(),
            until in bound(),
        ) {
            let (mut index, mut model) = (Index::default(), BTreeSet::new());
            let mut snapshot = None;
            for (place, (step, key)) in steps.into_iter().enumerate() {
                if place == 100 {
                    snapshot = Some((index.clone(), model.clone()));
                }
                if step == 0 {
                    index.remove(&key);
                    model.remove(&key);
                } else {
                    index.insert(key);
                    model.insert(key);
                }
            }
            for (index, model) in [(index, model)].into_iter().chain(snapshot) {
                prop_assert_eq!(index.len(), model.len());
                prop_assert!(index.iter().eq(&model));
                prop_assert!(index.iter().rev().eq(model.iter().rev()));
                let within = |key: &&u8| (from, until).contains(*key);
                let expected: Vec<_> = model.iter().filter(within).collect();
                let range = || index.range((from, until));
                prop_assert_eq!(range().collect::<Vec<_>>(), expected.clone());
                prop_assert!(range().rev().eq(expected.into_iter().rev()));
            }
        }
    }

    fn bound() -> impl Strategy<Value = Bound<u8>> {
        let key = 0..60u8;
        prop_oneof![key.clone().prop_map(Included), key.prop_map(Excluded), Just(Unbounded)]
    }

    #[track_caller]
    fn check_full(keys: impl Iterator<Item = u32>) {
        let mut index = Index::default();
        keys.for_each(|key| index.insert(key));
        let leaves = index.rest.len() + 1;
        assert!(leaves <= index.len().div_ceil(FULL) + 1, "{leaves} leaves of {}", index.len());
    }

    #[test]
    fn keys_that_come_in_order_fill_their_leaves() {
        check_full(0..100);
        check_full((0..100).rev());
        check_full((0..100).flat_map(|key| [key, 1000 + key]));
    }

    #[test]
    fn leaves_that_have_lost_most_keys_are_joined() {
        let mut index = Index::default();
        (0..100).for_each(|key| index.insert(key));
        (0..100).filter(|key| key % 10 != 0).for_each(|key| index.remove(&key));
        assert!(index.iter().eq(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90]));
        assert!(index.rest.len() < 10, "{} leaves of ten keys", index.rest.len());
    }
}
