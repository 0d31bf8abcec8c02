//! Some thousands of users by the runs of characters in their fields: written once, never changed.

use std::sync::Arc;

use uuid::Uuid;

use super::super::row::UserRow;
use super::grams::each_gram;
use crate::place::Identified;

/// The most users of one segment: their places are numbers of 16 bits.
pub(super) const MAX_USERS: usize = 1 << 16;

/// A run that one user in so many has is kept as bits, one for each user, and else as places.
const DENSE: usize = 16;

/// Runs are sorted in this many parts, by their first bits: many short sorts are faster than a long one.
const BUCKET_BITS: u32 = 10;

/// The runs of characters of some users, and where each of them occurs.
///
/// It leads to all users who held a text when it was written, and to some others: who finds, compares.
pub(super) struct Segment {
    /// A user's place is its place in here.
    ids: Box<[Uuid]>,
    /// The largest of the ids.
    last: Option<Uuid>,
    /// Ordered by gram.
    entries: Box<[Entry]>,
    places: Box<[u16]>,
    words: Box<[u64]>,
}

/// One run: where its users stand in `places`, or in `words` if it is dense.
#[derive(Clone, Copy)]
struct Entry {
    gram: u32,
    start: u32,
    count: u32,
}

impl Segment {
    pub(super) fn of_rows(rows: &[Arc<UserRow>]) -> Self {
        let mut buckets = vec![Vec::new(); 1 << BUCKET_BITS];
        for (place, row) in (0..=u16::MAX).zip(rows) {
            for field in row.fields() {
                each_gram(field, |gram| {
                    if let Some(bucket) = buckets.get_mut((gram >> (32 - BUCKET_BITS)) as usize) {
                        bucket.push(u64::from(gram) << 16 | u64::from(place));
                    }
                });
            }
        }
        let mut writer = Writer::new(rows.iter().map(|row| row.uuid()).collect());
        let mut places = Vec::new();
        for mut bucket in buckets {
            bucket.sort_unstable();
            bucket.dedup();
            for run in bucket.chunk_by(|a, b| a >> 16 == b >> 16) {
                places.extend(run.iter().map(|found| *found as u16));
                writer.add(run.first().map_or(0, |found| (found >> 16) as u32), &places);
                places.clear();
            }
        }
        writer.finish()
    }

    /// One segment instead of several, with those users of each that are to be kept.
    pub(super) fn merge(sources: &[(&Self, impl Fn(&Uuid) -> bool)]) -> Self {
        let mut ids = Vec::new();
        let mut moved: Vec<Box<[Option<u16>]>> = Vec::new();
        for (source, keep) in sources {
            let places = source.ids.iter().map(|id| {
                let place = u16::try_from(ids.len()).ok().filter(|_| keep(id))?;
                ids.push(*id);
                Some(place)
            });
            moved.push(places.collect());
        }
        let mut entries = Vec::new();
        for (order, ((source, _), moved)) in sources.iter().zip(&moved).enumerate() {
            entries.extend(
                source.entries.iter().map(|entry| (entry.gram, order, *source, moved, entry)),
            );
        }
        entries.sort_unstable_by_key(|(gram, order, ..)| (*gram, *order));
        let mut writer = Writer::new(ids);
        let mut places = Vec::new();
        for entries in entries.chunk_by(|a, b| a.0 == b.0) {
            for (_, _, source, moved, entry) in entries {
                source.each_place(entry, |place| {
                    places.extend(moved.get(usize::from(place)).copied().flatten());
                });
            }
            writer.add(entries.first().map_or(0, |(gram, ..)| *gram), &places);
            places.clear();
        }
        writer.finish()
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// The largest id of its users.
    pub(super) fn last(&self) -> Option<Uuid> {
        self.last
    }

    /// Calls `each` with the users who have all these runs.
    pub(super) fn each_with(&self, grams: &[u32], mut each: impl FnMut(Uuid)) {
        let entries: Option<Vec<&Entry>> = grams.iter().map(|gram| self.entry(*gram)).collect();
        let Some(mut entries) = entries else { return };
        entries.sort_unstable_by_key(|entry| entry.count);
        let Some((rarest, others)) = entries.split_first() else { return };
        let mut each = |place: u16| {
            if let Some(id) = self.ids.get(usize::from(place)) {
                each(*id);
            }
        };
        if self.is_dense(rarest) {
            let mut words = self.words_of(rarest).to_vec();
            for other in others {
                words.iter_mut().zip(self.words_of(other)).for_each(|(word, other)| *word &= other);
            }
            each_bit(&words, each);
        } else {
            for place in self.places_of(rarest) {
                if others.iter().all(|other| self.has(other, *place)) {
                    each(*place);
                }
            }
        }
    }

    fn entry(&self, gram: u32) -> Option<&Entry> {
        let place = self.entries.binary_search_by_key(&gram, |entry| entry.gram).ok()?;
        self.entries.get(place)
    }

    fn is_dense(&self, entry: &Entry) -> bool {
        is_dense(entry.count as usize, self.ids.len())
    }

    fn has(&self, entry: &Entry, place: u16) -> bool {
        if self.is_dense(entry) {
            let word = self.words_of(entry).get(usize::from(place / 64));
            word.is_some_and(|word| word >> (place % 64) & 1 == 1)
        } else {
            self.places_of(entry).binary_search(&place).is_ok()
        }
    }

    fn each_place(&self, entry: &Entry, each: impl FnMut(u16)) {
        if self.is_dense(entry) {
            each_bit(self.words_of(entry), each);
        } else {
            self.places_of(entry).iter().copied().for_each(each);
        }
    }

    fn places_of(&self, entry: &Entry) -> &[u16] {
        let start = entry.start as usize;
        self.places.get(start..start + entry.count as usize).unwrap_or_default()
    }

    fn words_of(&self, entry: &Entry) -> &[u64] {
        let start = entry.start as usize;
        self.words.get(start..start + words_for(self.ids.len())).unwrap_or_default()
    }
}

fn is_dense(count: usize, users: usize) -> bool {
    count * DENSE > users
}

const fn words_for(users: usize) -> usize {
    users.div_ceil(64)
}

fn each_bit(words: &[u64], mut each: impl FnMut(u16)) {
    for (first, word) in (0..=u16::MAX).step_by(64).zip(words) {
        let mut word = *word;
        while word != 0 {
            each(first + word.trailing_zeros() as u16);
            word &= word - 1;
        }
    }
}

/// Writes a segment, run by run.
struct Writer {
    ids: Vec<Uuid>,
    entries: Vec<Entry>,
    places: Vec<u16>,
    words: Vec<u64>,
}

impl Writer {
    fn new(ids: Vec<Uuid>) -> Self {
        Self { ids, entries: Vec::new(), places: Vec::new(), words: Vec::new() }
    }

    /// The places of the next run, in order.
    fn add(&mut self, gram: u32, places: &[u16]) {
        if places.is_empty() {
            return;
        }
        let start = if is_dense(places.len(), self.ids.len()) {
            let start = self.words.len();
            self.words.resize(start + words_for(self.ids.len()), 0);
            for place in places {
                if let Some(word) = self.words.get_mut(start + usize::from(place / 64)) {
                    *word |= 1 << (place % 64);
                }
            }
            start
        } else {
            let start = self.places.len();
            self.places.extend_from_slice(places);
            start
        };
        self.entries.push(Entry { gram, start: narrow(start), count: narrow(places.len()) });
    }

    fn finish(self) -> Segment {
        Segment {
            last: self.ids.iter().max().copied(),
            ids: self.ids.into(),
            entries: self.entries.into(),
            places: self.places.into(),
            words: self.words.into(),
        }
    }
}

/// 65,536 users with four fields of at most 320 characters always fit.
fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use systemprompt_users_contract::fixtures::{name, user};
    use systemprompt_users_domain::User;

    use super::super::grams::grams_of;
    use super::*;

    /// Of a thousand, every one has `com`, one in seven has `.3`, and next to nobody has `r999`.
    fn rows() -> Vec<Arc<UserRow>> {
        let row = |n: u32| {
            let user = User { name: name(&format!("user{n}.{}", n % 7)), email: None, ..user(n) };
            Arc::new(UserRow::new(&user, None, || u64::from(n)))
        };
        (0..1000).map(row).collect()
    }

    #[track_caller]
    fn check(segment: &Segment, rows: &[&Arc<UserRow>]) {
        assert_eq!(segment.len(), rows.len());
        assert_eq!(segment.last(), rows.iter().map(|row| row.uuid()).max());
        for text in ["s", "r", ".3", "5.3", "ser99", "r999", ".", "9", "r1", "u", "ser.", "x", "王"]
        {
            let mut found = Vec::new();
            segment.each_with(&grams_of(text), |id| found.push(id));
            let holding =
                rows.iter().filter(|row| row.fields().any(|field| field[1..].contains(text)));
            let holding: Vec<Uuid> = holding.map(|row| row.uuid()).collect();
            assert_eq!(found, holding, "{text}");
        }
    }

    #[test]
    fn a_segment_leads_to_all_who_hold_a_text() {
        let rows = rows();
        check(&Segment::of_rows(&rows), &rows.iter().collect::<Vec<_>>());
        check(&Segment::of_rows(&rows[..1]), &[&rows[0]]);
        check(&Segment::of_rows(&[]), &[]);
    }

    #[test]
    fn a_merge_keeps_whom_it_is_told_to_keep() {
        let rows = rows();
        let parts = [0..3, 3..900, 900..1000].map(|part| Segment::of_rows(&rows[part]));
        for keep_one_in in [1, 2, 50, 2000] {
            let kept: Vec<_> = rows.iter().skip(1).step_by(keep_one_in).collect();
            let keep = |id: &Uuid| kept.iter().any(|row| row.uuid() == *id);
            let merged = Segment::merge(&parts.each_ref().map(|part| (part, keep)));
            check(&merged, &kept);
        }
    }
}
