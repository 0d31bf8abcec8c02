//! The anonymous visitor's whole life: created, found again, promoted, cleaned up.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users_domain::{
    AnonymousPromotion, Cursor, Email, EventKind, Fingerprint, FullName, InsertOutcome, LockKey,
    NewAnonymous, PagedList, Result, Roles, Token, UnitOfWork, User, UserError, UserId, UserName,
    UserStatus,
};

use super::UserService;
use super::engine::Guard;
use super::look_alike::AdminNames;
use crate::context::retry;

/// A visitor who is found again is noted as seen at most this often, so that finding is mostly no write.
const ACTIVITY_GRAIN: Duration = Duration::hours(1);

impl UserService {
    /// Makes a new anonymous user. Its token proves the identity and is answered this once; the fingerprint
    /// is a hint.
    ///
    /// # Errors
    /// `Validation` of `fingerprint`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn create_anonymous(&self, fingerprint: Option<&str>) -> Result<NewAnonymous> {
        let fingerprint = fingerprint.map(Fingerprint::parse).transpose()?;
        retry(|| async {
            let mut unit = self.context.write().await?;
            let created = self.insert_anonymous(&mut *unit, fingerprint.clone()).await?;
            self.context.commit(unit).await?;
            Ok(created)
        })
        .await
    }

    /// The active anonymous user of that fingerprint, or else a new one. A suspended, deleted or registered
    /// user is never answered. The token is there only when the user is new.
    ///
    /// # Errors
    /// `Validation` of `fingerprint`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn find_or_create_anonymous(&self, fingerprint: &str) -> Result<NewAnonymous> {
        let fingerprint = Fingerprint::parse(fingerprint)?;
        let mut unit = self.context.read().await?;
        let known = unit.users().find_anonymous_by_fingerprint(&fingerprint).await?;
        drop(unit);
        match known {
            Some(user) => {
                self.note_activity(&user).await?;
                Ok(NewAnonymous { user, token: None })
            }
            None => retry(|| self.try_find_or_create(&fingerprint)).await,
        }
    }

    /// The active anonymous user who holds the token; text that is no token is nobody's.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn find_by_anonymous_token(&self, token: &str) -> Result<Option<User>> {
        let Ok(token) = token.parse::<Token>() else { return Ok(None) };
        let user = self.context.read().await?.users().find_by_token(&token.hash()).await?;
        Ok(user.filter(|user| user.is_active() && user.is_anonymous()))
    }

    /// Registers an anonymous user in place: same id, sessions kept, roles of a user.
    ///
    /// # Errors
    /// `NotFound`, `NotAllowed` when it is not an active anonymous user, `Validation` of the field at fault,
    /// `NameAlreadyExists`, `EmailAlreadyExists`: then verify the person, sign them in as the owner of the
    /// email, and merge.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn promote_anonymous(&self, id: UserId, params: &AnonymousPromotion) -> Result<User> {
        let name = UserName::parse(&params.name)?;
        let email = Email::parse(&params.email)?;
        self.context.policy().check_email(&email)?;
        AdminNames::load(&mut *self.context.read().await?).await?.check(Some(id), &name)?;
        let full_name = match params.full_name.as_deref().filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(FullName::parse(text)?),
            None => None,
        };
        self.change_one(id, Guard::Harmless, move |user: &mut User, _: DateTime<Utc>| {
            user.promote(name.clone(), email.clone())?;
            if full_name.is_some() {
                user.full_name.clone_from(&full_name);
            }
            Ok(Some(EventKind::AnonymousPromoted { user_id: id }))
        })
        .await
    }

    /// The anonymous users that [`cleanup_anonymous`](Self::cleanup_anonymous) would delete next: at most one
    /// batch, idle longest first, behind `after`.
    ///
    /// # Errors
    /// `Validation` of `retention` that is not positive, or of `after`.
    pub async fn list_idle_anonymous(
        &self,
        retention: Duration,
        after: Option<Cursor>,
    ) -> Result<Vec<User>> {
        PagedList::IdleAnonymous.check(after.as_ref())?;
        let (now, before) = (self.context.now(), self.before(retention)?);
        let limit = self.context.policy().cleanup_batch;
        let mut unit = self.context.read().await?;
        Ok(unit.users().list_idle_anonymous(before, now, after, limit).await?)
    }

    /// Deletes one batch of the active anonymous users without activity for `retention` and without a live
    /// session. Suspended ones stay, so that the clean-up lifts no suspension. Answers how many it deleted;
    /// zero is the end.
    ///
    /// # Errors
    /// `Validation` of `retention` that is not positive.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn cleanup_anonymous(&self, retention: Duration) -> Result<u64> {
        let idle = self.list_idle_anonymous(retention, None).await?;
        let before = self.before(retention)?;
        let ids: Vec<UserId> = idle.iter().map(|user| user.id).collect();
        let report = self
            .change_many(&ids, Guard::Harmless, move |user: &mut User, now: DateTime<Utc>| {
                // A visit, a promotion or a suspension since the list was made keeps the user.
                let still_idle = user.is_anonymous()
                    && user.is_active()
                    && !user.legal_hold
                    && user.last_active_at < before;
                if !still_idle {
                    return Ok(None);
                }
                user.delete(now)?;
                Ok(Some(EventKind::UserDeleted { user_id: user.id }))
            })
            .await?;
        Ok(u64::try_from(report.done()).unwrap_or(u64::MAX))
    }

    /// Decides again under the lock of the fingerprint: of two first visits at once, one creates.
    async fn try_find_or_create(&self, fingerprint: &Fingerprint) -> Result<NewAnonymous> {
        let mut unit = self.context.write().await?;
        unit.lock(LockKey::Fingerprint(fingerprint.clone())).await?;
        if let Some(user) = unit.users().find_anonymous_by_fingerprint(fingerprint).await? {
            return Ok(NewAnonymous { user, token: None });
        }
        let created = self.insert_anonymous(&mut *unit, Some(fingerprint.clone())).await?;
        self.context.commit(unit).await?;
        Ok(created)
    }

    async fn insert_anonymous(
        &self,
        unit: &mut dyn UnitOfWork,
        fingerprint: Option<Fingerprint>,
    ) -> Result<NewAnonymous> {
        let now = self.context.now();
        let id = UserId::generate(now, self.context.entropy());
        let token = Token::generate(self.context.entropy());
        let user = User {
            id,
            name: UserName::parse(&format!("anonymous-{id}"))?,
            email: None,
            email_verified: false,
            full_name: None,
            display_name: None,
            avatar_url: None,
            status: UserStatus::Active,
            roles: Roles::ANONYMOUS,
            is_bot: false,
            fingerprint,
            token_hash: Some(token.hash()),
            created_at: now,
            updated_at: now,
            last_active_at: now,
            deleted_at: None,
            status_before_delete: None,
            merged_into: None,
            legal_hold: false,
            version: 1,
        };
        let outcome = unit.users().insert_many(std::slice::from_ref(&user)).await?;
        if let Some(InsertOutcome::Conflict(key)) = outcome.first() {
            return Err(UserError::from(*key));
        }
        let created = EventKind::UserCreated { user_id: id, roles: user.roles };
        unit.events().append(&[self.context.event(now, created)]).await?;
        Ok(NewAnonymous { user, token: Some(token) })
    }

    async fn note_activity(&self, user: &User) -> Result<()> {
        let now = self.context.now();
        if now - user.last_active_at < ACTIVITY_GRAIN {
            return Ok(());
        }
        retry(|| async {
            let mut unit = self.context.write().await?;
            unit.users().touch_many(&[(user.id, now)]).await?;
            self.context.commit(unit).await
        })
        .await
    }
}
