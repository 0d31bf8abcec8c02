//! The storage under test, with the steps that many cases share.

use std::fmt::Debug;
use std::sync::Arc;

use systemprompt_users_domain::{InsertOutcome, Storage, UnitOfWork, User, UserId};

/// The storage under test.
#[derive(Clone)]
pub struct Subject {
    storage: Arc<dyn Storage>,
}

impl Subject {
    /// A subject on a fresh, empty storage.
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self { storage }
    }

    pub(crate) async fn read(&self) -> Box<dyn UnitOfWork> {
        self.storage.read().await.unwrap()
    }

    pub(crate) async fn write(&self) -> Box<dyn UnitOfWork> {
        self.storage.write().await.unwrap()
    }

    /// Stores these users, none of whom may conflict.
    pub(crate) async fn store(&self, users: &[User]) {
        let mut unit = self.write().await;
        let outcomes = unit.users().insert_many(users).await.unwrap();
        assert_eq!(outcomes, vec![InsertOutcome::Inserted; users.len()]);
        unit.commit().await.unwrap();
    }

    /// Replaces these users.
    pub(crate) async fn update(&self, users: &[User]) {
        let mut unit = self.write().await;
        unit.users().update_many(users).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// The stored users of these ids, by id.
    pub(crate) async fn users(&self, ids: &[UserId]) -> Vec<User> {
        let found = self.read().await.users().find_many(ids).await.unwrap();
        by_id(found)
    }

    /// The stored user of that id.
    pub(crate) async fn user(&self, id: UserId) -> User {
        self.users(&[id]).await.pop().unwrap()
    }
}

/// Users in the order of their ids.
pub(crate) fn by_id(mut users: Vec<User>) -> Vec<User> {
    users.sort_by_key(|user| user.id);
    users
}

/// Compares to the letter: `==` alone takes two spellings of one name for the same.
#[track_caller]
pub(crate) fn check_same<T: PartialEq + Debug>(got: &T, expected: &T) {
    assert_eq!(got, expected);
    assert_eq!(format!("{got:?}"), format!("{expected:?}"));
}
