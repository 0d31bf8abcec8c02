//! Walks through ordered indexes: several at once as if they were one, and no further than it pays.

use std::ops::Bound;

use crate::index::Index;
use systemprompt_users_domain::TimeRange;
use uuid::Uuid;

use crate::place::{IndexKey, Placed, Spot};
use crate::time::micros_from;

/// Which way a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// The part of an index that a walk sees.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span<'a> {
    pub(crate) from: Bound<Spot<'a>>,
    pub(crate) until: Bound<Spot<'a>>,
}

impl<'a> Span<'a> {
    pub(crate) const ALL: Self = Self { from: Bound::Unbounded, until: Bound::Unbounded };

    /// Every entry of a text.
    pub(crate) const fn of_text(text: &'a str) -> Self {
        let blank = Spot::at_text(text, Uuid::nil());
        let low = Spot { time: i64::MIN, ..blank };
        let high = Spot { owner: Uuid::max(), time: i64::MAX, id: Uuid::max(), ..blank };
        Self { from: Bound::Included(low), until: Bound::Included(high) }
    }

    /// Every entry of an owner.
    pub(crate) const fn of_owner(owner: Uuid) -> Self {
        let low = Spot::owned(owner, i64::MIN, Uuid::nil());
        let high = Spot::owned(owner, i64::MAX, Uuid::max());
        Self { from: Bound::Included(low), until: Bound::Included(high) }
    }

    /// Everything before a moment.
    pub(crate) const fn before(time: i64) -> Self {
        Self { from: Bound::Unbounded, until: Bound::Excluded(Spot::at_time(time, Uuid::nil())) }
    }

    /// Everything from a moment on.
    pub(crate) const fn since(time: i64) -> Self {
        Self { from: Bound::Included(Spot::at_time(time, Uuid::nil())), until: Bound::Unbounded }
    }

    /// Everything in a range of time.
    pub(crate) fn of_times(times: &TimeRange) -> Self {
        let spot = |time| Spot::at_time(micros_from(time), Uuid::nil());
        Self {
            from: times.from.map_or(Bound::Unbounded, |time| Bound::Included(spot(time))),
            until: times.until.map_or(Bound::Unbounded, |time| Bound::Excluded(spot(time))),
        }
    }

    /// What comes behind `after` in `direction`.
    pub(crate) fn behind(mut self, after: Option<Spot<'a>>, direction: Direction) -> Self {
        let Some(after) = after else { return self };
        match direction {
            Direction::Up if !self.starts_behind(&after) => self.from = Bound::Excluded(after),
            Direction::Down if !self.ends_before(&after) => self.until = Bound::Excluded(after),
            Direction::Up | Direction::Down => {}
        }
        self
    }

    fn starts_behind(&self, after: &Spot<'_>) -> bool {
        match &self.from {
            Bound::Included(from) | Bound::Excluded(from) => from > after,
            Bound::Unbounded => false,
        }
    }

    fn ends_before(&self, after: &Spot<'_>) -> bool {
        match &self.until {
            Bound::Included(until) | Bound::Excluded(until) => until < after,
            Bound::Unbounded => false,
        }
    }
}

/// Walks `span` of one index.
pub(crate) fn range<'a, K: IndexKey>(
    index: &'a Index<K>,
    span: &Span<'_>,
) -> impl DoubleEndedIterator<Item = &'a K> + use<'a, K> {
    let from = span.from.as_ref().map(|spot| spot as &dyn Placed);
    let until = span.until.as_ref().map(|spot| spot as &dyn Placed);
    index.between(index.start::<dyn Placed + '_>(from), index.end::<dyn Placed + '_>(until))
}

/// Walks `span` of several indexes of the same order as if they were one.
pub(crate) fn walk<'a, K: IndexKey>(
    indexes: impl Iterator<Item = &'a Index<K>>,
    span: &Span<'_>,
    direction: Direction,
) -> Walk<'a, K> {
    let sources = indexes.filter_map(|index| {
        let range = range(index, span);
        let mut rest: Box<dyn Iterator<Item = &'a K> + 'a> = match direction {
            Direction::Up => Box::new(range),
            Direction::Down => Box::new(range.rev()),
        };
        rest.next().map(|head| Source { head, rest })
    });
    Walk { sources: sources.collect(), direction }
}

/// See [`walk`].
pub(crate) struct Walk<'a, K> {
    sources: Vec<Source<'a, K>>,
    direction: Direction,
}

struct Source<'a, K> {
    head: &'a K,
    rest: Box<dyn Iterator<Item = &'a K> + 'a>,
}

impl<'a, K: IndexKey> Iterator for Walk<'a, K> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        let sources = self.sources.iter_mut().enumerate();
        let (place, source) = match self.direction {
            Direction::Up => sources.min_by(|(_, a), (_, b)| a.head.cmp(b.head)),
            Direction::Down => sources.max_by(|(_, a), (_, b)| a.head.cmp(b.head)),
        }?;
        let item = source.head;
        match source.rest.next() {
            Some(next) => source.head = next,
            None => drop(self.sources.swap_remove(place)),
        }
        Some(item)
    }
}

/// How many items a walk looks at before it asks whether there is a shorter way.
///
/// In unit tests so few that the shorter way is taken too.
pub(crate) const PATIENCE: usize = if cfg!(test) { 4 } else { 4096 };

/// The most items that a shorter way may collect and sort.
pub(crate) const FEW: usize = if cfg!(test) { 8 } else { 65_536 };

/// Takes the first `want` items of `walk` that are to be kept.
///
/// Where these are rare, the walk would be long; then `few` may know another index that holds all of
/// them and little else, and answers with them sorted. It answers `None` where that is no shorter.
pub(crate) fn pick<T>(
    mut walk: impl Iterator<Item = T>,
    keep: impl Fn(&T) -> bool,
    want: usize,
    few: impl FnOnce() -> Option<Vec<T>>,
) -> Vec<T> {
    let mut found = Vec::new();
    for _ in 0..PATIENCE {
        match walk.next() {
            Some(item) if keep(&item) => found.push(item),
            Some(_) => continue,
            None => return found,
        }
        if found.len() == want {
            return found;
        }
    }
    if let Some(mut few) = few() {
        few.truncate(want);
        return few;
    }
    let missing = want - found.len();
    found.extend(walk.filter(keep).take(missing));
    found
}

/// All items of `walk`, unless they are more than a shorter way may collect.
pub(crate) fn collect_few<T>(walk: impl Iterator<Item = T>) -> Option<Vec<T>> {
    let items: Vec<T> = walk.take(FEW + 1).collect();
    (items.len() <= FEW).then_some(items)
}

/// Whether an entry comes into an index or goes out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    In,
    Out,
}

impl Change {
    pub(crate) fn apply<K: Ord + Clone>(self, index: &mut Index<K>, key: K) {
        match self {
            Self::In => index.insert(key),
            Self::Out => index.remove(&key),
        };
    }
}
