//! Changing the profile and the status of users.

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    AvatarUrl, BulkItem, BulkReport, DisplayName, Email, EventKind, FullName, Patch, ProfileField,
    RefusedOperation, Result, UpdateUserParams, User, UserError, UserId, UserName, UserStatus,
};

use super::UserService;
use super::engine::Guard;
use super::look_alike::AdminNames;

impl UserService {
    /// Changes several fields at once: absent is untouched, null is cleared. Answers with the user as it is
    /// now; when nothing differs, nothing is stored.
    ///
    /// # Errors
    /// `NotFound`, `Validation` of the field at fault, `NameAlreadyExists`, `EmailAlreadyExists`, `Stale` when
    /// the user is not at `expected_version`, `StaleEmail` when `verified_email` is not the user's any more.
    #[tracing::instrument(skip_all, fields(%id), err(level = "debug"))]
    pub async fn update(&self, id: UserId, params: &UpdateUserParams) -> Result<User> {
        let update = ParsedUpdate::parse(params)?;
        if let Some(email) = &update.email {
            self.context.policy().check_email(email)?;
        }
        let admins = match &update.name {
            Some(_) => Some(AdminNames::load(&mut *self.context.read().await?).await?),
            None => None,
        };
        self.change_one(id, Guard::Harmless, |user: &mut User, _: DateTime<Utc>| {
            if !user.is_live() {
                return Err(UserError::user_not_found(id));
            }
            let before = user.name.clone();
            let fields = update.apply(user)?;
            if let Some(admins) = admins.as_ref().filter(|_| user.name != before) {
                admins.check(Some(id), &user.name)?;
            }
            let changed = EventKind::UserUpdated { user_id: id, fields: fields.clone() };
            Ok((!fields.is_empty()).then_some(changed))
        })
        .await
    }

    /// Changes the email, which is not verified then.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn update_email(&self, id: UserId, email: &str) -> Result<User> {
        let params = UpdateUserParams { email: Some(email.to_owned()), ..Default::default() };
        self.update(id, &params).await
    }

    /// Changes the full name; `None` clears it.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn update_full_name(&self, id: UserId, full_name: Option<&str>) -> Result<User> {
        let full_name = Patch::from(full_name.map(str::to_owned));
        self.update(id, &UpdateUserParams { full_name, ..Default::default() }).await
    }

    /// Changes the display name; `None` clears it.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn update_display_name(
        &self,
        id: UserId,
        display_name: Option<&str>,
    ) -> Result<User> {
        let display_name = Patch::from(display_name.map(str::to_owned));
        self.update(id, &UpdateUserParams { display_name, ..Default::default() }).await
    }

    /// Changes the address of the picture; `None` clears it.
    ///
    /// # Errors
    /// As for [`update`](Self::update).
    pub async fn update_avatar(&self, id: UserId, avatar_url: Option<&str>) -> Result<User> {
        let avatar_url = Patch::from(avatar_url.map(str::to_owned));
        self.update(id, &UpdateUserParams { avatar_url, ..Default::default() }).await
    }

    /// Says whether `email`, in any spelling, is known to be the user's.
    ///
    /// # Errors
    /// As for [`update`](Self::update); `StaleEmail` when the user has another email by now.
    pub async fn update_email_verified(
        &self,
        id: UserId,
        email: &str,
        verified: bool,
    ) -> Result<User> {
        let params = UpdateUserParams {
            email_verified: Some(verified),
            verified_email: Some(email.to_owned()),
            ..Default::default()
        };
        self.update(id, &params).await
    }

    /// Suspends or activates; suspending ends the user's sessions in the same unit of work.
    ///
    /// # Errors
    /// `NotFound`, `LastAdmin`, `NotAllowed` for `Deleted`, which [`delete`](Self::delete) does.
    #[tracing::instrument(skip_all, fields(%id, %status), err(level = "debug"))]
    pub async fn update_status(&self, id: UserId, status: UserStatus) -> Result<User> {
        self.change_one(id, SUSPEND, to_status(status)).await
    }

    /// [`update_status`](Self::update_status) of many users.
    ///
    /// # Errors
    /// `Validation` of `ids` beyond 10,000; `Storage`, and then nothing is changed.
    #[tracing::instrument(skip_all, fields(ids = ids.len(), %status), err(level = "debug"))]
    pub async fn bulk_update_status(
        &self,
        ids: &[UserId],
        status: UserStatus,
    ) -> Result<BulkReport<BulkItem>> {
        self.change_many(ids, SUSPEND, to_status(status)).await
    }
}

const SUSPEND: Guard = Guard::MayRemoveAdmin(RefusedOperation::Suspend);

fn to_status(
    status: UserStatus,
) -> impl Fn(&mut User, DateTime<Utc>) -> Result<Option<EventKind>> + Send + Sync {
    move |user, _| {
        let (user_id, from) = (user.id, user.status);
        let changes = user.set_status(status)?;
        Ok(changes.then_some(EventKind::StatusChanged { user_id, from, to: status }))
    }
}

/// [`UpdateUserParams`], parsed.
struct ParsedUpdate {
    name: Option<UserName>,
    email: Option<Email>,
    full_name: Patch<FullName>,
    display_name: Patch<DisplayName>,
    avatar_url: Patch<AvatarUrl>,
    email_verified: Option<bool>,
    verified_email: Option<Email>,
    is_bot: Option<bool>,
    expected_version: Option<i64>,
}

impl ParsedUpdate {
    fn parse(params: &UpdateUserParams) -> Result<Self> {
        Ok(Self {
            name: params.name.as_deref().map(UserName::parse).transpose()?,
            email: params.email.as_deref().map(Email::parse).transpose()?,
            full_name: parse_patch(&params.full_name, FullName::parse)?,
            display_name: parse_patch(&params.display_name, DisplayName::parse)?,
            avatar_url: parse_patch(&params.avatar_url, AvatarUrl::parse)?,
            email_verified: params.email_verified,
            verified_email: params.verified_email.as_deref().map(parse_verified).transpose()?,
            is_bot: params.is_bot,
            expected_version: params.expected_version,
        })
    }

    /// Changes `user` and says which fields differ.
    fn apply(&self, user: &mut User) -> Result<Vec<ProfileField>> {
        if self.expected_version.is_some_and(|expected| expected != user.version) {
            return Err(UserError::Stale);
        }
        if user.is_anonymous() && self.email.is_some() {
            let message = "an anonymous user gets an email by promotion only";
            return Err(UserError::validation("email", message));
        }
        let mut fields = Vec::new();
        let mut note = |changed: bool, field| changed.then(|| fields.push(field));
        if let Some(name) = &self.name {
            // Another spelling of the same name is a change too, though it is no other name.
            let differs = user.name.as_str() != name.as_str();
            user.name = name.clone();
            note(differs, ProfileField::Name);
        }
        let was_verified = user.email_verified;
        if let Some(email) = &self.email {
            note(user.set_email(email.clone()), ProfileField::Email);
        }
        // Another email is not verified, which is a change too.
        let mut verification = was_verified != user.email_verified;
        note(apply_patch(&mut user.full_name, &self.full_name), ProfileField::FullName);
        note(apply_patch(&mut user.display_name, &self.display_name), ProfileField::DisplayName);
        note(apply_patch(&mut user.avatar_url, &self.avatar_url), ProfileField::AvatarUrl);
        if self.verified_email.is_some() && self.email_verified.is_none() {
            let message = "needs `email_verified` beside it";
            return Err(UserError::validation("verified_email", message));
        }
        if let Some(verified) = self.email_verified {
            self.check_verified(user, verified)?;
            verification |= std::mem::replace(&mut user.email_verified, verified) != verified;
        }
        note(verification, ProfileField::EmailVerified);
        if let Some(is_bot) = self.is_bot {
            note(std::mem::replace(&mut user.is_bot, is_bot) != is_bot, ProfileField::IsBot);
        }
        Ok(fields)
    }

    /// Refuses to verify an address that nobody named, or that is not the user's any more. `user` has its new
    /// email already.
    fn check_verified(&self, user: &User, verified: bool) -> Result<()> {
        let Some(email) = &user.email else {
            return match verified {
                true => Err(UserError::validation(
                    "email_verified",
                    "there is no email that could be verified",
                )),
                false => Ok(()),
            };
        };
        if self.verified_email.as_ref().is_some_and(|named| named != email) {
            return Err(UserError::StaleEmail);
        }
        let is_named = self.verified_email.is_some()
            || self.email.is_some()
            || self.expected_version.is_some();
        if verified && !is_named {
            let message = "say by `verified_email` which address was verified";
            return Err(UserError::validation("email_verified", message));
        }
        Ok(())
    }
}

fn parse_verified(text: &str) -> Result<Email> {
    Email::parse(text).map_err(|error| match error {
        UserError::Validation { message, .. } => UserError::validation("verified_email", message),
        other => other,
    })
}

/// A blank text clears, as it does where a user is created.
fn parse_patch<T>(patch: &Patch<String>, parse: impl Fn(&str) -> Result<T>) -> Result<Patch<T>> {
    Ok(match patch {
        Patch::Keep => Patch::Keep,
        Patch::Clear => Patch::Clear,
        Patch::Set(text) if text.trim().is_empty() => Patch::Clear,
        Patch::Set(text) => Patch::Set(parse(text)?),
    })
}

fn apply_patch<T: Clone + PartialEq>(field: &mut Option<T>, patch: &Patch<T>) -> bool {
    let next = match patch {
        Patch::Keep => return false,
        Patch::Clear => None,
        Patch::Set(value) => Some(value.clone()),
    };
    let differs = *field != next;
    *field = next;
    differs
}
