//! Where an entry stands in an ordered index whose keys are only pointers to rows.
//!
//! An index of a million users costs eight bytes a user this way, because its keys read what they are
//! ordered by from the row they share with all other indexes.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::sync::Arc;

use uuid::Uuid;

/// A place in an index: compared field by field, in this order. An index leaves blank what it is not
/// ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot<'a> {
    pub(crate) head: i64,
    pub(crate) text: &'a str,
    pub(crate) owner: Uuid,
    pub(crate) time: i64,
    pub(crate) id: Uuid,
}

impl<'a> Spot<'a> {
    const BLANK: Self = Self { head: 0, text: "", owner: Uuid::nil(), time: 0, id: Uuid::nil() };

    /// By id alone, ordered.
    pub(crate) const fn at_id(id: Uuid) -> Self {
        Self { id, ..Self::BLANK }
    }

    pub(crate) const fn at_time(time: i64, id: Uuid) -> Self {
        Self { head: time, id, ..Self::BLANK }
    }

    pub(crate) const fn at_text(text: &'a str, id: Uuid) -> Self {
        Self { text, id, ..Self::BLANK }
    }

    pub(crate) const fn owned(owner: Uuid, time: i64, id: Uuid) -> Self {
        Self { owner, time, id, ..Self::BLANK }
    }
}

/// What has a place in an index.
pub(crate) trait Placed {
    /// [`Spot::head`] alone: what most comparisons are decided by. Keys of large indexes hold it
    /// themselves, so that a look-up reads no row but the one it looks for.
    fn head(&self) -> i64;

    fn spot(&self) -> Spot<'_>;
}

impl Placed for Spot<'_> {
    fn head(&self) -> i64 {
        self.head
    }

    fn spot(&self) -> Spot<'_> {
        *self
    }
}

/// The order of all places.
pub(crate) fn compare(a: &(impl Placed + ?Sized), b: &(impl Placed + ?Sized)) -> Ordering {
    a.head().cmp(&b.head()).then_with(|| a.spot().cmp(&b.spot()))
}

impl PartialEq for dyn Placed + '_ {
    fn eq(&self, other: &Self) -> bool {
        compare(self, other).is_eq()
    }
}

impl Eq for dyn Placed + '_ {}

impl PartialOrd for dyn Placed + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Placed + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self, other)
    }
}

/// A key of an ordered index, which can be looked for by a bare [`Spot`].
pub(crate) trait IndexKey: Placed + Ord + Clone + for<'x> Borrow<dyn Placed + 'x> {}

/// Gives a key type, which is [`Placed`], the order of its place.
macro_rules! ordered_by_place {
    ($name:ident $(<$row:ident: $bound:path>)?) => {
        impl $(<$row: $bound>)? PartialEq for $name $(<$row>)? {
            fn eq(&self, other: &Self) -> bool {
                crate::place::compare(self, other).is_eq()
            }
        }

        impl $(<$row: $bound>)? Eq for $name $(<$row>)? {}

        impl $(<$row: $bound>)? PartialOrd for $name $(<$row>)? {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $(<$row: $bound>)? Ord for $name $(<$row>)? {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                crate::place::compare(self, other)
            }
        }

        impl<'x $(, $row: $bound)?> std::borrow::Borrow<dyn crate::place::Placed + 'x>
            for $name $(<$row>)?
        {
            fn borrow(&self) -> &(dyn crate::place::Placed + 'x) {
                self
            }
        }

        impl $(<$row: $bound>)? crate::place::IndexKey for $name $(<$row>)? {}
    };
}

/// Gives a key type the order of the [`Spot`] that follows from it.
macro_rules! ordered_by_spot {
    ($name:ident, |$key:ident| $spot:expr) => {
        impl crate::place::Placed for $name {
            fn head(&self) -> i64 {
                self.spot().head
            }

            fn spot(&self) -> crate::place::Spot<'_> {
                let $key = self;
                $spot
            }
        }

        crate::place::ordered_by_place!($name);
    };
}

/// A pointer to a row that reads the whole of its place from it.
macro_rules! bare_pointer {
    ($(#[$doc:meta])* $name:ident, |$row:ident: &$type:ty| $spot:expr) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub(crate) struct $name {
            pub(crate) row: std::sync::Arc<$type>,
        }

        impl $name {
            pub(crate) fn new(row: &std::sync::Arc<$type>) -> Self {
                Self { row: std::sync::Arc::clone(row) }
            }
        }

        crate::place::ordered_by_spot!($name, |key| {
            let $row: &$type = &key.row;
            $spot
        });
    };
}

pub(crate) use {bare_pointer, ordered_by_place, ordered_by_spot};

/// A row that an index can order by a time that is not in it.
pub(crate) trait Identified: 'static {
    fn uuid(&self) -> Uuid;
}

/// A row by a time.
pub(crate) struct Timed<R> {
    pub(crate) time: i64,
    pub(crate) row: Arc<R>,
}

impl<R> Timed<R> {
    pub(crate) fn new(time: i64, row: &Arc<R>) -> Self {
        Self { time, row: Arc::clone(row) }
    }
}

impl<R> Clone for Timed<R> {
    fn clone(&self) -> Self {
        Self::new(self.time, &self.row)
    }
}

impl<R: Identified> Placed for Timed<R> {
    fn head(&self) -> i64 {
        self.time
    }

    fn spot(&self) -> Spot<'_> {
        Spot::at_time(self.time, self.row.uuid())
    }
}

ordered_by_place!(Timed<R: Identified>);

/// An id by an id that it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct ByOwner {
    pub(crate) owner: Uuid,
    pub(crate) id: Uuid,
}

ordered_by_spot!(ByOwner, |key| Spot::owned(key.owner, 0, key.id));
