//! Everything about sessions: start, validate, touch, list, end, clean up.

mod device;
mod end;

pub use end::CleanedSessions;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use systemprompt_users_domain::{
    EndReason, EventKind, Fingerprint, NewSession, Page, PageRequest, Result, SessionFilter,
    SessionId, SessionOrder, StartedSession, Token, User, UserError, UserId, UserSession,
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
    /// Starts a session of an active user. The token is answered this once. Sessions beyond the limit per
    /// user end, those idle longest first.
    ///
    /// # Errors
    /// `NotFound`, `NotAllowed` when the user is not Active, `Validation` of the field at fault.
    #[tracing::instrument(skip_all, fields(%user_id), err(level = "debug"))]
    pub async fn create(&self, user_id: UserId, client: &NewSession) -> Result<StartedSession> {
        client.check()?;
        let fingerprint = match client.fingerprint.as_deref().filter(|text| !text.trim().is_empty())
        {
            Some(text) => Some(Fingerprint::parse(text)?),
            None => None,
        };
        retry(|| self.try_create(user_id, client, fingerprint.clone())).await
    }

    async fn try_create(
        &self,
        user_id: UserId,
        client: &NewSession,
        fingerprint: Option<Fingerprint>,
    ) -> Result<StartedSession> {
        let now = self.context.now();
        let token = Token::generate(self.context.entropy());
        let session = self.new_session(user_id, client, fingerprint, &token, now);
        let mut unit = self.context.write().await?;
        // Whoever suspends or deletes the user waits for this lock, and then ends this session too.
        let user = unit.users().lock_many(&[user_id]).await?.pop().filter(User::is_live);
        let user = user.ok_or_else(|| UserError::user_not_found(user_id))?;
        if !user.is_active() {
            let message =
                format!("user `{user_id}` is {}; only an active user can sign in", user.status);
            return Err(UserError::NotAllowed(message));
        }
        self.context.check_roles(user.roles)?;
        unit.sessions().insert(&session).await?;
        let keep = self.context.policy().max_sessions_per_user;
        let surplus = unit.sessions().list_surplus(user_id, keep, now).await?;
        let ended = unit.sessions().end_many(&surplus, EndReason::Limit, now).await?;
        unit.users().touch_many(&[(user_id, now)]).await?;
        let started = EventKind::SessionStarted { user_id, session_id: session.id };
        let mut events = vec![self.context.event(now, started)];
        events.extend(self.context.ended_events(&ended, EndReason::Limit, now));
        unit.events().append(&events).await?;
        self.context.commit(unit).await?;
        Ok(StartedSession { session, token, ended })
    }

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
        retry(|| self.try_touch(seen)).await
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
        self.page(&filter, SessionOrder::Newest, page).await
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
        self.page(&filter, SessionOrder::RecentlyActive, page).await
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

    async fn page(
        &self,
        filter: &SessionFilter,
        order: SessionOrder,
        page: &PageRequest,
    ) -> Result<Page<UserSession>> {
        if let Some(after) = &page.after {
            after.time().map(drop)?;
        }
        Ok(self.context.read().await?.sessions().list(filter, order, page).await?)
    }

    fn new_session(
        &self,
        user_id: UserId,
        client: &NewSession,
        fingerprint: Option<Fingerprint>,
        token: &Token,
        now: DateTime<Utc>,
    ) -> UserSession {
        let policy = self.context.policy();
        let user_agent = client.clean_user_agent();
        let device = device::Device::complete(client, user_agent.as_deref());
        UserSession {
            id: SessionId::generate(now, self.context.entropy()),
            user_id,
            token_hash: token.hash(),
            ip: client.ip.map(|ip| ip.to_canonical()),
            user_agent,
            device_type: device.device_type,
            os: device.os,
            browser: device.browser,
            fingerprint,
            started_at: now,
            last_activity_at: now,
            expires_at: now + policy.session_lifetime,
            idle_timeout: policy.session_idle_timeout,
            ended_at: None,
            end_reason: None,
        }
    }
}
