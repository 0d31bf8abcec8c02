//! Finding users, as they are now. Absence is no error.

use std::collections::HashSet;

use systemprompt_users_domain::{
    Email, EventFilter, PageLimit, PageRequest, Result, SessionFilter, SessionOrder, User,
    UserActivity, UserError, UserFilter, UserId, UserName, UserOrder, UserRef, UserRole,
    UserWithSessions,
};

use super::UserService;
use super::engine::{MAX_BULK_ITEMS, check_bulk};

/// How many merges are followed from an old id: no merge can make a circle, so this bounds only what a hand
/// in the tables may have made.
const MAX_MERGES: usize = 10_000;

impl UserService {
    /// The live user of that id.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_by_id(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.find_any(id).await?.filter(User::is_live))
    }

    /// The live user of that email, in any spelling; text that is no email is nobody's.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_by_email(&self, email: &str) -> Result<Option<User>> {
        let Ok(email) = Email::parse(email) else { return Ok(None) };
        Ok(self.context.read().await?.users().find_by_emails(&[email]).await?.pop())
    }

    /// The live user of that name, in any spelling; text that is no name is nobody's.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_by_name(&self, name: &str) -> Result<Option<User>> {
        let Ok(name) = UserName::to_find(name) else { return Ok(None) };
        Ok(self.context.read().await?.users().find_by_names(&[name]).await?.pop())
    }

    /// All live users that hold `role`, oldest first.
    ///
    /// # Errors
    /// `Validation` of `role` when more than 10,000 hold it: [`list`](Self::list) and
    /// [`list_all`](Self::list_all) hold one page at a time; `Storage`.
    pub async fn find_by_role(&self, role: UserRole) -> Result<Vec<User>> {
        let (service, filter) = (self.up_to_date(), UserFilter::by_role(role));
        let mut page = PageRequest { after: None, limit: PageLimit::MAX };
        let mut users = Vec::new();
        loop {
            let listed = service.list(&filter, UserOrder::Oldest, &page).await?;
            users.extend(listed.items);
            if listed.next.is_none() {
                return Ok(users);
            }
            if users.len() >= MAX_BULK_ITEMS {
                let message =
                    format!("more than {MAX_BULK_ITEMS} users hold it; list them by pages");
                return Err(UserError::validation("role", message));
            }
            page.after = listed.next;
        }
    }

    /// The live, registered user that was created first.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_first_user(&self) -> Result<Option<User>> {
        self.up_to_date().first_of(&UserFilter::default(), UserOrder::Oldest).await
    }

    /// The live admin that was created first.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_first_admin(&self) -> Result<Option<User>> {
        self.up_to_date().first_of(&UserFilter::by_role(UserRole::Admin), UserOrder::Oldest).await
    }

    /// The user of that id if it is Active: not suspended, not deleted.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_authenticated_user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.find_any(id).await?.filter(User::is_active))
    }

    /// The live user of that id with its live sessions.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_with_sessions(&self, id: UserId) -> Result<Option<UserWithSessions>> {
        let mut unit = self.context.read().await?;
        let Some(user) = unit.users().find_many(&[id]).await?.pop().filter(User::is_live) else {
            return Ok(None);
        };
        let filter = SessionFilter { user_id: Some(id), live_at: Some(self.context.now()) };
        let page = PageRequest { after: None, limit: PageLimit::MAX };
        let sessions = unit.sessions().list(&filter, SessionOrder::RecentlyActive, &page).await?;
        Ok(Some(UserWithSessions { user, sessions: sessions.items }))
    }

    /// What the live user of that id has been up to.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn get_activity(&self, id: UserId) -> Result<Option<UserActivity>> {
        let mut unit = self.context.read().await?;
        let Some(user) = unit.users().find_many(&[id]).await?.pop().filter(User::is_live) else {
            return Ok(None);
        };
        let sessions = unit.sessions().activity(id, self.context.now()).await?;
        let live_sessions = if user.is_active() { sessions.live } else { 0 };
        Ok(Some(UserActivity {
            user_id: id,
            last_active_at: sessions
                .last_activity_at
                .map_or(user.last_active_at, |last| last.max(user.last_active_at)),
            sessions: sessions.total,
            live_sessions,
            events: unit.events().count_of_user(id).await?,
        }))
    }

    /// A user of any status by id, email or name: the live one, or else the one deleted last.
    ///
    /// # Errors
    /// `Validation` of `user` when the text is the email of one user and the name of another; `Storage`.
    pub async fn find_by_reference(&self, reference: &UserRef) -> Result<Option<User>> {
        let (email, name) = match reference {
            UserRef::Id(id) => return self.find_any(*id).await,
            UserRef::Name(name) => (None, Some(name)),
            UserRef::Email(email, name) => (Some(email), name.as_ref()),
        };
        let mut unit = self.context.read().await?;
        let users = unit.users();
        let mut found = Vec::new();
        if let Some(email) = email {
            found.extend(users.find_by_emails(std::slice::from_ref(email)).await?);
        }
        if let Some(name) = name {
            found.extend(users.find_by_names(std::slice::from_ref(name)).await?);
        }
        // Whoever is gone hides nobody who is there.
        if found.is_empty() {
            if let Some(email) = email {
                found.extend(users.find_deleted_by_email(email).await?);
            }
            if let Some(name) = name {
                found.extend(users.find_deleted_by_name(name).await?);
            }
        }
        let first = found.pop();
        if found.iter().any(|user| Some(user.id) != first.as_ref().map(|first| first.id)) {
            let message = "is the email of one user and the name of another: \
                begin with email: or name: to say which";
            return Err(UserError::validation("user", message));
        }
        Ok(first)
    }

    /// Those of `ids` that no live user has, in the order given, each once.
    ///
    /// # Errors
    /// `Validation` of `ids` beyond 10,000; `Storage`.
    pub async fn find_missing_ids(&self, ids: &[UserId]) -> Result<Vec<UserId>> {
        check_bulk("ids", ids.len())?;
        let found = self.context.read().await?.users().find_many(ids).await?;
        let mut known: HashSet<UserId> =
            found.iter().filter(|user| user.is_live()).map(|user| user.id).collect();
        Ok(ids.iter().copied().filter(|id| known.insert(*id)).collect())
    }

    /// The live user that an id stands for today: its own, or the one it was merged into.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn resolve(&self, id: UserId) -> Result<Option<User>> {
        let mut unit = self.context.read().await?;
        let mut next = id;
        for _ in 0..MAX_MERGES {
            let Some(user) = unit.users().find_many(&[next]).await?.pop() else { return Ok(None) };
            match user.merged_into {
                Some(target) => next = target,
                None => return Ok(Some(user).filter(User::is_live)),
            }
        }
        Ok(None)
    }

    /// Events about a user, newest first: the first page of its history.
    ///
    /// # Errors
    /// `Validation` of `limit` outside of 1 to 1000; `Storage`.
    pub async fn recent_events(
        &self,
        id: UserId,
        limit: i64,
    ) -> Result<Vec<systemprompt_users_domain::RecordedEvent>> {
        let limit = PageLimit::new(limit)?.get();
        let filter = EventFilter { user_id: Some(id), target: None };
        Ok(self.context.read().await?.events().list(&filter, None, limit).await?)
    }

    /// The live user of that id.
    pub(crate) async fn get(&self, id: UserId) -> Result<User> {
        self.find_by_id(id).await?.ok_or_else(|| UserError::user_not_found(id))
    }

    async fn find_any(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.context.read().await?.users().find_many(&[id]).await?.pop())
    }

    pub(super) async fn first_of(
        &self,
        filter: &UserFilter,
        order: UserOrder,
    ) -> Result<Option<User>> {
        let page = PageRequest::new(1)?;
        Ok(self.list(filter, order, &page).await?.items.pop())
    }
}
