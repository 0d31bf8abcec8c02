//! Where an entry stands in an ordered index whose keys are only pointers to rows.
//!
//! An index of a million users costs eight bytes a user this way, because its keys read what they are
//! ordered by from the row they share with all other indexes.

use std::borrow::Borrow;
use std::cmp::Ordering;

use uuid::Uuid;

/// A place in an index: compared field by field, in this order. An index leaves blank what it is not
/// ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot<'a> {
    pub(crate) text: &'a str,
    pub(crate) owner: Uuid,
    pub(crate) time: i64,
    pub(crate) id: Uuid,
}

impl<'a> Spot<'a> {
    pub(crate) const fn at_id(id: Uuid) -> Self {
        Self::at_time(0, id)
    }

    pub(crate) const fn at_time(time: i64, id: Uuid) -> Self {
        Self { text: "", owner: Uuid::nil(), time, id }
    }

    pub(crate) const fn at_text(text: &'a str, id: Uuid) -> Self {
        Self { text, owner: Uuid::nil(), time: 0, id }
    }

    pub(crate) const fn owned(owner: Uuid, time: i64, id: Uuid) -> Self {
        Self { text: "", owner, time, id }
    }
}

/// What has a place in an index.
pub(crate) trait Placed {
    fn spot(&self) -> Spot<'_>;
}

impl Placed for Spot<'_> {
    fn spot(&self) -> Spot<'_> {
        *self
    }
}

impl PartialEq for dyn Placed + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.spot() == other.spot()
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
        self.spot().cmp(&other.spot())
    }
}

/// A key of an ordered index, which can be looked for by a bare [`Spot`].
pub(crate) trait IndexKey: Placed + Ord + Clone + for<'x> Borrow<dyn Placed + 'x> {}

/// Gives a key type the order of its [`Spot`].
macro_rules! ordered_by_spot {
    ($name:ident, |$key:ident| $spot:expr) => {
        impl crate::place::Placed for $name {
            fn spot(&self) -> crate::place::Spot<'_> {
                let $key = self;
                $spot
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                crate::place::Placed::spot(self) == crate::place::Placed::spot(other)
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                crate::place::Placed::spot(self).cmp(&crate::place::Placed::spot(other))
            }
        }

        impl<'x> std::borrow::Borrow<dyn crate::place::Placed + 'x> for $name {
            fn borrow(&self) -> &(dyn crate::place::Placed + 'x) {
                self
            }
        }

        impl crate::place::IndexKey for $name {}
    };
}

/// Gives a pointer to a row the equality and hash of one of its fields, by which it is then found.
macro_rules! hashed_by_field {
    ($name:ident, $field:ty, |$key:ident| $value:expr) => {
        impl std::borrow::Borrow<$field> for $name {
            fn borrow(&self) -> &$field {
                let $key = self;
                $value
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                std::borrow::Borrow::<$field>::borrow(self)
                    == std::borrow::Borrow::<$field>::borrow(other)
            }
        }

        impl Eq for $name {}

        impl std::hash::Hash for $name {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                std::borrow::Borrow::<$field>::borrow(self).hash(state);
            }
        }
    };
}

pub(crate) use {hashed_by_field, ordered_by_spot};

/// An id by a moment.
#[derive(Clone, Copy)]
pub(crate) struct ByTime {
    pub(crate) time: i64,
    pub(crate) id: Uuid,
}

ordered_by_spot!(ByTime, |key| Spot::at_time(key.time, key.id));

/// An id by an id that it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct ByOwner {
    pub(crate) owner: Uuid,
    pub(crate) id: Uuid,
}

ordered_by_spot!(ByOwner, |key| Spot::owned(key.owner, 0, key.id));
