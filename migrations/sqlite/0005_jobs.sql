-- The runs of jobs, by which many hosts agree on one that runs a job.

CREATE TABLE job_runs (
    id           BLOB NOT NULL CHECK (length(id) = 16),
    job          TEXT NOT NULL,
    scheduled_at INTEGER NOT NULL,
    run_trigger  TEXT NOT NULL CHECK (run_trigger IN ('schedule', 'manual')),
    host         TEXT NOT NULL,
    attempts     INTEGER NOT NULL CHECK (attempts >= 1),
    started_at   INTEGER NOT NULL,
    -- From then on another host may take the run over.
    lease_until  INTEGER NOT NULL,
    ended_at     INTEGER,
    outcome      TEXT CHECK (outcome IN ('succeeded', 'failed')),
    -- JSON: counts by name.
    report       TEXT NOT NULL CHECK (json_valid(report)),
    error        TEXT
) STRICT;

CREATE UNIQUE INDEX job_runs_id ON job_runs (id);

-- However many hosts ask, one begins the run that is due; also tells when a job was last due.
CREATE UNIQUE INDEX job_runs_due ON job_runs (job, run_trigger, scheduled_at);

-- Runs that nobody has ended, for a host that takes one over.
CREATE INDEX job_runs_open ON job_runs (job, scheduled_at, id) WHERE ended_at IS NULL;

-- Lists, begun last first: of all, of a job, of an outcome, of both.
CREATE INDEX job_runs_started ON job_runs (started_at, id);
CREATE INDEX job_runs_job ON job_runs (job, started_at, id);
CREATE INDEX job_runs_outcome ON job_runs (outcome, started_at, id) WHERE outcome IS NOT NULL;
CREATE INDEX job_runs_job_outcome ON job_runs (job, outcome, started_at, id) WHERE outcome IS NOT NULL;

-- Runs past their retention, ended longest ago first.
CREATE INDEX job_runs_ended ON job_runs (ended_at) WHERE ended_at IS NOT NULL;
