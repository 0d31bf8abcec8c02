//! Creating many users at once: the set-based heart of import, create and ensure.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use systemprompt_users_domain::{
    BulkCreateItem, BulkCreateOutcome, BulkReport, CreateUserParams, EventKind, InsertOutcome,
    NewUser, OnExisting, ProfileField, Result, UniqueKey, UnitOfWork, User, UserError, UserId,
    UserName, UserStatus,
};

use super::UserService;
use super::engine::check_bulk;
use super::holders::{Found, Holders};
use super::look_alike::AdminNames;
use super::rehearsal::Rehearsal;
use crate::context::retry;

/// A user to be created, as a row of a file says it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportRow {
    /// The user.
    pub params: CreateUserParams,
    /// The status that the user begins with, where the row says one; otherwise active.
    pub status: Option<UserStatus>,
    /// Whether the user begins under a legal hold, where the row says it; otherwise not.
    pub legal_hold: Option<bool>,
}

/// One row of an import.
#[derive(Debug)]
pub struct ImportItem {
    /// Which row, counted from 0 in the order given.
    pub row: usize,
    /// What happened.
    pub outcome: BulkCreateOutcome,
    /// Fields in which an existing user differs from what the row says, and which an import does not change.
    pub withheld: Vec<&'static str>,
}

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
        let rows = rows.iter().map(|params| (params, None, None));
        let items = self.import_rows(rows, on_existing, None).await?;
        let item = |item: ImportItem| BulkCreateItem { row: item.row, outcome: item.outcome };
        Ok(BulkReport { items: items.into_iter().map(item).collect() })
    }

    /// [`bulk_create`](Self::bulk_create) of rows that may begin suspended or under a legal hold: each user
    /// comes into being with its status, hold and roles, in the unit that creates it, so that nobody is ever
    /// active who is not to be. A row that says another status or hold than an existing user has is `Refused`.
    ///
    /// With a `rehearsal` the same is done in a unit that is rolled back: each row is told what would happen
    /// to it, behind the rows that the rehearsal has seen before, and nothing is stored.
    ///
    /// # Errors
    /// `Validation` of `rows` beyond 10,000; `Storage`, and then no row is stored.
    #[tracing::instrument(skip_all, fields(rows = rows.len()), err(level = "debug"))]
    pub async fn bulk_import(
        &self,
        rows: &[ImportRow],
        on_existing: OnExisting,
        rehearsal: Option<&mut Rehearsal>,
    ) -> Result<BulkReport<ImportItem>> {
        let rows = rows.iter().map(|row| (&row.params, row.status, row.legal_hold));
        let items = self.import_rows(rows, on_existing, rehearsal).await?;
        Ok(BulkReport { items })
    }

    async fn import_rows<'a>(
        &self,
        rows: impl ExactSizeIterator<Item = (&'a CreateUserParams, Option<UserStatus>, Option<bool>)>,
        on_existing: OnExisting,
        rehearsal: Option<&mut Rehearsal>,
    ) -> Result<Vec<ImportItem>> {
        check_bulk("rows", rows.len())?;
        let mut refused = Vec::new();
        let mut parsed = Vec::with_capacity(rows.len());
        for (row, (params, status, legal_hold)) in rows.enumerate() {
            match self.parse_row(params, status) {
                Ok(new) => {
                    let says_roles = !params.roles.is_empty();
                    parsed.push(Parsed { row, new, says_roles, status, legal_hold });
                }
                Err(error) => refused.push(ImportItem::new(row, BulkCreateOutcome::Refused(error))),
            }
        }
        let seen = rehearsal.as_deref();
        let mut items = retry(|| self.try_import(&parsed, on_existing, seen)).await?;
        if let Some(rehearsal) = rehearsal {
            for (parsed, item) in parsed.iter().zip(&items) {
                if let BulkCreateOutcome::Created(id) = item.outcome {
                    rehearsal.remember(parsed, id);
                }
            }
        }
        items.extend(refused);
        items.sort_unstable_by_key(|item| item.row);
        Ok(items)
    }

    fn parse_row(&self, params: &CreateUserParams, status: Option<UserStatus>) -> Result<NewUser> {
        let new = params.parse()?;
        self.context.check_roles(new.roles)?;
        self.context.policy().check_email(&new.email)?;
        if status == Some(UserStatus::Deleted) {
            return Err(UserError::validation("status", "no user is created deleted"));
        }
        Ok(new)
    }

    async fn try_import(
        &self,
        rows: &[Parsed],
        on_existing: OnExisting,
        rehearsal: Option<&Rehearsal>,
    ) -> Result<Vec<ImportItem>> {
        let now = self.context.now();
        let mut unit = self.context.write().await?;
        let misleading = misleading(&mut *unit, rows).await?;
        let refused: HashSet<usize> = misleading.iter().map(|(row, _)| *row).collect();
        let rows: Vec<&Parsed> = rows.iter().filter(|row| !refused.contains(&row.row)).collect();
        // What a rehearsal would have stored before is not there to be refused by.
        let rehearsed: Vec<Option<UniqueKey>> = rows
            .iter()
            .map(|row| rehearsal.and_then(|rehearsal| rehearsal.conflict(&row.new)))
            .collect();
        let mut users: Vec<User> = rows
            .iter()
            .zip(&rehearsed)
            .filter(|(_, conflict)| conflict.is_none())
            .map(|(row, _)| row.user(self.new_user(row.new.clone(), now)))
            .collect();
        in_order(&mut users);
        let mut inserted = unit.users().insert_many(&users).await?.into_iter().zip(&users);
        let mut outcomes: Vec<(InsertOutcome, Option<&User>)> = Vec::with_capacity(rows.len());
        for conflict in rehearsed {
            outcomes.push(match conflict {
                Some(key) => (InsertOutcome::Conflict(key), None),
                None => match inserted.next() {
                    Some((outcome, user)) => (outcome, Some(user)),
                    None => return Err(UserError::Stale),
                },
            });
        }

        // The constraints have spoken. What they refused is looked up once: the same user, or another?
        let conflicting = rows.iter().zip(&outcomes).filter_map(|(row, (outcome, _))| {
            matches!(outcome, InsertOutcome::Conflict(_)).then_some(&row.new)
        });
        let mut holders = Holders::load(&mut *unit, conflicting, on_existing).await?;

        let mut events = Vec::new();
        let mut items = Vec::with_capacity(rows.len());
        for (row, (outcome, user)) in rows.iter().zip(outcomes) {
            items.push(match (outcome, user) {
                (InsertOutcome::Conflict(key), _) => {
                    let rehearsed = rehearsal.and_then(|rehearsal| rehearsal.find(&row.new));
                    let (item, change) = self.existing(&mut holders, rehearsed, row, key, now);
                    events.extend(change.map(Told::Change));
                    item
                }
                (InsertOutcome::Inserted, Some(user)) => {
                    events.extend(beginnings(user).map(Told::Kind));
                    ImportItem::new(row.row, BulkCreateOutcome::Created(user.id))
                }
                (InsertOutcome::Inserted, None) => return Err(UserError::Stale),
            });
        }
        let refused = |(row, error)| ImportItem::new(row, BulkCreateOutcome::Refused(error));
        items.extend(misleading.into_iter().map(refused));
        items.sort_unstable_by_key(|item| item.row);
        if rehearsal.is_some() {
            return Ok(items);
        }
        let changed = holders.changed();
        if !changed.is_empty() {
            unit.users().update_many(&changed).await?;
        }
        let kinds = events.into_iter().filter_map(|told| match told {
            Told::Kind(kind) => Some(kind),
            Told::Change(name) => holders.updated(&name),
        });
        let events: Vec<_> = kinds.map(|kind| self.context.event(now, kind)).collect();
        if !events.is_empty() {
            unit.events().append(&events).await?;
            self.context.commit(unit).await?;
        }
        Ok(items)
    }

    /// What a row comes to that a stored user, or one of the rehearsal, stands in the way of; and the name of
    /// that user, where this row is the first to change it.
    fn existing(
        &self,
        holders: &mut Holders,
        rehearsed: Option<Found>,
        row: &Parsed,
        key: UniqueKey,
        now: DateTime<Utc>,
    ) -> (ImportItem, Option<UserName>) {
        let refused =
            |error: UserError| (ImportItem::new(row.row, BulkCreateOutcome::Refused(error)), None);
        let found = rehearsed.or_else(|| holders.find(&row.new));
        let Some(found) = found.filter(|found| found.has_same_email) else {
            return refused(key.into());
        };
        if let Err(error) = row.check_unchanged(found.status, found.legal_hold) {
            return refused(error);
        }
        let existing = ImportItem::new(row.row, BulkCreateOutcome::Existing(found.id));
        let Some(user) =
            holders.get(&row.new.name).filter(|_| holders.on_existing == OnExisting::Update)
        else {
            return (existing, None);
        };
        let withheld = row.withheld(user);
        if holders.would_change(&row.new)
            && let Err(error) = self.context.check_roles(user.roles)
        {
            return refused(error);
        }
        match holders.bring_up_to_date(&row.new, now) {
            None => (ImportItem { withheld, ..existing }, None),
            Some(is_first) => {
                let outcome = BulkCreateOutcome::Changed(found.id);
                let item = ImportItem { withheld, ..ImportItem::new(row.row, outcome) };
                (item, is_first.then(|| row.new.name.clone()))
            }
        }
    }
}

impl ImportItem {
    const fn new(row: usize, outcome: BulkCreateOutcome) -> Self {
        Self { row, outcome, withheld: Vec::new() }
    }
}

/// A row that makes sense by itself.
pub(super) struct Parsed {
    row: usize,
    pub(super) new: NewUser,
    says_roles: bool,
    pub(super) status: Option<UserStatus>,
    pub(super) legal_hold: Option<bool>,
}

impl Parsed {
    /// The new user as the row says it is to begin.
    fn user(&self, user: User) -> User {
        User {
            status: self.status.unwrap_or(UserStatus::Active),
            legal_hold: self.legal_hold.unwrap_or(false),
            ..user
        }
    }

    /// An existing user keeps status and hold; a row that says otherwise is refused, so that nobody stays
    /// active, or unprotected, unnoticed.
    fn check_unchanged(&self, status: UserStatus, legal_hold: bool) -> Result<()> {
        if self.status.is_some_and(|wanted| wanted != status) {
            let message = format!(
                "the user is there and {status}; an import changes no status: suspend or activate the user"
            );
            return Err(UserError::validation("status", message));
        }
        if self.legal_hold.is_some_and(|wanted| wanted != legal_hold) {
            let message = "the user is there with another legal hold; an import changes none";
            return Err(UserError::validation("legal_hold", message));
        }
        Ok(())
    }

    /// What the row says of an existing user that an import does not change.
    fn withheld(&self, user: &User) -> Vec<&'static str> {
        let mut withheld = Vec::new();
        if self.says_roles && self.new.roles != user.roles {
            withheld.push("roles");
        }
        if self.new.email_verified && !user.email_verified {
            withheld.push("email_verified");
        }
        withheld
    }
}

/// The rows whose name looks like an admin's and is new, and why they are refused.
async fn misleading(unit: &mut dyn UnitOfWork, rows: &[Parsed]) -> Result<Vec<(usize, UserError)>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let admins = AdminNames::load(unit).await?;
    let mut alike: Vec<(&Parsed, UserError)> = Vec::new();
    for row in rows {
        if let Err(error) = admins.check(None, &row.new.name) {
            alike.push((row, error));
        }
    }
    if alike.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<UserName> = alike.iter().map(|(row, _)| row.new.name.clone()).collect();
    let known = unit.users().find_by_names(&names).await?;
    let known: HashSet<UserName> = known.into_iter().map(|user| user.name).collect();
    let is_new = |(row, _): &(&Parsed, UserError)| !known.contains(&row.new.name);
    Ok(alike.into_iter().filter(is_new).map(|(row, error)| (row.row, error)).collect())
}

/// An event of the log, in the order of the rows.
enum Told {
    Kind(EventKind),
    /// The user of this name is changed, in the fields that all rows together change.
    Change(UserName),
}

/// The events of a user who is new: created, and then what it is made, as if that came after.
fn beginnings(user: &User) -> impl Iterator<Item = EventKind> + use<> {
    let user_id = user.id;
    let created = EventKind::UserCreated { user_id, roles: user.roles };
    let held = user.legal_hold.then_some(EventKind::LegalHoldChanged { user_id, held: true });
    let (from, to) = (UserStatus::Active, user.status);
    let status = (from != to).then_some(EventKind::StatusChanged { user_id, from, to });
    std::iter::once(created).chain(held).chain(status)
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

/// Takes over what the row says; what it leaves blank stays.
pub(super) fn bring_up_to_date(user: &mut User, new: &NewUser) -> Vec<ProfileField> {
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
