//! Runs of jobs, and every index of them.

mod repository;

use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use imbl::OrdMap;
use systemprompt_users_domain::{
    Cursor, JobOutcome, JobRun, JobRunFilter, JobRunId, JobTrigger, Page, PageRequest,
    StorageError, StorageResult, UniqueKey,
};

use crate::cursor::time_of;
use crate::index::Index;
use crate::time::{micros, micros_from, moment};
use crate::walk::Change;

/// What no two runs share: job, whether somebody asked for it, scheduled time.
type Slot = (Arc<str>, bool, i64);

/// A place in a list: the job and the outcome that the list is about, start, id.
type Listed = (Option<Arc<str>>, Option<&'static str>, i64, JobRunId);

/// All runs. A clone shares everything.
#[derive(Clone, Default)]
pub(crate) struct JobTable {
    runs: OrdMap<JobRunId, Arc<JobRun>>,
    slots: OrdMap<Slot, JobRunId>,
    /// Those not ended, by job and scheduled time.
    open: Index<(Arc<str>, i64, JobRunId)>,
    ended: Index<(i64, JobRunId)>,
    /// Every run once for each filter that it meets.
    listed: Index<Listed>,
}

impl JobTable {
    /// The one place that knows which index holds which run.
    fn index(&mut self, run: &Arc<JobRun>, change: Change) {
        let job: Arc<str> = run.job.as_str().into();
        let scheduled = micros(run.scheduled_at);
        match run.ended_at {
            None => change.apply(&mut self.open, (Arc::clone(&job), scheduled, run.id)),
            Some(ended) => change.apply(&mut self.ended, (micros(ended), run.id)),
        }
        let started = micros(run.started_at);
        let outcome = run.outcome.map(JobOutcome::as_str);
        for about in [None, Some(Arc::clone(&job))] {
            change.apply(&mut self.listed, (about.clone(), None, started, run.id));
            if outcome.is_some() {
                change.apply(&mut self.listed, (about, outcome, started, run.id));
            }
        }
        let slot = (job, run.trigger == JobTrigger::Manual, scheduled);
        match change {
            Change::In => {
                self.slots.insert(slot, run.id);
                self.runs.insert(run.id, Arc::clone(run));
            }
            Change::Out => {
                self.slots.remove(&slot);
                self.runs.remove(&run.id);
            }
        }
    }

    fn replace(&mut self, old: &Arc<JobRun>, new: JobRun) {
        self.index(old, Change::Out);
        self.index(&Arc::new(new), Change::In);
    }

    fn start(&mut self, run: &JobRun) -> StorageResult<bool> {
        let manual = run.trigger == JobTrigger::Manual;
        if self.slots.contains_key(&(run.job.as_str().into(), manual, micros(run.scheduled_at))) {
            return Ok(false);
        }
        if self.runs.contains_key(&run.id) {
            return Err(StorageError::Conflict { key: UniqueKey::Id, source: None });
        }
        self.index(&Arc::new(run.clone()), Change::In);
        Ok(true)
    }

    fn take_over(
        &mut self,
        job: &str,
        host: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Option<JobRun> {
        let from = (Arc::from(job), i64::MIN, JobRunId::from_uuid(uuid::Uuid::nil()));
        let open = self.open.range(from..).take_while(|(of, _, _)| &**of == job);
        let old = open
            .filter_map(|(_, _, id)| self.runs.get(id))
            .find(|run| run.lease_until <= now)
            .cloned()?;
        let new = JobRun {
            host: host.to_owned(),
            attempts: old.attempts.saturating_add(1),
            started_at: now,
            lease_until,
            ..(*old).clone()
        };
        self.replace(&old, new.clone());
        Some(new)
    }

    /// The run, if it is still that attempt of that host.
    fn held(&self, id: JobRunId, host: &str, attempt: u32) -> Option<Arc<JobRun>> {
        let run = self.runs.get(&id)?;
        let held = run.ended_at.is_none() && run.host == host && run.attempts == attempt;
        held.then(|| Arc::clone(run))
    }

    fn renew(
        &mut self,
        id: JobRunId,
        host: &str,
        attempt: u32,
        lease_until: DateTime<Utc>,
    ) -> bool {
        let Some(old) = self.held(id, host, attempt) else { return false };
        self.replace(&old, JobRun { lease_until, ..(*old).clone() });
        true
    }

    fn finish(&mut self, run: &JobRun) -> bool {
        let Some(old) = self.held(run.id, &run.host, run.attempts) else { return false };
        let new = JobRun {
            ended_at: run.ended_at,
            outcome: run.outcome,
            report: run.report.clone(),
            error: run.error.clone(),
            ..(*old).clone()
        };
        self.replace(&old, new);
        true
    }

    fn list(&self, filter: &JobRunFilter, page: &PageRequest) -> StorageResult<Page<JobRun>> {
        let job: Option<Arc<str>> = filter.job.as_deref().map(Arc::from);
        let outcome = filter.outcome.map(JobOutcome::as_str);
        let place = |time, id| (job.clone(), outcome, time, JobRunId::from_uuid(id));
        let until = match time_of(page.after.as_ref())? {
            Some(after) => Bound::Excluded(place(after.head, after.id)),
            None => Bound::Included(place(i64::MAX, uuid::Uuid::max())),
        };
        let from = Bound::Included(place(i64::MIN, uuid::Uuid::nil()));
        let keys = self.listed.range((from, until)).rev();
        let runs = keys.filter_map(|(_, _, _, id)| self.runs.get(id));
        let want = usize::from(page.limit.get()) + 1;
        let runs: Vec<JobRun> = runs.take(want).map(|run| (**run).clone()).collect();
        Ok(Page::from_rows(runs, page.limit, |run| {
            Cursor::at_time(run.started_at, run.id.as_uuid())
        }))
    }

    fn last_slot(&self, job: &str) -> Option<(i64, JobRunId)> {
        let slot = |time| (Arc::from(job), false, time);
        let (slot, id) = self.slots.range(slot(i64::MIN)..=slot(i64::MAX)).next_back()?;
        Some((slot.2, *id))
    }

    fn last_scheduled(&self, job: &str) -> Option<DateTime<Utc>> {
        self.last_slot(job).map(|(time, _)| moment(time))
    }

    fn delete_ended(&mut self, before: DateTime<Utc>, limit: u16) -> u64 {
        let ended = self.ended.iter().take_while(|(time, _)| *time < micros_from(before));
        let runs = ended.filter_map(|(_, id)| self.runs.get(id));
        let kept = |run: &JobRun| self.last_slot(&run.job).is_some_and(|(_, id)| id == run.id);
        let gone = runs.filter(|run| !kept(run)).take(usize::from(limit));
        let gone: Vec<Arc<JobRun>> = gone.cloned().collect();
        for run in &gone {
            self.index(run, Change::Out);
        }
        gone.len() as u64
    }
}
