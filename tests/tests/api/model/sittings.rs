//! The model of sessions.

use chrono::{DateTime, Duration, Utc};
use systemprompt_users::UserStatus;

use super::command::Number;
use super::world::{Refusal, World};

/// How many open sessions a user may have in this test.
pub(crate) const MOST: u16 = 3;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sitting {
    pub(crate) user: Number,
    pub(crate) started: DateTime<Utc>,
    pub(crate) used: DateTime<Utc>,
    pub(crate) ended: Option<(DateTime<Utc>, &'static str)>,
}

impl Sitting {
    /// 30 days at the most, and 7 days idle.
    pub(crate) fn live_until(&self) -> DateTime<Utc> {
        (self.started + Duration::days(30)).min(self.used + Duration::days(7))
    }

    pub(crate) fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.ended.is_none() && now < self.live_until()
    }
}

impl World {
    fn sitting(&self, session: Number) -> Result<&Sitting, Refusal> {
        self.sittings.get(session).and_then(Option::as_ref).ok_or("not_found")
    }

    pub(crate) fn sign_in(&mut self, user: Number) -> Result<String, Refusal> {
        if self.live(user)?.status != UserStatus::Active {
            return Err("not_allowed");
        }
        let now = self.now;
        let session = self.sittings.len();
        self.sittings.push(Some(Sitting { user, started: now, used: now, ended: None }));
        self.person(user).seen = now;
        self.note("session_started", user);

        let is_open = |s: &Sitting| s.user == user && s.is_open(now);
        let sittings = self.sittings.iter_mut().flatten();
        let mut open: Vec<&mut Sitting> = sittings.filter(|s| is_open(s)).collect();
        open.sort_by_key(|sitting| sitting.used);
        let surplus = open.len().saturating_sub(MOST.into());
        for sitting in open.into_iter().take(surplus) {
            sitting.ended = Some((now, "limit"));
        }
        if surplus > 0 {
            self.note("sessions_ended", user);
        }
        Ok(format!("session {session} ended {surplus}"))
    }

    pub(crate) fn touch(&mut self, session: Number) -> String {
        let now = self.now;
        if let Some(Some(sitting)) = self.sittings.get_mut(session)
            && sitting.is_open(now)
        {
            sitting.used = now;
            let user = sitting.user;
            self.person(user).seen = now;
        }
        String::new()
    }

    pub(crate) fn end(&mut self, session: Number) -> Result<String, Refusal> {
        let sitting = self.sitting(session)?;
        if sitting.ended.is_some() {
            return Ok("unchanged".into());
        }
        let user = sitting.user;
        self.sittings[session].as_mut().unwrap().ended = Some((self.now, "logout"));
        self.note("sessions_ended", user);
        Ok("done".into())
    }

    pub(crate) fn end_all(
        &mut self,
        user: Number,
        except: Option<Number>,
    ) -> Result<String, Refusal> {
        self.live(user)?;
        let ended = self.end_sessions(&[user], except, "revoked");
        Ok(format!("ended {ended}"))
    }

    pub(crate) fn end_others(&mut self, session: Number) -> Result<String, Refusal> {
        let user = self.sitting(session)?.user;
        self.end_all(user, Some(session))
    }

    /// Ends what is not ended, run out or not; answers how many.
    pub(crate) fn end_sessions(
        &mut self,
        users: &[Number],
        except: Option<Number>,
        reason: &'static str,
    ) -> usize {
        let now = self.now;
        let mut all = 0;
        for user in users {
            let mut ended = 0;
            for (n, sitting) in self.sittings.iter_mut().enumerate() {
                if let Some(sitting) = sitting
                    && sitting.user == *user
                    && sitting.ended.is_none()
                    && Some(n) != except
                {
                    sitting.ended = Some((now, reason));
                    ended += 1;
                }
            }
            if ended > 0 {
                self.note("sessions_ended", user);
            }
            all += ended;
        }
        all
    }

    pub(crate) fn clean_sessions(&mut self) -> String {
        let now = self.now;
        let (mut expired, mut removed) = (0, 0);
        for sitting in &mut self.sittings {
            if let Some(over) = sitting
                && over.ended.is_none()
                && !over.is_open(now)
            {
                over.ended = Some((over.live_until(), "expired"));
                expired += 1;
            }
            let is_old = |s: &mut Sitting| {
                s.ended.is_some_and(|(ended, _)| ended < now - Duration::days(30))
            };
            removed += usize::from(sitting.take_if(is_old).is_some());
        }
        for (what, count) in [("expired_sessions", expired), ("sessions", removed)] {
            if count > 0 {
                self.note("records_cleaned", what);
            }
        }
        format!("expired {expired} deleted {removed}")
    }
}
