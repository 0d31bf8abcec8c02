//! Every banned and every allowed network of a family: what the table is made from.

use std::collections::BTreeMap;

use super::prefix::Bits;
use super::table::{End, NOT_BANNED};

/// Networks by their first address, those that contain others first.
pub(super) struct Networks<K> {
    marks: BTreeMap<(K, u8), Mark>,
    /// How many networks there are of each length, so that only lengths in use are looked for.
    lengths: BTreeMap<u8, usize>,
    changed: Vec<(K, K)>,
    pub(super) banned: usize,
    pub(super) allowed: usize,
}

/// What is known of exactly that network.
#[derive(Clone, Copy)]
struct Mark {
    until: End,
    allowed: bool,
}

impl Mark {
    const NONE: Self = Self { until: NOT_BANNED, allowed: false };

    /// What holds inside a network of this mark that lies inside `outer`: the longest ban, and the
    /// allow-list over all.
    fn inside(self, outer: Self) -> Self {
        Self { until: self.until.max(outer.until), allowed: self.allowed || outer.allowed }
    }

    const fn answer(self) -> End {
        if self.allowed { NOT_BANNED } else { self.until }
    }
}

impl<K> Default for Networks<K> {
    fn default() -> Self {
        Self {
            marks: BTreeMap::new(),
            lengths: BTreeMap::new(),
            changed: Vec::new(),
            banned: 0,
            allowed: 0,
        }
    }
}

impl<K: Bits> Networks<K> {
    pub(super) fn ban(&mut self, bits: K, length: u8, until: End) {
        self.change(bits, length, |mark| mark.until = until);
    }

    pub(super) fn lift(&mut self, bits: K, length: u8) {
        self.change(bits, length, |mark| mark.until = NOT_BANNED);
    }

    pub(super) fn allow(&mut self, bits: K, length: u8) {
        self.change(bits, length, |mark| mark.allowed = true);
    }

    pub(super) fn disallow(&mut self, bits: K, length: u8) {
        self.change(bits, length, |mark| mark.allowed = false);
    }

    /// Drops the bans that were over before `before`; answers how many.
    pub(super) fn drop_over(&mut self, before: End) -> usize {
        let over = |mark: &Mark| mark.until != NOT_BANNED && mark.until < before;
        let gone: Vec<(K, u8)> =
            self.marks.iter().filter(|(_, mark)| over(mark)).map(|(key, _)| *key).collect();
        for (bits, length) in &gone {
            self.lift(*bits, *length);
        }
        gone.len()
    }

    /// The regions that have changed since this was last asked.
    pub(super) fn take_changed(&mut self) -> Vec<(K, K)> {
        std::mem::take(&mut self.changed)
    }

    /// The ranges from `first` to `last`, each with what holds in it; neighbours differ.
    pub(super) fn flatten(&self, first: K, last: K) -> Vec<(K, End)> {
        let around = self.around(first);
        let mut ranges = vec![(first, around.answer())];
        // The networks that the walk is inside of, the innermost last.
        let mut open: Vec<(K, Mark)> = Vec::new();
        for ((start, length), mark) in self.marks.range((first, 0)..=(last, K::LENGTH)) {
            close(&mut open, &mut ranges, around, Some(*start), last);
            let mark = mark.inside(open.last().map_or(around, |(_, outer)| *outer));
            push(&mut ranges, *start, mark.answer());
            open.push((start.last(*length), mark));
        }
        close(&mut open, &mut ranges, around, None, last);
        ranges
    }

    /// What holds at `first` by networks that begin before it.
    fn around(&self, first: K) -> Mark {
        let wider = self.lengths.keys().map(|length| (first.first(*length), *length));
        let wider = wider.filter(|(start, _)| *start != first);
        wider
            .filter_map(|key| self.marks.get(&key))
            .fold(Mark::NONE, |outer, mark| mark.inside(outer))
    }

    fn change(&mut self, bits: K, length: u8, change: impl FnOnce(&mut Mark)) {
        let key = (bits.first(length), length);
        let known = self.marks.get(&key).copied();
        let before = known.unwrap_or(Mark::NONE);
        let mut after = before;
        change(&mut after);
        let is_banned = |mark: Mark| usize::from(mark.until != NOT_BANNED);
        self.banned = self.banned + is_banned(after) - is_banned(before);
        self.allowed = self.allowed + usize::from(after.allowed) - usize::from(before.allowed);
        if after.allowed || after.until != NOT_BANNED {
            self.marks.insert(key, after);
            if known.is_none() {
                *self.lengths.entry(length).or_default() += 1;
            }
        } else if known.is_some() {
            self.marks.remove(&key);
            if let Some(count) = self.lengths.get_mut(&length) {
                *count -= 1;
                if *count == 0 {
                    self.lengths.remove(&length);
                }
            }
        }
        self.changed.push((bits.first(length), bits.last(length)));
    }
}

/// Leaves the networks that end before `next`, or all of them. Behind each, what is around it holds again.
fn close<K: Bits>(
    open: &mut Vec<(K, Mark)>,
    ranges: &mut Vec<(K, End)>,
    around: Mark,
    next: Option<K>,
    last: K,
) {
    while let Some((end, _)) = open.pop_if(|(end, _)| next.is_none_or(|next| *end < next)) {
        let outer = open.last().map_or(around, |(_, outer)| *outer);
        if let Some(behind) = end.next().filter(|behind| *behind <= last) {
            push(ranges, behind, outer.answer());
        }
    }
}

fn push<K: Bits>(ranges: &mut Vec<(K, End)>, start: K, answer: End) {
    // A range of no length gives way.
    ranges.pop_if(|(known, _)| *known == start);
    if ranges.last().is_none_or(|(_, before)| *before != answer) {
        ranges.push((start, answer));
    }
}
