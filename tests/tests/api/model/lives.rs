//! The model of how users come to an end: deletion, restoration, hold, purge, clean-up, merge.

use chrono::Duration;
use systemprompt_users::UserStatus;

use super::command::Number;
use super::people::ANONYMOUS;
use super::world::{Refusal, World};

impl World {
    pub(crate) fn delete(&mut self, user: Number) -> Result<bool, Refusal> {
        self.live(user)?;
        self.keep_an_admin(user)?;
        self.put_away(user);
        self.note("user_deleted", user);
        self.end_sessions(&[user], None, "deleted");
        Ok(true)
    }

    fn put_away(&mut self, user: Number) {
        let now = self.now;
        let person = self.person(user);
        person.before_delete = Some(person.status);
        person.status = UserStatus::Deleted;
        person.deleted = Some(now);
        person.change(now);
    }

    pub(crate) fn restore(&mut self, user: Number) -> Result<String, Refusal> {
        let person = self.find(user)?.clone();
        if person.is_live() || person.merged_into.is_some() {
            return Err("not_allowed");
        }
        let name = Some(person.name.as_str()).filter(|name| *name != ANONYMOUS);
        self.check_free(Some(user), name, person.email.as_deref())?;
        let now = self.now;
        let person = self.person(user);
        person.status = person.before_delete.take().unwrap();
        person.deleted = None;
        person.change(now);
        self.note("user_restored", user);
        Ok("done".into())
    }

    pub(crate) fn hold(&mut self, user: Number, held: bool) -> Result<String, Refusal> {
        if self.find(user)?.held == held {
            return Ok("unchanged".into());
        }
        let now = self.now;
        self.person(user).held = held;
        self.person(user).change(now);
        self.note("legal_hold_changed", user);
        Ok("done".into())
    }

    pub(crate) fn purge(&mut self, user: Number) -> Result<String, Refusal> {
        let person = self.find(user)?;
        if person.held {
            return Err("legal_hold");
        }
        if person.is_live() {
            return Err("not_allowed");
        }
        Ok(self.remove(user))
    }

    fn remove(&mut self, user: Number) -> String {
        self.people[user] = None;
        let mut sessions = 0;
        for sitting in &mut self.sittings {
            if sitting.take_if(|sitting| sitting.user == user).is_some() {
                sessions += 1;
            }
        }
        let bans = self.reassign_bans(user, None);
        let mut merged = 0;
        for person in self.people.iter_mut().flatten() {
            if person.merged_into.take_if(|into| *into == user).is_some() {
                merged += 1;
            }
        }
        self.note("user_purged", user);
        format!("sessions {sessions} bans {bans} merged {merged}")
    }

    pub(crate) fn purge_deleted(&mut self) -> String {
        let before = self.now - Duration::days(30);
        let due = self.everybody().filter(|(_, person)| {
            !person.held && person.deleted.is_some_and(|deleted| deleted < before)
        });
        let due: Vec<Number> = due.map(|(n, _)| n).collect();
        for user in &due {
            self.remove(*user);
        }
        format!("count {}", due.len())
    }

    pub(crate) fn clean_visitors(&mut self) -> String {
        let before = self.now - Duration::days(30);
        let due = self.everybody().filter(|(n, person)| {
            person.is_active()
                && person.is_visitor()
                && !person.held
                && person.seen < before
                && !self.sittings.iter().flatten().any(|s| s.user == *n && s.is_open(self.now))
        });
        let due: Vec<Number> = due.map(|(n, _)| n).collect();
        for user in &due {
            self.delete(*user).unwrap();
        }
        format!("count {}", due.len())
    }

    pub(crate) fn merge(
        &mut self,
        source: Number,
        target: Number,
        keep: bool,
        gain: bool,
    ) -> Result<String, Refusal> {
        if source == target {
            return Err("not_allowed");
        }
        let (gone, mut kept) = (self.live(source)?.clone(), self.live(target)?.clone());
        if kept.is_visitor() && !gone.is_visitor() {
            return Err("not_allowed");
        }
        let before = (kept.roles.clone(), kept.full_name.clone());
        if gain {
            if gone.is_visitor() != kept.is_visitor() {
                return Err("invalid_roles");
            }
            kept.roles.extend(&gone.roles);
        }
        if !kept.is_active_admin() {
            self.keep_an_admin(source)?;
        }
        kept.full_name = kept.full_name.or(gone.full_name);
        kept.seen = kept.seen.max(gone.seen);
        kept.change(self.now);
        let stays_open = keep && kept.is_active();
        let (gained, filled) = (kept.roles != before.0, kept.full_name != before.1);
        *self.person(target) = kept;
        self.put_away(source);
        self.person(source).merged_into = Some(target);

        let ended = if stays_open { 0 } else { self.end_sessions(&[source], None, "merged") };
        let mut moved = 0;
        for sitting in self.sittings.iter_mut().flatten().filter(|sitting| sitting.user == source) {
            sitting.user = target;
            moved += 1;
        }
        let bans = self.reassign_bans(source, Some(target));
        self.note("user_merged", source);
        for (kind, _) in
            [("roles_changed", gained), ("user_updated", filled)].iter().filter(|(_, told)| *told)
        {
            self.note(kind, target);
        }
        Ok(format!("moved {moved} ended {ended} bans {bans}"))
    }
}
