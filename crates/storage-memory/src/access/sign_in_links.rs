//! One-time links, and every index of them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use imbl::HashMap;
use systemprompt_users_domain::{
    SignInLink, SignInLinkRepository, StorageError, StorageResult, TokenHash, UniqueKey, UserId,
};

use crate::index::Index;
use crate::storage::MemoryUnit;
use crate::time::{micros, micros_from};
use crate::walk::Change;

type Hash = [u8; 32];

/// All links. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct SignInLinkTable {
    links: HashMap<Hash, Arc<SignInLink>>,
    by_end: Index<(i64, Hash)>,
    of_user: Index<(UserId, Hash)>,
}

impl SignInLinkTable {
    /// The one place that knows which index holds a link.
    fn index(&mut self, link: &Arc<SignInLink>, change: Change) {
        let hash = *link.token_hash.as_bytes();
        change.apply(&mut self.by_end, (micros(link.expires_at), hash));
        change.apply(&mut self.of_user, (link.user_id, hash));
        match change {
            Change::In => self.links.insert(hash, Arc::clone(link)),
            Change::Out => self.links.remove(&hash),
        };
    }

    fn insert(&mut self, link: &SignInLink) -> StorageResult<()> {
        if self.links.contains_key(link.token_hash.as_bytes()) {
            return Err(StorageError::Conflict { key: UniqueKey::Token, source: None });
        }
        self.index(&Arc::new(link.clone()), Change::In);
        Ok(())
    }

    fn take(&mut self, token: &TokenHash, now: DateTime<Utc>) -> Option<SignInLink> {
        let link = self.links.get(token.as_bytes()).filter(|link| link.is_usable(now)).cloned()?;
        self.index(&link, Change::Out);
        Some((*link).clone())
    }

    fn delete_expired(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let before = micros_from(before);
        let over = self.by_end.iter().take_while(|(end, _)| *end < before);
        let over = over.take(usize::from(limit)).filter_map(|(_, hash)| self.links.get(hash));
        let over: Vec<_> = over.cloned().collect();
        for link in &over {
            self.index(link, Change::Out);
        }
        over.len() as u64
    }

    /// What a purge takes along.
    pub(crate) fn remove_all_of(&mut self, user: UserId) {
        let hashes = self.of_user.range((user, [0; 32])..=(user, [u8::MAX; 32]));
        let links = hashes.filter_map(|(_, hash)| self.links.get(hash));
        let links: Vec<_> = links.cloned().collect();
        for link in &links {
            self.index(link, Change::Out);
        }
    }
}

#[async_trait]
impl SignInLinkRepository for MemoryUnit {
    async fn insert(&mut self, link: &SignInLink) -> StorageResult<()> {
        let state = self.change()?;
        if state.users.status(link.user_id).is_none() {
            return Err(StorageError::Other("the link is of a user who is not there".into()));
        }
        state.sign_in_links.insert(link)
    }

    async fn take(
        &mut self,
        token: &TokenHash,
        now: DateTime<Utc>,
    ) -> StorageResult<Option<SignInLink>> {
        Ok(self.change()?.sign_in_links.take(token, now))
    }

    async fn delete_expired(&mut self, before: DateTime<Utc>, limit: u16) -> StorageResult<u64> {
        Ok(self.change()?.sign_in_links.delete_expired(before, limit))
    }
}
