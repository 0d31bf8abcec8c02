//! The same commands, done by the services.

use systemprompt_users::{
    AnonymousPromotion, BanDuration, BanIpParams, BanIpWithMetadataParams, BulkItem, BulkOutcome,
    BulkReport, CreateUserParams, EndReason, EventKind, EventPosition, MergeOptions, Patch, Policy,
    Result, SessionId, UpdateUserParams, User, UserError, UserId, UserRole,
};
use systemprompt_users_tests::{Backend, Host, Opened};
use tokio::runtime::{Builder, Runtime};

use super::command::{Change, Command, Number};
use super::sittings::MOST;
use super::world::World;

/// A storage under test, with the ids of what the model knows by number.
pub(crate) struct Real {
    pub(crate) runtime: Runtime,
    pub(crate) host: Host,
    pub(crate) users: Vec<UserId>,
    pub(crate) sessions: Vec<SessionId>,
    position: EventPosition,
    opened: Opened,
}

impl Real {
    pub(crate) fn new(backend: Backend) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let opened = runtime.block_on(backend.open());
        let policy = Policy { max_sessions_per_user: MOST, ..Policy::default() };
        let host = Host::new(opened.storage()).with_policy(policy);
        let position = EventPosition::START;
        Self { runtime, host, users: Vec::new(), sessions: Vec::new(), position, opened }
    }

    /// Does what the model has just done, and checks that answer and log are the same.
    pub(crate) fn obey(&mut self, world: &World, command: &Command) {
        self.host.clock.set(world.now);
        let (answer, log) = {
            let Self { runtime, host, users, sessions, position, .. } = &mut *self;
            let mut hand = Hand { host, users, sessions };
            runtime.block_on(async {
                let answer = match hand.obey(command).await {
                    Ok(answer) => answer,
                    Err(error) => error.code().to_owned(),
                };
                (answer, hand.host.events.read(*position, 1000).await.unwrap())
            })
        };
        let expected = &world.answer;
        assert!(expected.split('|').any(|expected| expected == answer), "{answer} for {expected}");
        self.position = log.last().map_or(self.position, |last| last.position);
        let mut log: Vec<String> =
            log.into_iter().map(|recorded| self.describe(&recorded.event.kind)).collect();
        log.sort();
        assert_eq!(log, world.log, "what is logged");
    }

    fn describe(&self, kind: &EventKind) -> String {
        let subject = match (kind, kind.user_id(), kind.target()) {
            (EventKind::RecordsCleaned { what, .. }, ..) => what.clone(),
            (_, Some(user), _) => self.number(user).to_string(),
            (_, _, Some(target)) => target.to_string(),
            other => panic!("{other:?}"),
        };
        format!("{} {subject}", kind.name())
    }

    pub(crate) fn number(&self, id: UserId) -> Number {
        self.users.iter().position(|user| *user == id).unwrap()
    }

    pub(crate) fn close(self) {
        let findings = self.runtime.block_on(self.host.doctor.examine()).unwrap();
        for finding in findings.into_iter().skip(1) {
            assert_eq!(finding.broken, 0, "{finding:?}");
        }
        self.runtime.block_on(self.opened.close());
    }
}

/// What a command works with.
struct Hand<'a> {
    host: &'a Host,
    users: &'a mut Vec<UserId>,
    sessions: &'a mut Vec<SessionId>,
}

impl Hand<'_> {
    fn user(&self, user: Number) -> UserId {
        let nobody = UserId::from_uuid(uuid::Uuid::from_u128(user as u128));
        self.users.get(user).copied().unwrap_or(nobody)
    }

    fn session(&self, session: Number) -> SessionId {
        let none = SessionId::from_uuid(uuid::Uuid::nil());
        self.sessions.get(session).copied().unwrap_or(none)
    }

    fn many(&self, users: &[Number]) -> Vec<UserId> {
        users.iter().map(|user| self.user(*user)).collect()
    }

    /// The user by number; a new one gets the next.
    fn known(&mut self, user: &User) -> String {
        let place = self.users.iter().position(|id| *id == user.id).unwrap_or_else(|| {
            self.users.push(user.id);
            self.users.len() - 1
        });
        format!("user {place}")
    }

    /// What a change answers: whether the version has moved.
    async fn change(
        &self,
        user: Number,
        change: impl Future<Output = Result<User>>,
    ) -> Result<String> {
        let before = self.host.storage.read().await?.users().find_many(&[self.user(user)]).await?;
        let after = change.await?;
        let moved = before[0].version != after.version;
        Ok(if moved { "done" } else { "unchanged" }.into())
    }

    async fn obey(&mut self, command: &Command) -> Result<String> {
        use Command::*;
        let Host { users, sessions, bans, .. } = self.host;
        Ok(match command {
            Wait(_) => String::new(),
            Create { name, email, is_admin } => {
                let role = if *is_admin { UserRole::Admin } else { UserRole::User };
                let params =
                    CreateUserParams { roles: vec![role], ..CreateUserParams::new(*name, *email) };
                let user = users.create(&params).await?;
                self.known(&user)
            }
            Visit { fingerprint, anew } => {
                let found = match anew {
                    true => users.create_anonymous(Some(fingerprint)).await?,
                    false => users.find_or_create_anonymous(fingerprint).await?,
                };
                let is_new = !self.users.contains(&found.user.id);
                assert_eq!(found.token.is_some(), is_new, "a token is given once");
                self.known(&found.user)
            }
            Register { user, name, email } => {
                let (name, email) = (String::from(*name), String::from(*email));
                let params = AnonymousPromotion { name, email, full_name: None };
                let user = users.promote_anonymous(self.user(*user), &params).await?;
                self.known(&user)
            }
            Update { user, change } => {
                let mut params = params(change);
                if params.email.is_none() && params.email_verified.is_some() {
                    let known = users.find_by_id(self.user(*user)).await?;
                    params.verified_email =
                        known.and_then(|user| user.email).map(|email| email.to_string());
                }
                self.change(*user, users.update(self.user(*user), &params)).await?
            }
            SetStatus { user, status } => {
                self.change(*user, users.update_status(self.user(*user), *status)).await?
            }
            AddRole { user, role } => {
                self.change(*user, users.assign_role(self.user(*user), *role)).await?
            }
            DropRole { user, role } => {
                self.change(*user, users.revoke_role(self.user(*user), *role)).await?
            }
            Delete { user } => self.change(*user, users.delete(self.user(*user))).await?,
            Restore { user } => self.change(*user, users.restore(self.user(*user))).await?,
            Hold { user, held } => {
                self.change(*user, users.set_legal_hold(self.user(*user), *held)).await?
            }
            Purge { user } => {
                let preview = users.preview_purge(self.user(*user)).await;
                let purged = users.purge(self.user(*user)).await?;
                assert_eq!(preview.unwrap(), purged, "the preview equals the purge");
                assert_eq!(purged.users, 1);
                let (bans, merged) = (purged.ban_associations, purged.merged_references);
                format!("sessions {} bans {bans} merged {merged}", purged.sessions)
            }
            Merge { source, target, keep, gain } => {
                let options = MergeOptions { keep_sessions: *keep, gain_roles: *gain };
                let (source, target) = (self.user(*source), self.user(*target));
                let merged = users.merge_users(source, target, options).await?;
                let (moved, ended) = (merged.sessions_moved, merged.sessions_ended);
                format!("moved {moved} ended {ended} bans {}", merged.bans_moved)
            }
            BulkStatus { users: many, status } => {
                words(users.bulk_update_status(&self.many(many), *status).await?)
            }
            BulkDelete { users: many } => words(users.bulk_delete(&self.many(many)).await?),
            BulkRole { users: many, role } => {
                words(users.bulk_assign_role(&self.many(many), *role).await?)
            }
            SignIn { user } => {
                let started = sessions.create(self.user(*user), &Default::default()).await?;
                self.sessions.push(started.session.id);
                format!("session {} ended {}", self.sessions.len() - 1, started.ended.len())
            }
            Touch { session } => {
                sessions.touch(self.session(*session)).await?;
                String::new()
            }
            End { session } => match sessions.end(self.session(*session), EndReason::Logout).await?
            {
                true => "done".into(),
                false => "unchanged".into(),
            },
            EndAll { user } => {
                let ended = sessions.end_all(self.user(*user), EndReason::Revoked).await?;
                format!("ended {}", ended.len())
            }
            EndOthers { session } => {
                let keep = self.session(*session);
                let found = sessions.find_by_id(keep).await?;
                let user = found.ok_or_else(|| UserError::not_found("session", keep))?.user_id;
                let ended = sessions.end_all_except(user, Some(keep), EndReason::Revoked).await?;
                format!("ended {}", ended.len())
            }
            Ban { target, hours, user } => {
                let duration = hours.map_or(BanDuration::Permanent, BanDuration::Hours);
                let user = self.user(*user);
                let known = self.host.storage.read().await?.users().find_many(&[user]).await?;
                let params = BanIpWithMetadataParams {
                    user_id: known.first().map(|user| user.id),
                    ..BanIpParams::new(*target, duration).into()
                };
                let ban = bans.ban_ip_with_metadata(&params).await?;
                format!("until {:?}", Some(ban.until.time()))
            }
            Lift { target } => {
                let lifted = bans.unban_ip(*target, None).await?;
                format!("covered {}", lifted.still_covered_by.len())
            }
            Allow { target } => format!("added {}", bans.allow(*target, None).await?),
            Disallow { target } => {
                bans.disallow(*target).await?;
                "done".into()
            }
            CleanVisitors => {
                let shown = users.list_idle_anonymous(chrono::Duration::days(30), None).await?;
                let count = users.cleanup_anonymous(chrono::Duration::days(30)).await?;
                assert_eq!(shown.len() as u64, count, "what is shown is what is taken");
                format!("count {count}")
            }
            CleanSessions => {
                let cleaned = sessions.cleanup().await?;
                format!("expired {} deleted {}", cleaned.expired, cleaned.deleted)
            }
            CleanBans => format!("count {}", bans.cleanup_expired().await?.deleted),
            PurgeDeleted => {
                format!("count {}", users.purge_deleted(chrono::Duration::days(30)).await?)
            }
        })
    }
}

fn params(change: &Change) -> UpdateUserParams {
    UpdateUserParams {
        name: change.name.map(str::to_owned),
        email: change.email.map(str::to_owned),
        full_name: change.full_name.map_or(Patch::Keep, |text| text.map(str::to_owned).into()),
        email_verified: change.verified,
        ..Default::default()
    }
}

fn words(report: BulkReport<BulkItem>) -> String {
    let words: Vec<&str> = report
        .items
        .iter()
        .map(|item| match &item.outcome {
            BulkOutcome::Done => "done",
            BulkOutcome::Unchanged => "unchanged",
            BulkOutcome::Refused(error) => error.code(),
        })
        .collect();
    words.join(" ")
}
