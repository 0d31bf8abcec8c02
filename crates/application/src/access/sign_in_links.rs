//! One-time links: make, redeem, clean up.

use chrono::Duration;
use systemprompt_users_domain::{
    EventKind, NewSession, Result, SignInLink, StartedSession, Token, UserError, UserId,
};

use crate::context::{retry, service_of_context};
use crate::sessions::Client;
use crate::{Context, SessionService};

/// Makes links that sign somebody in once. A clone is a handle.
#[derive(Debug, Clone)]
pub struct SignInLinkService {
    context: Context,
}

service_of_context!(SignInLinkService);

impl SignInLinkService {
    /// Makes a link for an active user. Its token is answered this once.
    ///
    /// # Errors
    /// `NotFound`, `NotAllowed` when the user is not Active, `Validation` of `lifetime` outside of a second to
    /// a day.
    #[tracing::instrument(skip_all, fields(%user_id), err(level = "debug"))]
    pub async fn create(&self, user_id: UserId, lifetime: Duration) -> Result<(Token, SignInLink)> {
        retry(|| async move {
            let now = self.context.now();
            let token = Token::generate(self.context.entropy());
            let link = SignInLink::new(token.hash(), user_id, lifetime, now)?;
            let mut unit = self.context.write().await?;
            self.context.lock_active_user(&mut *unit, user_id).await?;
            unit.sign_in_links().insert(&link).await?;
            let event = self.context.event(now, EventKind::SignInLinkCreated { user_id });
            unit.events().append(&[event]).await?;
            self.context.commit(unit).await?;
            Ok((token, link))
        })
        .await
    }

    /// Uses a link up and starts a session of its user, as [`SessionService::create`] does. Text that is no
    /// token, a link that is unknown, used or expired, and a user who is not Active are all `None`.
    ///
    /// # Errors
    /// `Validation` of a field of `client`; `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn redeem(&self, token: &str, client: &NewSession) -> Result<Option<StartedSession>> {
        let client = Client::parse(client)?;
        let Ok(token) = token.parse::<Token>() else { return Ok(None) };
        match retry(|| self.try_redeem(&token, &client)).await {
            Err(UserError::NotFound { .. } | UserError::NotAllowed(_)) => Ok(None),
            result => result,
        }
    }

    async fn try_redeem(
        &self,
        token: &Token,
        client: &Client<'_>,
    ) -> Result<Option<StartedSession>> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        let taken = unit.sign_in_links().take(&token.hash(), now).await?;
        let Some(link) = taken else { return Ok(None) };
        let sessions = SessionService::from(self.context.clone());
        let started = sessions.start(&mut *unit, link.user_id, client, now).await?;
        self.context.commit(unit).await?;
        Ok(Some(started))
    }

    /// Removes one batch of links that have expired. Zero is the end.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn cleanup(&self) -> Result<u64> {
        retry(|| async {
            let now = self.context.now();
            let mut unit = self.context.write().await?;
            let batch = self.context.policy().cleanup_batch;
            let count = unit.sign_in_links().delete_expired(now, batch).await?;
            if count > 0 {
                let kind = EventKind::RecordsCleaned { what: "sign_in_links".into(), count };
                unit.events().append(&[self.context.event(now, kind)]).await?;
                self.context.commit(unit).await?;
            }
            Ok(count)
        })
        .await
    }
}
