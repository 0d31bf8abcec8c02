//! The storage under test, with the steps that many cases share.

use std::fmt::Debug;
use std::sync::Arc;

use systemprompt_users_domain::{
    BanFact, BannedIp, ChangeSignal, Cursor, InsertOutcome, LockKey, Page, PageLimit, PageRequest,
    SessionId, Storage, StorageError, StorageResult, UniqueKey, UnitOfWork, User, UserFilter,
    UserId, UserOrder, UserSession,
};

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

    pub(crate) async fn read_lagging(&self) -> Box<dyn UnitOfWork> {
        self.storage.read_lagging().await.unwrap()
    }

    pub(crate) async fn write(&self) -> Box<dyn UnitOfWork> {
        self.try_write().await.unwrap()
    }

    pub(crate) async fn try_write(&self) -> StorageResult<Box<dyn UnitOfWork>> {
        self.storage.write().await
    }

    pub(crate) async fn signal(&self) -> Box<dyn ChangeSignal> {
        self.storage.signal().await.unwrap()
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

    /// Removes these users.
    pub(crate) async fn purge(&self, ids: &[UserId]) {
        let mut unit = self.write().await;
        unit.users().purge_many(ids).await.unwrap();
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

    /// Stores these sessions.
    pub(crate) async fn store_sessions(&self, sessions: &[UserSession]) {
        let mut unit = self.write().await;
        for session in sessions {
            unit.sessions().insert(session).await.unwrap();
        }
        unit.commit().await.unwrap();
    }

    /// The stored sessions of these ids, by id.
    pub(crate) async fn sessions(&self, ids: &[SessionId]) -> Vec<UserSession> {
        let mut found = self.read().await.sessions().find_many(ids).await.unwrap();
        found.sort_by_key(|session| session.id);
        found
    }

    /// Adds these facts to their ledgers.
    pub(crate) async fn append_bans(&self, changes: &[(BannedIp, BanFact)]) {
        let mut unit = self.write().await;
        unit.lock(LockKey::Bans).await.unwrap();
        unit.bans().append(changes).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// The users of a list, all its pages read and checked.
    pub(crate) async fn list_users(
        &self,
        filter: &UserFilter,
        order: UserOrder,
        limit: u16,
    ) -> Vec<User> {
        let mut unit = self.read().await;
        let mut walk = Walk::new(limit);
        while let Some(page) = walk.request() {
            let page = unit.users().list(filter, order, &page).await.unwrap();
            walk.take(page, |user| order.cursor(user));
        }
        walk.items
    }
}

/// Reads a list page by page and checks each: not longer than the limit, and `next` is the place of the
/// last item while more follows.
pub(crate) struct Walk<T> {
    pub(crate) items: Vec<T>,
    limit: u16,
    next: Option<PageRequest>,
}

impl<T: Debug> Walk<T> {
    pub(crate) fn new(limit: u16) -> Self {
        Self { items: Vec::new(), limit, next: Some(request(limit, None)) }
    }

    /// What to ask next; `None` when the last page was read.
    pub(crate) fn request(&mut self) -> Option<PageRequest> {
        self.next.take()
    }

    #[track_caller]
    pub(crate) fn take(&mut self, page: Page<T>, cursor: impl Fn(&T) -> Cursor) {
        let Page { items, next } = page;
        assert!(items.len() <= usize::from(self.limit), "{} on a page", items.len());
        if next.is_some() {
            assert_eq!(items.len(), usize::from(self.limit), "a page with a next one is full");
            assert_eq!(next, items.last().map(cursor), "next is the place of the last item");
        }
        assert!(self.items.is_empty() || !items.is_empty(), "an empty page after a full one");
        self.next = next.map(|next| request(self.limit, Some(next)));
        self.items.extend(items);
        assert!(self.items.len() < 50_000, "the list never ends");
    }
}

/// A page of up to `limit` items behind `after`.
pub(crate) fn request(limit: u16, after: Option<Cursor>) -> PageRequest {
    PageRequest { after, limit: PageLimit::new(limit.into()).unwrap() }
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

/// The key that a conflict is about.
#[track_caller]
pub(crate) fn conflict_key(error: &StorageError) -> UniqueKey {
    match error {
        StorageError::Conflict { key, .. } => *key,
        other => panic!("expected a conflict, got {other:?}"),
    }
}
