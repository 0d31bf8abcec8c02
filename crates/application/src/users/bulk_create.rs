//! Creating many users at once: the set-based heart of import, create and ensure.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BulkCreateItem, BulkCreateOutcome, BulkReport, CreateUserParams, Email, EventKind,
    InsertOutcome, NewUser, OnExisting, ProfileField, Result, UniqueKey, UnitOfWork, User,
    UserError, UserId, UserName,
};

use super::UserService;
use super::engine::check_bulk;
use crate::context::retry;

impl UserService {
    /// Creates users in one unit of work, as if one after the other, and says of each row what happened.
    ///
    /// A row whose name and email belong to one live user already is `Existing` (or `Changed`, see
    /// [`OnExisting`]), so that the same rows can be given again. A row that can't be created is `Refused`
    /// and keeps none of the others.
    ///
    /// # Errors
    /// `Validation` of `rows` beyond 10,000; `Storage`, and then no row is stored.
    #[tracing::instrument(skip_all, fields(rows = rows.len()), err(level = "debug"))]
    pub async fn bulk_create(
        &self,
        rows: &[CreateUserParams],
        on_existing: OnExisting,
    ) -> Result<BulkReport<BulkCreateItem>> {
        check_bulk("rows", rows.len())?;
        let mut refused = Vec::new();
        let mut parsed = Vec::with_capacity(rows.len());
        for (row, params) in rows.iter().enumerate() {
            let new = params.parse();
            match new.and_then(|new| self.context.check_roles(new.roles).map(|()| new)) {
                Ok(new) => parsed.push((row, new)),
                Err(error) => {
                    refused
                        .push(BulkCreateItem { row, outcome: BulkCreateOutcome::Refused(error) });
                }
            }
        }
        let mut items = retry(|| self.try_create(&parsed, on_existing)).await?;
        items.extend(refused);
        items.sort_unstable_by_key(|item| item.row);
        Ok(BulkReport { items })
    }

    async fn try_create(
        &self,
        rows: &[(usize, NewUser)],
        on_existing: OnExisting,
    ) -> Result<Vec<BulkCreateItem>> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        let mut users: Vec<User> =
            rows.iter().map(|(_, new)| self.new_user(new.clone(), now)).collect();
        in_order(&mut users);
        let outcomes = unit.users().insert_many(&users).await?;

        // The constraints have spoken. What they refused is looked up once: the same user, or another?
        let conflicting =
            rows.iter().zip(&outcomes).filter_map(|((_, new), outcome)| match outcome {
                InsertOutcome::Inserted => None,
                InsertOutcome::Conflict(_) => Some(new),
            });
        let mut holders = Holders::load(&mut *unit, conflicting, on_existing).await?;
        holders.spare(|user| self.context.check_roles(user.roles).is_err());

        let mut events = Vec::new();
        let mut changed = Vec::new();
        let mut items = Vec::with_capacity(rows.len());
        for (((row, new), user), outcome) in rows.iter().zip(&users).zip(outcomes) {
            let outcome = match outcome {
                InsertOutcome::Inserted => {
                    let kind = EventKind::UserCreated { user_id: user.id, roles: user.roles };
                    events.push(self.context.event(now, kind));
                    BulkCreateOutcome::Created(user.id)
                }
                InsertOutcome::Conflict(key) => holders.settle(new, key, on_existing, now),
            };
            items.push(BulkCreateItem { row: *row, outcome });
        }
        for (user, fields) in holders.into_changed() {
            let kind = EventKind::UserUpdated { user_id: user.id, fields };
            events.push(self.context.event(now, kind));
            changed.push(user);
        }
        if !changed.is_empty() {
            unit.users().update_many(&changed).await?;
        }
        if !events.is_empty() {
            unit.events().append(&events).await?;
            self.context.commit(unit).await?;
        }
        Ok(items)
    }
}

/// The live users that hold names or emails of refused rows.
struct Holders {
    by_name: HashMap<UserName, User>,
    /// Fields brought up to date so far; the user in `by_name` has them already.
    changed: HashMap<UserName, Vec<ProfileField>>,
    /// Users that stay as they are, whatever a row says.
    spared: HashSet<UserId>,
}

impl Holders {
    async fn load<'a>(
        unit: &mut dyn UnitOfWork,
        rows: impl Iterator<Item = &'a NewUser>,
        on_existing: OnExisting,
    ) -> Result<Self> {
        let names: Vec<UserName> = rows.map(|new| new.name.clone()).collect();
        let mut users = Vec::new();
        if !names.is_empty() {
            users = unit.users().find_by_names(&names).await?;
        }
        if on_existing == OnExisting::Update && !users.is_empty() {
            let ids: Vec<_> = users.iter().map(|user| user.id).collect();
            users = unit.users().lock_many(&ids).await?;
        }
        let by_name =
            users.into_iter().filter(User::is_live).map(|user| (user.name.clone(), user)).collect();
        Ok(Self { by_name, changed: HashMap::new(), spared: HashSet::new() })
    }

    /// Leaves these users as they are.
    fn spare(&mut self, is_spared: impl Fn(&User) -> bool) {
        let spared = self.by_name.values().filter(|user| is_spared(user));
        self.spared = spared.map(|user| user.id).collect();
    }

    /// What a refused row comes to.
    fn settle(
        &mut self,
        new: &NewUser,
        key: UniqueKey,
        on_existing: OnExisting,
        now: DateTime<Utc>,
    ) -> BulkCreateOutcome {
        let same = self.by_name.get_mut(&new.name).filter(|user| same_email(user, &new.email));
        let Some(user) = same else {
            return BulkCreateOutcome::Refused(UserError::from(key));
        };
        if on_existing == OnExisting::Keep || self.spared.contains(&user.id) {
            return BulkCreateOutcome::Existing(user.id);
        }
        let fields = bring_up_to_date(user, new);
        if fields.is_empty() {
            return BulkCreateOutcome::Existing(user.id);
        }
        let known = self.changed.entry(new.name.clone()).or_default();
        if known.is_empty() {
            user.mark_changed(now);
        }
        for field in fields {
            if !known.contains(&field) {
                known.push(field);
            }
        }
        BulkCreateOutcome::Changed(user.id)
    }

    fn into_changed(mut self) -> impl Iterator<Item = (User, Vec<ProfileField>)> {
        self.changed
            .into_iter()
            .filter_map(move |(name, fields)| Some((self.by_name.remove(&name)?, fields)))
    }
}

/// Gives the ids out in the order of the rows: so users are listed as they came, and whoever keeps an index of ids
/// writes at one end of it.
fn in_order(users: &mut [User]) {
    let mut ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    ids.sort_unstable();
    for (user, id) in users.iter_mut().zip(ids) {
        user.id = id;
    }
}

fn same_email(user: &User, email: &Email) -> bool {
    user.email.as_ref() == Some(email)
}

/// Takes over what the row says; what it leaves blank stays.
fn bring_up_to_date(user: &mut User, new: &NewUser) -> Vec<ProfileField> {
    let mut fields = Vec::new();
    if new.full_name.is_some() && user.full_name != new.full_name {
        user.full_name.clone_from(&new.full_name);
        fields.push(ProfileField::FullName);
    }
    if new.display_name.is_some() && user.display_name != new.display_name {
        user.display_name.clone_from(&new.display_name);
        fields.push(ProfileField::DisplayName);
    }
    if new.avatar_url.is_some() && user.avatar_url != new.avatar_url {
        user.avatar_url.clone_from(&new.avatar_url);
        fields.push(ProfileField::AvatarUrl);
    }
    if new.is_bot && !user.is_bot {
        user.is_bot = true;
        fields.push(ProfileField::IsBot);
    }
    fields
}
