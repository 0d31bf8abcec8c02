//! Checks that the data keeps the promises of the design.

use std::collections::{BTreeMap, HashMap};

use futures_util::TryStreamExt;
use serde::Serialize;
use systemprompt_users_domain::{
    AnonymousScope, BanFactKind, BannedIp, PageLimit, PageRequest, Result, SessionFilter,
    SessionOrder, TimeRange, User, UserFilter, UserId, UserOrder, UserRole, UserScope, UserStatus,
    UserTally,
};

use crate::context::service_of_context;
use crate::{Context, UserService};

/// How many offenders a finding names.
const MAX_EXAMPLES: usize = 10;

/// Reads everything, page by page, and says what is off. It changes nothing.
#[derive(Debug, Clone)]
pub struct Doctor {
    context: Context,
}

service_of_context!(Doctor);

/// Something that must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Invariant {
    /// There is an active admin, if there are users.
    ActiveAdmin,
    /// No two live users share a canonical name.
    UniqueNames,
    /// No two live users share a canonical email.
    UniqueEmails,
    /// Every registered user has an email.
    Emails,
    /// A user is deleted exactly when it has a time of deletion.
    DeletionTimes,
    /// Merged users point at another user that exists.
    MergeTargets,
    /// No session of a user who is not Active is open.
    ClosedSessions,
    /// The counts that are kept equal a count of all users.
    Counts,
    /// Every ban in force is what the facts of its ledger amount to.
    BanStates,
}

impl Invariant {
    /// Every invariant, in the order in which they are reported.
    pub const ALL: [Self; 9] = [
        Self::ActiveAdmin,
        Self::UniqueNames,
        Self::UniqueEmails,
        Self::Emails,
        Self::DeletionTimes,
        Self::MergeTargets,
        Self::ClosedSessions,
        Self::Counts,
        Self::BanStates,
    ];

    /// What it promises, for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::ActiveAdmin => "there is an active admin",
            Self::UniqueNames => "names are unique among live users",
            Self::UniqueEmails => "emails are unique among live users",
            Self::Emails => "every registered user has an email",
            Self::DeletionTimes => "deleted users, and only they, have a time of deletion",
            Self::MergeTargets => "merged users point at another user that exists",
            Self::ClosedSessions => "only active users have open sessions",
            Self::Counts => "the kept counts equal a count of all users",
            Self::BanStates => "bans in force are what their history amounts to",
        }
    }
}

/// Whether an invariant holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which one.
    pub invariant: Invariant,
    /// How many things break it; zero is fine.
    pub broken: u64,
    /// Some of them, for people: at most ten.
    pub examples: Vec<String>,
}

impl Doctor {
    /// Checks every invariant. It reads everything once; on a large database that takes its time.
    ///
    /// Changes made meanwhile may look like a broken invariant: on a busy system, look twice.
    ///
    /// # Errors
    /// `Storage`.
    #[tracing::instrument(skip_all, err(level = "debug"))]
    pub async fn examine(&self) -> Result<Vec<Finding>> {
        let mut report = Report::default();
        let statuses = self.examine_users(&mut report).await?;
        self.examine_sessions(&mut report, &statuses).await?;
        self.examine_bans(&mut report).await?;
        Ok(report.into_findings())
    }

    async fn examine_users(&self, report: &mut Report) -> Result<HashMap<UserId, UserStatus>> {
        let kept = self.context.read().await?.users().tally(&TimeRange::default()).await?;
        let service = UserService::from(self.context.clone().up_to_date());
        let everybody = UserFilter {
            scope: UserScope::All,
            anonymous: AnonymousScope::Include,
            ..UserFilter::default()
        };
        let mut users = std::pin::pin!(service.list_all(everybody, UserOrder::Oldest));
        let mut seen = Seen::default();
        while let Some(user) = users.try_next().await? {
            seen.note(&user, report);
        }
        if seen.registered && !seen.active_admin {
            report.broken(Invariant::ActiveAdmin, "no active user holds the role admin".into());
        }
        for (source, target) in &seen.merged {
            if !seen.statuses.contains_key(target) || source == target {
                report.broken(Invariant::MergeTargets, format!("{source} -> {target}"));
            }
        }
        let counted = tally_map(seen.tallies);
        let kept =
            tally_map(kept.into_iter().map(|tally| (UserTally { count: 0, ..tally }, tally.count)));
        if counted != kept {
            report.broken(Invariant::Counts, format!("kept {kept:?}, counted {counted:?}"));
        }
        Ok(seen.statuses)
    }

    async fn examine_sessions(
        &self,
        report: &mut Report,
        statuses: &HashMap<UserId, UserStatus>,
    ) -> Result<()> {
        let now = self.context.now();
        let mut page = PageRequest { after: None, limit: PageLimit::MAX };
        loop {
            let mut unit = self.context.read().await?;
            let listed = unit
                .sessions()
                .list(&SessionFilter::default(), SessionOrder::Newest, &page)
                .await?;
            for session in listed.items.iter().filter(|session| session.is_open(now)) {
                if statuses.get(&session.user_id).is_some_and(|at| *at != UserStatus::Active) {
                    let example = format!("session {} of user {}", session.id, session.user_id);
                    report.broken(Invariant::ClosedSessions, example);
                }
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn examine_bans(&self, report: &mut Report) -> Result<()> {
        let now = self.context.now();
        let mut page = PageRequest { after: None, limit: PageLimit::MAX };
        let mut listed_count = 0;
        loop {
            let listed = self.context.read().await?.bans().list_active(now, &page).await?;
            for ban in &listed.items {
                listed_count += 1;
                if !self.follows_from_its_facts(ban).await? {
                    report.broken(Invariant::BanStates, ban.target.to_string());
                }
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        let counted = self.context.read().await?.bans().count_active(now).await?;
        if counted != listed_count {
            let example = format!("{listed_count} are listed, {counted} are counted");
            report.broken(Invariant::BanStates, example);
        }
        Ok(())
    }

    /// Whether the end of a ban is the latest of all bans since the last lift, and no fact is missing.
    async fn follows_from_its_facts(&self, ban: &BannedIp) -> Result<bool> {
        let mut unit = self.context.read().await?;
        let mut page = PageRequest { after: None, limit: PageLimit::MAX };
        let mut facts = 0;
        let mut latest = None;
        loop {
            let listed = unit.bans().history(ban.id, &page).await?;
            for fact in &listed.items {
                facts += 1;
                if let BanFactKind::Banned { until } = fact.kind
                    && fact.sequence > ban.lifted_through
                {
                    latest = latest.max(Some(until));
                }
            }
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(facts == ban.fact_count && latest == Some(ban.until)),
            }
        }
    }
}

/// What a walk over all users has come by.
#[derive(Default)]
struct Seen {
    registered: bool,
    active_admin: bool,
    names: HashMap<String, UserId>,
    emails: HashMap<String, UserId>,
    statuses: HashMap<UserId, UserStatus>,
    merged: Vec<(UserId, UserId)>,
    tallies: HashMap<UserTally, u64>,
}

impl Seen {
    fn note(&mut self, user: &User, report: &mut Report) {
        self.statuses.insert(user.id, user.status);
        *self.tallies.entry(UserTally { count: 0, ..UserTally::of(user) }).or_default() += 1;
        self.merged.extend(user.merged_into.map(|target| (user.id, target)));
        self.active_admin |= user.is_active() && user.roles.contains(UserRole::Admin);
        self.registered |= user.is_live() && !user.is_anonymous();
        if user.is_live() == user.deleted_at.is_some() {
            report.broken(Invariant::DeletionTimes, user.id.to_string());
        }
        if !user.is_anonymous() && user.email.is_none() {
            report.broken(Invariant::Emails, user.id.to_string());
        }
        if !user.is_live() {
            return;
        }
        let name = user.name.canonical().to_owned();
        if let Some(other) = self.names.insert(name, user.id) {
            report.broken(Invariant::UniqueNames, format!("{other} and {}", user.id));
        }
        let email = user.email.as_ref().map(ToString::to_string);
        if let Some(other) = email.and_then(|email| self.emails.insert(email, user.id)) {
            report.broken(Invariant::UniqueEmails, format!("{other} and {}", user.id));
        }
    }
}

fn tally_map(tallies: impl IntoIterator<Item = (UserTally, u64)>) -> BTreeMap<UserTally, u64> {
    tallies.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// The findings so far.
#[derive(Default)]
struct Report {
    broken: BTreeMap<Invariant, (u64, Vec<String>)>,
}

impl Report {
    fn broken(&mut self, invariant: Invariant, example: String) {
        let (count, examples) = self.broken.entry(invariant).or_default();
        *count += 1;
        if examples.len() < MAX_EXAMPLES {
            examples.push(example);
        }
    }

    fn into_findings(mut self) -> Vec<Finding> {
        Invariant::ALL
            .into_iter()
            .map(|invariant| {
                let (broken, examples) = self.broken.remove(&invariant).unwrap_or_default();
                Finding { invariant, broken, examples }
            })
            .collect()
    }
}
