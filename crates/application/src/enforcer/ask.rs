//! Deciding by the storage alone: on a miss, and while this host is behind.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use systemprompt_users_domain::{ApiKey, BanEnd, Result, UserError};
use tokio::time::timeout;

use super::decision::judge;
use super::{Decision, Denial, DenyReason, Requirement};
use crate::{ApiKeyService, AuthenticatedSession, BanService, Context, SessionService};

/// The services that know the rules, each question bounded in time.
pub(super) struct Authority {
    bans: BanService,
    sessions: SessionService,
    keys: ApiKeyService,
    patience: Duration,
}

impl Authority {
    pub(super) fn new(context: &Context, patience: Duration) -> Self {
        let (bans, sessions) = (context.clone().into(), context.clone().into());
        Self { bans, sessions, keys: context.clone().into(), patience }
    }

    /// The whole decision; `Unavailable` when the storage does not answer.
    pub(super) async fn decide(
        &self,
        address: IpAddr,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Decision {
        self.try_decide(address, token, requirement).await.unwrap_or_else(|error| {
            tracing::debug!(%error, "a decision could not be made");
            Decision::deny(DenyReason::Unavailable)
        })
    }

    async fn try_decide(
        &self,
        address: IpAddr,
        token: Option<&str>,
        requirement: Requirement,
    ) -> Result<Decision> {
        let ban = self.bounded(self.bans.find_ban(address)).await?;
        if let Some(ban) = ban {
            let until = match ban.until {
                BanEnd::At(end) => Some(end),
                BanEnd::Never => None,
            };
            return Ok(Decision::Deny(Denial { reason: DenyReason::Banned, until }));
        }
        let found = match token {
            Some(token) => self.validate(token).await?,
            None => None,
        };
        let found = found.map(|session| (session.user.roles, Arc::new(session)));
        Ok(judge(requirement, token.is_some(), found))
    }

    /// What a token stands for now.
    pub(super) async fn validate(&self, token: &str) -> Result<Option<AuthenticatedSession>> {
        self.bounded(self.sessions.validate(token)).await
    }

    /// The key that a secret opens now.
    pub(super) async fn authenticate_key(&self, secret: &str) -> Result<Option<ApiKey>> {
        self.bounded(self.keys.authenticate(secret)).await
    }

    async fn bounded<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
        match timeout(self.patience, question).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(UserError::Storage(
                systemprompt_users_domain::StorageError::Unavailable(elapsed.into()),
            )),
        }
    }
}
