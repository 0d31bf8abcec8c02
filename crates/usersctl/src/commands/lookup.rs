//! Finding the users that were named.

use std::io::{self, BufRead};

use systemprompt_users::{BulkItem, BulkReport, MAX_BULK_ITEMS, User, UserError, UserId};

use crate::exit::{Done, Failure, code_of, note};
use crate::host::Services;
use crate::output::{BulkRow, printable};

/// The user of any status that is named.
pub(super) async fn any_user(services: &Services, reference: &str) -> Result<User, Failure> {
    let user = services.admin.find_any_status(reference).await?;
    Ok(user.ok_or_else(|| UserError::user_not_found(reference))?)
}

/// The live user that is named.
pub(super) async fn live_user(services: &Services, reference: &str) -> Result<User, Failure> {
    let user = services.admin.find(reference).await?;
    Ok(user.ok_or_else(|| UserError::user_not_found(reference))?)
}

/// Users that were named, in that order.
pub(super) struct Named {
    /// Each reference, and who it is.
    pub(super) all: Vec<(String, Option<User>)>,
}

impl Named {
    /// Looks everybody up; `-` stands for the lines of stdin.
    pub(super) async fn find(services: &Services, references: &[String]) -> Result<Self, Failure> {
        let references = expand(references)?;
        let mut all = Vec::with_capacity(references.len());
        for reference in references {
            let user = services.admin.find_any_status(&reference).await?;
            all.push((reference, user));
        }
        Ok(Self { all })
    }

    /// Those that were found.
    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        self.all.iter().filter_map(|(_, user)| user.as_ref())
    }

    /// Their ids.
    pub(super) fn ids(&self) -> Vec<UserId> {
        self.users().map(|user| user.id).collect()
    }

    /// How a command went that found nobody else.
    pub(super) fn missing(&self) -> Done {
        let is_missing = self.all.iter().any(|(_, user)| user.is_none());
        if is_missing { Done::SomeNotFound } else { Done::All }
    }

    /// Says who was not found.
    pub(super) fn note_missing(&self) {
        for (reference, _) in self.all.iter().filter(|(_, user)| user.is_none()) {
            note(&printable(&UserError::user_not_found(reference).to_string()));
        }
    }

    /// What became of everybody, those included who were not found, and how it went as a whole.
    pub(super) fn outcome(self, report: BulkReport<BulkItem>) -> (Vec<BulkRow>, Done) {
        let mut items = report.items.into_iter();
        let rows: Vec<BulkRow> = self
            .all
            .into_iter()
            .filter_map(|(reference, user)| match user {
                None => Some(BulkRow::missing(&reference)),
                Some(user) => {
                    let item = items.next()?;
                    Some(BulkRow { reference, id: Some(user.id), outcome: item.outcome })
                }
            })
            .collect();
        let done = done(rows.iter().filter_map(BulkRow::error));
        (rows, done)
    }
}

/// How a command went in which these were refused.
pub(super) fn done<'a>(errors: impl Iterator<Item = &'a UserError>) -> Done {
    let each = errors.map(|error| match code_of(error) {
        1 => Done::SomeFailed,
        3 => Done::SomeNotFound,
        _ => Done::SomeRefused,
    });
    each.max().unwrap_or(Done::All)
}

/// Puts the lines of stdin in the place of `-`. Blank lines and comments are passed over.
fn expand(references: &[String]) -> Result<Vec<String>, Failure> {
    let mut all = Vec::with_capacity(references.len());
    for reference in references {
        if reference != "-" {
            all.push(reference.clone());
            continue;
        }
        for line in io::stdin().lock().lines() {
            let line = line.map_err(Failure::io("stdin"))?;
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                all.push(line.to_owned());
            }
            if all.len() > MAX_BULK_ITEMS {
                break;
            }
        }
    }
    if all.len() > MAX_BULK_ITEMS {
        return Err(Failure::Usage(format!("at most {MAX_BULK_ITEMS} users at once")));
    }
    Ok(all)
}
