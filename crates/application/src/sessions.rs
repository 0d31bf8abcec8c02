//! Everything about sessions: start, validate, touch, list, end, clean up.

mod device;
mod end;
mod start;

pub use end::CleanedSessions;
pub(crate) use start::Client;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use systemprompt_users_domain::{
    Page, PageRequest, PagedList, Result, SessionFilter, SessionId, SessionOrder, Token, User,
    UserId, UserSession, storable_time,
};

use crate::Context;
use crate::context::{retry, service_of_context};

/// Manages sessions. A clone is a handle.
#[derive(Debug, Clone)]
pub struct SessionService {
    context: Context,
}

service_of_context!(SessionService);

/// A live session and its active user: what a valid token stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthenticatedSession {
    /// The session.
    pub session: UserSession,
    /// The user, who is Active.
    pub user: User,
}

impl SessionService {
    /// What a token stands for now. Text that is no token, a token that nobody holds, a session that is over
    /// and a user who is not Active are all `None`.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn validate(&self, token: &str) -> Result<Option<AuthenticatedSession>> {
        let Ok(token) = token.parse::<Token>() else { return Ok(None) };
        let found = self.context.read().await?.sessions().find_by_token(&token.hash()).await?;
        let now = self.context.now();
        Ok(found
            .filter(|(session, user)| session.is_live(user.status, now))
            .map(|(session, user)| AuthenticatedSession { session, user }))
    }

    /// Notes that these sessions, and their users, were active at these times: many in one write. Sessions
    /// that were over by then are passed over.
    ///
    /// # Errors
    /// `Validation` of `seen` beyond 10,000; `Storage`.
    #[tracing::instrument(skip_all, fields(seen = seen.len()), err(level = "debug"))]
    pub async fn touch_many(&self, seen: &[(SessionId, DateTime<Utc>)]) -> Result<()> {
        crate::users::check_bulk("seen", seen.len())?;
        if seen.is_empty() {
            return Ok(());
        }
        let seen: Vec<_> = seen.iter().map(|(id, at)| (*id, storable_time(*at))).collect();
        retry(|| self.try_touch(&seen)).await
    }

    async fn try_touch(&self, seen: &[(SessionId, DateTime<Utc>)]) -> Result<()> {
        let ids: Vec<SessionId> = seen.iter().map(|(id, _)| *id).collect();
        let mut unit = self.context.write().await?;
        let sessions = unit.sessions().find_many(&ids).await?;
        let sessions: HashMap<SessionId, UserSession> =
            sessions.into_iter().map(|session| (session.id, session)).collect();
        let open = seen.iter().filter_map(|(id, at)| {
            let session = sessions.get(id).filter(|session| session.is_open(*at))?;
            Some((session.user_id, *at))
        });
        let users: Vec<(UserId, DateTime<Utc>)> = open.collect();
        unit.users().touch_many(&users).await?;
        unit.sessions().touch_many(seen).await?;
        self.context.commit(unit).await
    }

    /// Notes that a session was active now.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn touch(&self, id: SessionId) -> Result<()> {
        self.touch_many(&[(id, self.context.now())]).await
    }

    /// The session of that id, live or over.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_by_id(&self, id: SessionId) -> Result<Option<UserSession>> {
        Ok(self.context.read().await?.sessions().find_many(&[id]).await?.pop())
    }

    /// A page of a user's sessions, live or over, newest first.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list(&self, user_id: UserId, page: &PageRequest) -> Result<Page<UserSession>> {
        let filter = SessionFilter { user_id: Some(user_id), live_at: None };
        self.page_of_now(&filter, SessionOrder::Newest, page).await
    }

    /// A page of a user's live sessions, used last first.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list_active(
        &self,
        user_id: UserId,
        page: &PageRequest,
    ) -> Result<Page<UserSession>> {
        let filter = SessionFilter { user_id: Some(user_id), live_at: Some(self.context.now()) };
        self.page_of_now(&filter, SessionOrder::RecentlyActive, page).await
    }

    /// A page of all users' sessions, live or over, newest first.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list_recent(&self, page: &PageRequest) -> Result<Page<UserSession>> {
        self.page(&SessionFilter::default(), SessionOrder::Newest, page).await
    }

    /// A page of all users' live sessions, used last first.
    ///
    /// # Errors
    /// `Validation` of `after`; `Storage`.
    pub async fn list_all_active(&self, page: &PageRequest) -> Result<Page<UserSession>> {
        let filter = SessionFilter { user_id: None, live_at: Some(self.context.now()) };
        self.page(&filter, SessionOrder::RecentlyActive, page).await
    }

    /// Of one user: who has just ended a session sees that it is over.
    async fn page_of_now(
        &self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> Result<Page<UserSession>> {
        self.up_to_date().page(filter, order, page).await
    }

    async fn page(
        &self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> Result<Page<UserSession>> {
        let list = PagedList::Sessions(order);
        page.check(list)?;
        let mut unit = self.context.read_lagging().await?;
        Ok(unit.sessions().list(filter, order, page).await?.of(list))
    }
}
