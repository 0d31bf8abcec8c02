//! Networks that no ban touches.

use std::ops::Bound;
use std::sync::Arc;

use imbl::{HashMap, OrdMap};
use systemprompt_users_domain::{
    AllowedNetwork, Cursor, IpTarget, Page, PageRequest, StorageResult,
};
use uuid::Uuid;

use crate::cursor::text_of;

/// The allow-list. A clone shares everything.
#[derive(Clone, Default)]
pub(super) struct AllowList {
    networks: HashMap<IpTarget, Arc<AllowedNetwork>>,
    by_text: OrdMap<String, IpTarget>,
}

impl AllowList {
    pub(super) fn add(&mut self, network: &AllowedNetwork) -> bool {
        if self.networks.contains_key(&network.target) {
            return false;
        }
        self.networks.insert(network.target, Arc::new(network.clone()));
        self.by_text.insert(network.target.to_string(), network.target);
        true
    }

    pub(super) fn remove(&mut self, target: &IpTarget) -> bool {
        self.by_text.remove(&target.to_string());
        self.networks.remove(target).is_some()
    }

    pub(super) fn list(&self, page: &PageRequest) -> StorageResult<Page<AllowedNetwork>> {
        let after = text_of(page.after.as_ref())?;
        let from = after.map_or(Bound::Unbounded, |spot| Bound::Excluded(spot.text));
        let targets = self.by_text.range::<_, str>((from, Bound::Unbounded));
        let networks = targets.filter_map(|(_, target)| self.networks.get(target));
        let want = usize::from(page.limit.get()) + 1;
        let rows = networks.take(want).map(|network| (**network).clone()).collect();
        Ok(Page::from_rows(rows, page.limit, |network| {
            Cursor::at_text(network.target.to_string(), Uuid::nil())
        }))
    }

    pub(super) fn covering(&self, target: &IpTarget) -> Vec<AllowedNetwork> {
        let networks = target.covering().filter_map(|wider| self.networks.get(&wider));
        networks.map(|network| (**network).clone()).collect()
    }
}
