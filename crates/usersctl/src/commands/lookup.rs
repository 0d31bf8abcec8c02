//! Finding the users that were named.

use futures_util::{StreamExt, TryStreamExt, stream};
use systemprompt_users::{
    BulkItem, BulkOutcome, BulkReport, MAX_BULK_ITEMS, User, UserError, UserId,
};

use super::lists::{self, Word};
use crate::exit::{Done, Failure, code_of, note, with_causes};
use crate::host::Services;
use crate::output::{BulkRow, printable};
use crate::progress::Progress;

/// How many users are looked up at once.
const AT_ONCE: usize = 16;

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
    all: Vec<Mention>,
}

/// A reference, and who it is: nobody, or no line that could name anybody.
struct Mention {
    reference: String,
    user: Result<Option<User>, UserError>,
}

impl Named {
    /// Looks everybody up; `-` stands for the lines of stdin.
    ///
    /// A line that can't name anybody is refused by itself, with its number; an argument ends the command before
    /// anything is changed.
    pub(super) async fn find(services: &Services, references: &[String]) -> Result<Self, Failure> {
        let words = lists::words(references)?;
        let lookups = words.into_iter().map(|word| async move {
            let Word { text, line, fault } = word;
            let user = match fault {
                Some(error) => Err(at_line(line, &error.reason)),
                None => match services.admin.find_any_status(&text).await {
                    Err(UserError::Validation { message, .. }) if line.is_some() => {
                        Err(at_line(line, &message))
                    }
                    found => Ok(found?),
                },
            };
            Ok::<_, Failure>(Mention { reference: text, user })
        });
        let all = stream::iter(lookups).buffered(AT_ONCE).try_collect().await?;
        Ok(Self { all })
    }

    /// How many were named.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Those that were found.
    pub(super) fn users(&self) -> impl Iterator<Item = &User> {
        self.all.iter().filter_map(|mention| mention.user.as_ref().ok()?.as_ref())
    }

    /// Changes those that were found, as many at once as a bulk operation takes.
    pub(super) async fn change(
        &self,
        mut change: impl AsyncFnMut(&[UserId]) -> Result<BulkReport<BulkItem>, UserError>,
    ) -> Result<BulkReport<BulkItem>, Failure> {
        let ids: Vec<UserId> = self.users().map(|user| user.id).collect();
        let progress = Progress::items("changing", u64::try_from(ids.len()).ok());
        let mut items = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(MAX_BULK_ITEMS) {
            match change(chunk).await {
                Ok(report) => items.extend(report.items),
                Err(error) if items.is_empty() => return Err(error.into()),
                Err(error) => {
                    return Err(Failure::Failed(format!(
                        "the first {} of {} users are through, the others are as they were: {}; give the same list again",
                        items.len(),
                        ids.len(),
                        with_causes(&error)
                    )));
                }
            }
            progress.add(u64::try_from(chunk.len()).unwrap_or_default());
        }
        Ok(BulkReport { items })
    }

    /// How a command went that found nobody else.
    pub(super) fn missing(&self) -> Done {
        let worst = self.all.iter().map(|mention| match &mention.user {
            Ok(Some(_)) => Done::All,
            Ok(None) => Done::SomeNotFound,
            Err(_) => Done::SomeRefused,
        });
        worst.max().unwrap_or(Done::All)
    }

    /// Says who was not found.
    pub(super) fn note_missing(&self) {
        for mention in &self.all {
            match &mention.user {
                Ok(Some(_)) => {}
                Ok(None) => {
                    note(&printable(&UserError::user_not_found(&mention.reference).to_string()));
                }
                Err(error) => note(&printable(&error.to_string())),
            }
        }
    }

    /// What became of everybody, those included who were not found, and how it went as a whole.
    pub(super) fn outcome(self, report: BulkReport<BulkItem>) -> (Vec<BulkRow>, Done) {
        let mut items = report.items.into_iter();
        let rows: Vec<BulkRow> = self
            .all
            .into_iter()
            .filter_map(|Mention { reference, user }| match user {
                Err(error) => {
                    let outcome = BulkOutcome::Refused(error);
                    Some(BulkRow { reference, id: None, outcome })
                }
                Ok(None) => Some(BulkRow::missing(&reference)),
                Ok(Some(user)) => {
                    let item = items.next()?;
                    Some(BulkRow { reference, id: Some(user.id), outcome: item.outcome })
                }
            })
            .collect();
        let done = done(rows.iter().filter_map(BulkRow::error));
        (rows, done)
    }
}

fn at_line(line: Option<u64>, reason: &str) -> UserError {
    let line = line.map(|line| format!("line {line}: ")).unwrap_or_default();
    UserError::validation("user", format!("{line}{reason}"))
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
