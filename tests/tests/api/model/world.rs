//! The model: what the design says, in plain vectors, without an index and without a thought for speed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::{UserRole, UserStatus};
use systemprompt_users_tests::TestClock;

use super::bans::Fact;
use super::command::{Command, Number};
use super::people::Person;
use super::sittings::Sitting;

/// Everything there is.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: DateTime<Utc>,
    /// By number, in the order in which they were made; a purged one leaves a hole.
    pub(crate) people: Vec<Option<Person>>,
    /// By number; one that was removed leaves a hole.
    pub(crate) sittings: Vec<Option<Sitting>>,
    pub(crate) ledgers: BTreeMap<&'static str, Vec<Fact>>,
    pub(crate) allowed: BTreeSet<&'static str>,
    /// What the last command answered: words that the real answer is brought into as well. Where either
    /// of two is right, `|` stands between.
    pub(crate) answer: String,
    /// What the last command wrote into the log of events, each as kind and subject.
    pub(crate) log: Vec<String>,
}

/// A refusal, by its code.
pub(crate) type Refusal = &'static str;

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: TestClock::START,
            people: Vec::new(),
            sittings: Vec::new(),
            ledgers: BTreeMap::new(),
            allowed: BTreeSet::new(),
            answer: String::new(),
            log: Vec::new(),
        }
    }

    /// Does what is commanded, a second later.
    pub(crate) fn obey(&mut self, command: &Command) {
        use Command::*;
        self.now += Duration::seconds(1);
        self.log.clear();
        let answer: Result<String, Refusal> = match command {
            Wait(time) => {
                self.now += *time;
                Ok(String::new())
            }
            Create { name, email, is_admin } => self.create(name, email, *is_admin),
            Visit { fingerprint, anew } => Ok(self.visit(fingerprint, *anew)),
            Register { user, name, email } => self.register(*user, name, email),
            Update { user, change } => self.update(*user, change),
            SetStatus { user, status } => self.set_status(*user, *status).map(changed),
            AddRole { user, role } => self.add_role(*user, *role).map(changed),
            DropRole { user, role } => self.drop_role(*user, *role).map(changed),
            Delete { user } => self.delete(*user).map(changed),
            Restore { user } => self.restore(*user),
            Hold { user, held } => self.hold(*user, *held),
            Purge { user } => self.purge(*user),
            Merge { source, target, keep, gain } => self.merge(*source, *target, *keep, *gain),
            BulkStatus { users, status } => {
                Ok(self.each(users, |world, user| world.set_status(user, *status)))
            }
            BulkDelete { users } => Ok(self.each(users, Self::delete)),
            BulkRole { users, role } => {
                Ok(self.each(users, |world, user| world.add_role(user, *role)))
            }
            SignIn { user } => self.sign_in(*user),
            Touch { session } => Ok(self.touch(*session)),
            End { session } => self.end(*session),
            EndAll { user } => self.end_all(*user, None),
            EndOthers { session } => self.end_others(*session),
            Ban { target, hours, user } => Ok(self.ban(target, *hours, *user)),
            Lift { target } => self.lift(target),
            Allow { target } => Ok(self.allow(target)),
            Disallow { target } => self.disallow(target),
            CleanVisitors => Ok(self.clean_visitors()),
            CleanSessions => Ok(self.clean_sessions()),
            CleanBans => Ok(self.clean_bans()),
            PurgeDeleted => Ok(self.purge_deleted()),
        };
        self.answer = answer.unwrap_or_else(str::to_owned);
        self.log.sort();
    }

    /// In bulk as if one after the other.
    fn each(
        &mut self,
        users: &[Number],
        mut change: impl FnMut(&mut Self, Number) -> Result<bool, Refusal>,
    ) -> String {
        let words: Vec<&str> = users
            .iter()
            .map(|user| match change(self, *user) {
                Ok(true) => "done",
                Ok(false) => "unchanged",
                Err(refusal) => refusal,
            })
            .collect();
        words.join(" ")
    }

    pub(crate) fn note(&mut self, kind: &str, subject: impl std::fmt::Display) {
        self.log.push(format!("{kind} {subject}"));
    }

    /// Those who are there, with their numbers.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = (Number, &Person)> {
        self.people.iter().enumerate().filter_map(|(n, person)| Some((n, person.as_ref()?)))
    }

    /// Live, registered people.
    pub(crate) fn registered(&self) -> impl Iterator<Item = (Number, &Person)> {
        self.everybody().filter(|(_, person)| person.is_live() && !person.is_visitor())
    }

    pub(crate) fn find(&self, user: Number) -> Result<&Person, Refusal> {
        self.people.get(user).and_then(Option::as_ref).ok_or("not_found")
    }

    pub(crate) fn live(&self, user: Number) -> Result<&Person, Refusal> {
        self.find(user).and_then(|found| if found.is_live() { Ok(found) } else { Err("not_found") })
    }

    pub(crate) fn person(&mut self, user: Number) -> &mut Person {
        self.people[user].as_mut().unwrap()
    }

    /// Whether `user` is an active admin and nobody else is.
    pub(crate) fn is_last_admin(&self, user: Number) -> bool {
        let mut admins = self.everybody().filter(|(_, person)| person.is_active_admin());
        admins.next().is_some_and(|(n, _)| n == user) && admins.next().is_none()
    }

    /// The numbers of live, registered people who match, best first.
    pub(crate) fn search(&self, text: &str) -> Vec<Number> {
        let mut found: Vec<(bool, String, Number)> = self
            .registered()
            .filter_map(|(n, person)| {
                let fields = person.searched();
                let prefix = fields.iter().filter(|field| field.starts_with(text)).min();
                let inside = fields.iter().any(|field| field.contains(text));
                let rank = prefix.map(|field| (false, field.clone()));
                let rank = rank.or_else(|| inside.then(|| (true, String::new())))?;
                Some((rank.0, rank.1, n))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, _, n)| n).collect()
    }

    pub(crate) fn count(&self, holds: impl Fn(&Person) -> bool) -> u64 {
        self.everybody().filter(|(_, person)| holds(person)).count().try_into().unwrap()
    }

    /// How many registered people have that status, deleted ones too.
    pub(crate) fn count_status(&self, status: UserStatus) -> u64 {
        self.count(|person| !person.is_visitor() && person.status == status)
    }

    /// How many live people hold that role.
    pub(crate) fn count_role(&self, role: UserRole) -> u64 {
        self.count(|person| person.is_live() && person.roles.contains(&role))
    }
}

fn changed(changed: bool) -> String {
    if changed { "done" } else { "unchanged" }.to_owned()
}
