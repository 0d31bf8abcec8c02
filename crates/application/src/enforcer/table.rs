//! What holds for each address, as ranges in blocks: to be read without a lock.
//!
//! Overlapping networks are flattened into ranges that do not overlap, each with the one answer that holds in
//! it: until when its addresses are banned. So a question is a few short searches, however many networks
//! cover the address. A change makes new blocks only where it holds and shares all others.

use std::sync::Arc;

use super::networks::Networks;
use super::prefix::Bits;

/// When a ban ends, in microseconds since 1970.
pub(super) type End = i64;

/// Nothing bans the address.
pub(super) const NOT_BANNED: End = End::MIN;

/// The ban never ends by itself.
pub(super) const NEVER_ENDS: End = End::MAX;

/// How many ranges a new block holds: the more, the fewer blocks a change has to share, and the longer it
/// takes to make one anew.
const BLOCK: usize = 2_048;

/// How many ranges stand behind one entry of a block's index. So few that they lie next to each other in the
/// processor's eyes; all indexes together are small enough to stay in its caches.
const GROUP: usize = 16;

/// The answer for every address of a family.
pub(super) struct Table<K> {
    /// The first address of each block; the first of all is the lowest there is.
    firsts: Vec<K>,
    blocks: Vec<Arc<Block<K>>>,
}

/// Neighbouring ranges: where each begins, and what holds in it.
struct Block<K> {
    /// Every start that begins a group.
    index: Vec<K>,
    starts: Vec<K>,
    ends: Vec<End>,
}

impl<K: Bits> Block<K> {
    fn new(ranges: &[(K, End)]) -> Self {
        let (starts, ends): (Vec<K>, Vec<End>) = ranges.iter().copied().unzip();
        Self { index: starts.iter().copied().step_by(GROUP).collect(), starts, ends }
    }

    fn find(&self, address: K) -> End {
        let behind = self.index.partition_point(|start| *start <= address);
        let group = behind.saturating_sub(1) * GROUP;
        let starts = self.starts.get(group..).unwrap_or_default();
        let starts = starts.get(..GROUP).unwrap_or(starts);
        let behind = group + starts.partition_point(|start| *start <= address);
        self.ends.get(behind.wrapping_sub(1)).copied().unwrap_or(NOT_BANNED)
    }
}

impl<K: Bits> Table<K> {
    /// The table of these networks, from scratch.
    pub(super) fn build(networks: &Networks<K>) -> Self {
        let mut table = Self { firsts: Vec::new(), blocks: Vec::new() };
        table.push(&networks.flatten(K::MIN, K::MAX));
        table
    }

    /// The table after the networks have changed within these regions, each from its first to its last
    /// address.
    pub(super) fn rebuild(&self, networks: &Networks<K>, regions: &[(K, K)]) -> Self {
        let mut changed: Vec<(usize, usize)> = regions
            .iter()
            .map(|(first, last)| (self.block_of(*first), self.block_of(*last)))
            .collect();
        changed.sort_unstable();
        let mut table = Self {
            firsts: Vec::with_capacity(self.firsts.len() + 1),
            blocks: Vec::with_capacity(self.blocks.len() + 1),
        };
        let mut done = 0;
        let mut changed = changed.into_iter().peekable();
        while let Some((from, mut to)) = changed.next() {
            // Neighbours are made together, so that blocks which have become small grow into one.
            while let Some((_, last)) = changed.next_if(|(next, _)| *next <= to + 1) {
                to = to.max(last);
            }
            table.share(self, done, from);
            let first = self.firsts.get(from).copied().unwrap_or(K::MIN);
            let next = self.firsts.get(to + 1);
            let last = next.and_then(|next| next.previous()).unwrap_or(K::MAX);
            table.push(&networks.flatten(first, last));
            done = to + 1;
        }
        table.share(self, done, self.blocks.len());
        table
    }

    /// What holds for an address.
    pub(super) fn find(&self, address: K) -> End {
        self.blocks.get(self.block_of(address)).map_or(NOT_BANNED, |block| block.find(address))
    }

    fn block_of(&self, address: K) -> usize {
        self.firsts.partition_point(|first| *first <= address).saturating_sub(1)
    }

    fn share(&mut self, other: &Self, from: usize, to: usize) {
        self.firsts.extend_from_slice(other.firsts.get(from..to).unwrap_or_default());
        self.blocks.extend_from_slice(other.blocks.get(from..to).unwrap_or_default());
    }

    fn push(&mut self, ranges: &[(K, End)]) {
        for chunk in ranges.chunks(BLOCK) {
            let Some((first, _)) = chunk.first() else { continue };
            self.firsts.push(*first);
            self.blocks.push(Arc::new(Block::new(chunk)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A network, and what is done to it: 0 lifts its ban, 1 allows, 2 disallows, others ban until then.
    fn changes(length: u8) -> impl Strategy<Value = Vec<(u128, u8, i64)>> {
        // Few different high bits, so that networks lie within each other.
        let bits = (0u128..8, any::<u128>()).prop_map(|(high, low)| high << 125 | low >> 3);
        let sparse = (0u128..16).prop_map(|n| n << 124);
        let low = (0u128..16).prop_map(|n| n << 96);
        let ends = prop_oneof![3 => 3i64..40, 1 => Just(NEVER_ENDS), 3 => 0i64..3];
        proptest::collection::vec((prop_oneof![bits, sparse, low], 0..=length, ends), 0..60)
    }

    fn scan<K: Bits>(state: &[(K, u8, i64)], address: K) -> End {
        let mut bans: std::collections::HashMap<(u8, usize), End> = Default::default();
        let mut allowed: std::collections::HashSet<(u8, usize)> = Default::default();
        let mut firsts: Vec<K> = Vec::new();
        for (bits, length, what) in state {
            let first = bits.first(*length);
            let place = firsts.iter().position(|known| *known == first).unwrap_or_else(|| {
                firsts.push(first);
                firsts.len() - 1
            });
            let key = (*length, place);
            let covers = first <= address && address <= bits.last(*length);
            match what {
                0 => drop(bans.remove(&key)),
                1 if covers => drop(allowed.insert(key)),
                2 => drop(allowed.remove(&key)),
                end if covers && *end > 2 => drop(bans.insert(key, *end)),
                _ => {}
            }
        }
        match allowed.is_empty() {
            true => bans.into_values().max().unwrap_or(NOT_BANNED),
            false => NOT_BANNED,
        }
    }

    fn check<K: Bits + std::fmt::Debug>(state: &[(K, u8, i64)], batch: usize, asked: &[K]) {
        let mut networks = Networks::default();
        let mut table = Table::build(&networks);
        let mut done = Vec::new();
        for changes in state.chunks(batch) {
            for (bits, length, what) in changes {
                match what {
                    0 => networks.lift(*bits, *length),
                    1 => networks.allow(*bits, *length),
                    2 => networks.disallow(*bits, *length),
                    end => networks.ban(*bits, *length, *end),
                }
            }
            done.extend_from_slice(changes);
            let changed = networks.take_changed();
            table = table.rebuild(&networks, &changed);
            let fresh = Table::build(&networks);
            let edges = done.iter().flat_map(|(bits, length, _)| {
                let (first, last) = (bits.first(*length), bits.last(*length));
                [Some(first), Some(last), first.previous(), last.next()]
            });
            for address in edges.flatten().chain(asked.iter().copied()) {
                let expected = scan(&done, address);
                assert_eq!(table.find(address), expected, "{address:?}");
                assert_eq!(fresh.find(address), expected, "{address:?} from scratch");
            }
        }
    }

    proptest! {
        #[test]
        fn it_answers_as_a_scan_of_all_networks_does_v6(
            state in changes(128), batch in 1usize..8, asked in proptest::collection::vec(any::<u128>(), 8),
        ) {
            check(&state, batch, &asked);
        }

        #[test]
        fn it_answers_as_a_scan_of_all_networks_does_v4(
            state in changes(32), batch in 1usize..8, asked in proptest::collection::vec(any::<u32>(), 8),
        ) {
            let state: Vec<_> =
                state.into_iter().map(|(bits, length, what)| ((bits >> 96) as u32, length, what)).collect();
            check(&state, batch, &asked);
        }
    }

    #[test]
    fn many_networks_fill_many_blocks_and_change_one_by_one() {
        let mut networks = Networks::<u32>::default();
        for n in 0..20_000u32 {
            networks.ban(n * 1_000, 32, i64::from(n) + 1);
        }
        networks.take_changed();
        let mut table = Table::build(&networks);
        assert!(table.blocks.len() > 10);
        for n in (0..20_000u32).step_by(77) {
            networks.lift(n * 1_000, 32);
            let changed = networks.take_changed();
            table = table.rebuild(&networks, &changed);
        }
        networks.ban(0, 0, 9);
        let changed = networks.take_changed();
        table = table.rebuild(&networks, &changed);
        for n in 0..20_000u32 {
            let own = if n % 77 == 0 { NOT_BANNED } else { i64::from(n) + 1 };
            assert_eq!(table.find(n * 1_000), own.max(9));
            assert_eq!(table.find(n * 1_000 + 1), 9);
        }
    }
}
