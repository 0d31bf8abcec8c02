//! Everything there is, as one value.

use systemprompt_users_domain::{PurgePreview, UserId};

use crate::access::{ApiKeyTable, RequestTable, SignInLinkTable};
use crate::bans::BanTable;
use crate::events::EventTable;
use crate::jobs::JobTable;
use crate::sessions::SessionTable;
use crate::users::UserTable;

/// A state of the storage. A clone costs the same however much it holds, since both share it all until
/// one of them changes something.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) users: UserTable,
    pub(crate) sessions: SessionTable,
    pub(crate) bans: BanTable,
    pub(crate) events: EventTable,
    pub(crate) jobs: JobTable,
    pub(crate) api_keys: ApiKeyTable,
    pub(crate) sign_in_links: SignInLinkTable,
    pub(crate) idempotency: RequestTable,
}

impl State {
    /// What a purge of these distinct users would remove.
    pub(crate) fn preview_purge(&self, ids: &[UserId]) -> PurgePreview {
        let mut preview = PurgePreview::default();
        for id in ids.iter().filter(|id| self.users.status(**id).is_some()) {
            let sources = self.users.merged_into(*id);
            preview.users += 1;
            preview.sessions += self.sessions.count_of(*id);
            preview.ban_associations += self.bans.count_facts_of(*id);
            preview.merged_references +=
                sources.filter(|source| ids.binary_search(source).is_err()).count() as u64;
        }
        preview
    }

    /// Removes these distinct users, with their sessions and all references to them.
    pub(crate) fn purge(&mut self, ids: &[UserId]) -> PurgePreview {
        let preview = self.preview_purge(ids);
        for id in ids {
            self.sessions.remove_all_of(*id);
            self.sign_in_links.remove_all_of(*id);
            self.bans.reassign_user(*id, None);
            self.users.remove(*id);
        }
        self.users.settle();
        preview
    }
}
