//! The model of users.

use std::collections::BTreeSet;

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{UserRole, UserStatus};

use super::command::{Change, Number};
use super::world::{Refusal, World};

/// What every visitor is called until it is named: their real names differ.
pub(crate) const ANONYMOUS: &str = "anonymous";

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    /// As typed.
    pub(crate) name: String,
    pub(crate) email: Option<String>,
    pub(crate) verified: bool,
    pub(crate) full_name: Option<String>,
    pub(crate) status: UserStatus,
    pub(crate) before_delete: Option<UserStatus>,
    pub(crate) roles: BTreeSet<UserRole>,
    pub(crate) fingerprint: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) updated: DateTime<Utc>,
    pub(crate) seen: DateTime<Utc>,
    pub(crate) deleted: Option<DateTime<Utc>>,
    pub(crate) merged_into: Option<Number>,
    pub(crate) held: bool,
    pub(crate) version: i64,
}

impl Person {
    fn new(name: &str, roles: &[UserRole], now: DateTime<Utc>) -> Self {
        Self {
            name: name.to_owned(),
            email: None,
            verified: false,
            full_name: None,
            status: UserStatus::Active,
            before_delete: None,
            roles: roles.iter().copied().collect(),
            fingerprint: None,
            created: now,
            updated: now,
            seen: now,
            deleted: None,
            merged_into: None,
            held: false,
            version: 1,
        }
    }

    pub(crate) fn is_live(&self) -> bool {
        self.status != UserStatus::Deleted
    }

    pub(crate) fn is_visitor(&self) -> bool {
        self.roles.contains(&UserRole::Anonymous)
    }

    pub(crate) fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    pub(crate) fn is_active_admin(&self) -> bool {
        self.is_active() && self.roles.contains(&UserRole::Admin)
    }

    pub(crate) fn searched(&self) -> Vec<String> {
        let fields = [Some(&self.name), self.email.as_ref(), self.full_name.as_ref()];
        fields.into_iter().flatten().map(|field| field.to_lowercase()).collect()
    }

    pub(crate) fn change(&mut self, now: DateTime<Utc>) {
        self.version += 1;
        self.updated = now;
    }
}

impl World {
    pub(crate) fn create(
        &mut self,
        name: &str,
        email: &str,
        admin: bool,
    ) -> Result<String, Refusal> {
        self.check_free(None, Some(name), None)?;
        self.check_free(None, None, Some(email))?;
        let role = if admin { UserRole::Admin } else { UserRole::User };
        let mut person = Person::new(name, &[role], self.now);
        person.email = Some(email.to_lowercase());
        Ok(self.add(person))
    }

    pub(crate) fn visit(&mut self, fingerprint: &str, anew: bool) -> String {
        let now = self.now;
        let is_it = |person: &Person| {
            person.is_active()
                && person.is_visitor()
                && person.fingerprint.as_deref() == Some(fingerprint)
        };
        let known = self.everybody().filter(|(_, person)| is_it(person)).map(|(n, _)| n).last();
        if let Some(user) = known.filter(|_| !anew) {
            let person = self.person(user);
            // Noted once an hour at most.
            if now - person.seen >= Duration::hours(1) {
                person.seen = now;
            }
            return format!("user {user}");
        }
        let mut person = Person::new(ANONYMOUS, &[UserRole::Anonymous], now);
        person.fingerprint = Some(fingerprint.to_owned());
        self.add(person)
    }

    fn add(&mut self, person: Person) -> String {
        let user = self.people.len();
        self.people.push(Some(person));
        self.note("user_created", user);
        format!("user {user}")
    }

    pub(crate) fn register(
        &mut self,
        user: Number,
        name: &str,
        email: &str,
    ) -> Result<String, Refusal> {
        let person = self.live(user)?;
        if !person.is_visitor() || !person.is_active() {
            return Err("not_allowed");
        }
        self.check_free(Some(user), Some(name), Some(email))?;
        let now = self.now;
        let person = self.person(user);
        person.name = name.to_owned();
        person.email = Some(email.to_lowercase());
        person.roles = [UserRole::User].into();
        person.change(now);
        self.note("anonymous_promoted", user);
        Ok(format!("user {user}"))
    }

    pub(crate) fn update(&mut self, user: Number, change: &Change) -> Result<String, Refusal> {
        let before = self.live(user)?;
        let mut after = before.clone();
        if before.is_visitor() && (change.email.is_some() || change.verified == Some(true)) {
            return Err("validation");
        }
        if let Some(name) = change.name {
            after.name = name.to_owned();
        }
        if let Some(email) = change.email
            && after.email != Some(email.to_lowercase())
        {
            after.email = Some(email.to_lowercase());
            after.verified = false;
        }
        if let Some(full_name) = change.full_name {
            after.full_name = full_name.map(str::to_owned);
        }
        if let Some(verified) = change.verified {
            after.verified = verified;
        }
        if after == *before {
            return Ok("unchanged".into());
        }
        self.check_free(Some(user), change.name, change.email)?;
        after.change(self.now);
        *self.person(user) = after;
        self.note("user_updated", user);
        Ok("done".into())
    }

    /// That nobody else who is live has the name or the email. Where both are taken, either is an answer.
    pub(crate) fn check_free(
        &self,
        user: Option<Number>,
        name: Option<&str>,
        email: Option<&str>,
    ) -> Result<(), Refusal> {
        let others = || self.everybody().filter(|(n, other)| Some(*n) != user && other.is_live());
        let name = name
            .is_some_and(|name| others().any(|(_, other)| other.name.eq_ignore_ascii_case(name)));
        let email = email.map(str::to_lowercase);
        let email = email
            .is_some_and(|email| others().any(|(_, other)| other.email.as_ref() == Some(&email)));
        match (name, email) {
            (true, true) => Err("name_already_exists|email_already_exists"),
            (true, false) => Err("name_already_exists"),
            (false, true) => Err("email_already_exists"),
            (false, false) => Ok(()),
        }
    }

    pub(crate) fn set_status(&mut self, user: Number, status: UserStatus) -> Result<bool, Refusal> {
        let before = self.live(user)?.status;
        if status == UserStatus::Deleted {
            return Err("not_allowed");
        }
        if before == status {
            return Ok(false);
        }
        if status == UserStatus::Suspended {
            self.keep_an_admin(user)?;
        }
        let now = self.now;
        self.person(user).status = status;
        self.person(user).change(now);
        self.note("status_changed", user);
        if status == UserStatus::Suspended {
            self.end_sessions(&[user], None, "suspended");
        }
        Ok(true)
    }

    pub(crate) fn add_role(&mut self, user: Number, role: UserRole) -> Result<bool, Refusal> {
        let person = self.live(user)?;
        if person.is_visitor() != (role == UserRole::Anonymous) {
            return Err("invalid_roles");
        }
        let mut roles = person.roles.clone();
        roles.insert(role);
        self.set_roles(user, roles)
    }

    pub(crate) fn drop_role(&mut self, user: Number, role: UserRole) -> Result<bool, Refusal> {
        let mut roles = self.live(user)?.roles.clone();
        roles.remove(&role);
        if roles.is_empty() {
            return Err("invalid_roles");
        }
        if role == UserRole::Admin && roles != self.live(user)?.roles {
            self.keep_an_admin(user)?;
        }
        self.set_roles(user, roles)
    }

    fn set_roles(&mut self, user: Number, roles: BTreeSet<UserRole>) -> Result<bool, Refusal> {
        if self.live(user)?.roles == roles {
            return Ok(false);
        }
        let now = self.now;
        self.person(user).roles = roles;
        self.person(user).change(now);
        self.note("roles_changed", user);
        Ok(true)
    }

    /// Refuses to lose the last active admin, and says so in the log.
    pub(crate) fn keep_an_admin(&mut self, user: Number) -> Result<(), Refusal> {
        if self.is_last_admin(user) {
            self.note("change_refused", user);
            return Err("last_admin");
        }
        Ok(())
    }
}
