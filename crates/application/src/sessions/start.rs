//! Starting a session, on its own or as a part of a larger unit of work.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    EndReason, EventKind, Fingerprint, NewSession, Result, SessionId, StartedSession, Token,
    UnitOfWork, UserId, UserSession,
};

use super::{SessionService, device};
use crate::context::retry;

/// A client that signs in, checked.
pub(crate) struct Client<'a> {
    given: &'a NewSession,
    fingerprint: Option<Fingerprint>,
}

impl<'a> Client<'a> {
    pub(crate) fn parse(given: &'a NewSession) -> Result<Self> {
        given.check()?;
        let fingerprint = given.fingerprint.as_deref().filter(|text| !text.trim().is_empty());
        Ok(Self { given, fingerprint: fingerprint.map(Fingerprint::parse).transpose()? })
    }
}

impl SessionService {
    /// Starts a session of an active user. The token is answered this once. Sessions beyond the limit per
    /// user end, those idle longest first.
    ///
    /// # Errors
    /// `NotFound`, `NotAllowed` when the user is not Active, `Validation` of the field at fault.
    #[tracing::instrument(skip_all, fields(%user_id), err(level = "debug"))]
    pub async fn create(&self, user_id: UserId, client: &NewSession) -> Result<StartedSession> {
        let client = Client::parse(client)?;
        retry(|| async {
            let mut unit = self.context.write().await?;
            let started = self.start(&mut *unit, user_id, &client, self.context.now()).await?;
            self.context.commit(unit).await?;
            Ok(started)
        })
        .await
    }

    /// The same within a unit that the caller commits; the events are appended.
    pub(crate) async fn start(
        &self,
        unit: &mut dyn UnitOfWork,
        user_id: UserId,
        client: &Client<'_>,
        now: DateTime<Utc>,
    ) -> Result<StartedSession> {
        let token = Token::generate(self.context.entropy());
        let session = self.new_session(user_id, client, &token, now);
        self.context.lock_active_user(unit, user_id).await?;
        unit.sessions().insert(&session).await?;
        let keep = self.context.policy().max_sessions_per_user;
        let surplus = unit.sessions().list_surplus(user_id, keep, now).await?;
        let ended = unit.sessions().end_many(&surplus, EndReason::Limit, now).await?;
        unit.users().touch_many(&[(user_id, now)]).await?;
        let started = EventKind::SessionStarted { user_id, session_id: session.id };
        let mut events = vec![self.context.event(now, started)];
        events.extend(self.context.ended_events(&ended, EndReason::Limit, now));
        unit.events().append(&events).await?;
        Ok(StartedSession { session, token, ended })
    }

    fn new_session(
        &self,
        user_id: UserId,
        client: &Client<'_>,
        token: &Token,
        now: DateTime<Utc>,
    ) -> UserSession {
        let policy = self.context.policy();
        let user_agent = client.given.clean_user_agent();
        let device = device::Device::complete(client.given, user_agent.as_deref());
        UserSession {
            id: SessionId::generate(now, self.context.entropy()),
            user_id,
            token_hash: token.hash(),
            ip: client.given.ip.map(|ip| ip.to_canonical()),
            user_agent,
            device_type: device.device_type,
            os: device.os,
            browser: device.browser,
            fingerprint: client.fingerprint.clone(),
            started_at: now,
            last_activity_at: now,
            expires_at: now + policy.session_lifetime,
            idle_timeout: policy.session_idle_timeout,
            ended_at: None,
            end_reason: None,
        }
    }
}
