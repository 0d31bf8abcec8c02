//! The index by which a text within a field is found: segments of many users, and the few that wait for one.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use uuid::Uuid;

use super::super::row::UserRow;
use super::grams::grams_of;
use super::segment::{MAX_USERS, Segment};
use crate::place::Identified;
use crate::walk::Change;

/// How many users wait at most, after each call, before they become a segment.
const WAITING: usize = if cfg!(test) { 4 } else { 256 };

/// Segments of less than so many users, at the end of the list, become one as soon as they hold that many
/// together. So there are few segments, and a user moves twice.
const TIERS: [usize; 2] = [if cfg!(test) { 12 } else { 2048 }, FULL];

/// How many users a segment is meant to hold.
const FULL: usize = if cfg!(test) { 48 } else { MAX_USERS / 2 };

/// A segment takes a neighbour in that has no more than so many times its users.
const APPETITE: usize = 8;

/// An index of one kind of users, persistent like every other index: a clone shares everything.
///
/// A text of a user goes by a number, which stays the same as long as its folded fields do. Numbers
/// rise, and a segment holds all that were in use from its first one to that of the next, when it was
/// written. It is never changed: who has another text now stays in it, and in another one too, until it
/// is written anew. So a change of anything but these fields costs next to nothing here.
#[derive(Clone, Default)]
pub(super) struct InnerIndex {
    /// The number of the next text.
    next: u64,
    /// Users by numbers that no segment covers yet.
    waiting: OrdMap<u64, Arc<UserRow>>,
    /// The first number that waits.
    first_waiting: u64,
    /// By their first number.
    segments: OrdMap<u64, Tracked>,
    /// Segments that lost more than half of their users, perhaps.
    thinned: OrdSet<u64>,
}

/// A segment, and how many of its users still have the text that it knows.
#[derive(Clone)]
struct Tracked {
    segment: Arc<Segment>,
    live: usize,
}

impl Tracked {
    fn is_thin(&self) -> bool {
        self.live * 2 < self.segment.len()
    }
}

impl InnerIndex {
    /// A number for a text that is new.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// Takes a user in, or lets it go.
    ///
    /// A user who goes and comes back with the same text must do so before the next [`Self::settle`].
    pub(super) fn index(&mut self, row: &Arc<UserRow>, change: Change) {
        let number = row.text_number();
        if number >= self.first_waiting {
            match change {
                Change::In => drop(self.waiting.insert(number, Arc::clone(row))),
                Change::Out => drop(self.waiting.remove(&number)),
            }
            return;
        }
        let Some(first) = self.segment_of(number) else { return };
        let Some(tracked) = self.segments.get_mut(&first) else { return };
        match change {
            Change::In => tracked.live += 1,
            Change::Out => tracked.live = tracked.live.saturating_sub(1),
        }
        if tracked.is_thin() {
            self.thinned.insert(first);
        }
    }

    /// Brings the segments in order at the end of a call; `number_of` tells the number of a user's text.
    pub(super) fn settle(&mut self, number_of: impl Fn(Uuid) -> Option<u64>) {
        if self.waiting.len() >= WAITING {
            self.seal();
            for limit in TIERS {
                let run = self.last_below(limit);
                if !run.is_empty() {
                    self.join(&run, &number_of);
                }
            }
        }
        for first in std::mem::take(&mut self.thinned) {
            if self.segments.get(&first).is_some_and(Tracked::is_thin) {
                self.join(&self.with_neighbours(first), &number_of);
            }
        }
    }

    /// Adds those who may hold `text` after the start of a field and have larger ids than `after`, some of
    /// them twice; `false` when that makes more than `most`.
    pub(super) fn add_holders(
        &self,
        text: &str,
        after: Option<Uuid>,
        most: usize,
        found: &mut Vec<Uuid>,
    ) -> bool {
        let waiting = self.waiting.values().filter(|row| row.holds(text)).map(|row| row.uuid());
        found.extend(waiting.filter(|id| Some(*id) > after));
        let grams = grams_of(text);
        let mut segments = self.segments.values().map(|tracked| &tracked.segment);
        found.len() <= most
            && segments.all(|segment| {
                if segment.last() > after {
                    segment.each_with(&grams, |id| {
                        if Some(id) > after {
                            found.push(id);
                        }
                    });
                }
                found.len() <= most
            })
    }

    /// The first number of the segment that covers this one.
    fn segment_of(&self, number: u64) -> Option<u64> {
        if number >= self.first_waiting {
            return None;
        }
        self.segments.range(..=number).next_back().map(|(first, _)| *first)
    }

    /// Makes segments of those who wait.
    fn seal(&mut self) {
        let waiting: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
        for chunk in waiting.chunks(FULL) {
            let Some((first, _)) = chunk.first() else { continue };
            let rows: Vec<_> = chunk.iter().map(|(_, row)| Arc::clone(row)).collect();
            let segment = Arc::new(Segment::of_rows(&rows));
            self.segments.insert(*first, Tracked { segment, live: rows.len() });
        }
        self.first_waiting = self.next;
    }

    /// The last segments, all of them of less than `limit` users, if they hold that many together.
    fn last_below(&self, limit: usize) -> Vec<u64> {
        let (mut run, mut users) = (Vec::new(), 0);
        for (first, tracked) in self.segments.iter().rev() {
            let length = tracked.segment.len();
            if length >= limit || users + length > MAX_USERS {
                break;
            }
            users += length;
            run.push(*first);
        }
        run.reverse();
        if users >= limit { run } else { Vec::new() }
    }

    /// A segment and those beside it that are small enough to be merged with it.
    fn with_neighbours(&self, first: u64) -> Vec<u64> {
        let mut run = vec![first];
        let mut live = self.segments.get(&first).map_or(0, |tracked| tracked.live);
        if live == 0 {
            return run;
        }
        let fits = |live: usize, other: &Tracked| {
            other.live <= live * APPETITE && live + other.live <= FULL
        };
        if let Some((before, other)) = self.segments.range(..first).next_back()
            && fits(live, other)
        {
            live += other.live;
            run.insert(0, *before);
        }
        if let Some((behind, other)) = self.segments.range(first + 1..).next()
            && fits(live, other)
        {
            run.push(*behind);
        }
        run
    }

    /// Makes one segment of several that stand side by side, without those who have another text now.
    fn join(&mut self, run: &[u64], number_of: &impl Fn(Uuid) -> Option<u64>) {
        let sources: Vec<_> =
            run.iter().filter_map(|first| Some((*first, self.segments.get(first)?))).collect();
        let keeps = sources.iter().map(|(first, tracked)| {
            let all = tracked.live == tracked.segment.len();
            let home = |id: Uuid| number_of(id).and_then(|number| self.segment_of(number));
            (&*tracked.segment, move |id: &Uuid| all || home(*id) == Some(*first))
        });
        let merged = Segment::merge(&keeps.collect::<Vec<_>>());
        for first in run {
            self.segments.remove(first);
        }
        if let Some(first) = run.first()
            && merged.len() > 0
        {
            let tracked = Tracked { live: merged.len(), segment: Arc::new(merged) };
            self.segments.insert(*first, tracked);
        }
    }
}
