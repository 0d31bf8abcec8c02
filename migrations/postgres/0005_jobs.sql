-- Runs of jobs: who runs what, and what became of it.

CREATE TABLE job_runs (
    id uuid NOT NULL,
    job text COLLATE "C" NOT NULL,
    scheduled_at timestamptz NOT NULL,
    -- `schedule` or `manual`.
    trigger text COLLATE "C" NOT NULL,
    host text COLLATE "C" NOT NULL,
    attempts integer NOT NULL,
    started_at timestamptz NOT NULL,
    -- A host that is alive prolongs it; from then on another one may take the run over.
    lease_until timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text COLLATE "C",
    -- Named counts.
    report jsonb NOT NULL,
    error text COLLATE "C",

    CONSTRAINT job_runs_id PRIMARY KEY (id),
    -- Of many hosts that start the same run, one succeeds. Also finds the latest scheduled run of a job.
    CONSTRAINT job_runs_once UNIQUE (job, trigger, scheduled_at)
);

-- Runs to take over.
CREATE INDEX job_runs_unended ON job_runs (job, scheduled_at, id) WHERE ended_at IS NULL;
-- Lists, for each combination of filters.
CREATE INDEX job_runs_by_start ON job_runs (started_at, id);
CREATE INDEX job_runs_of_job ON job_runs (job, started_at, id);
CREATE INDEX job_runs_of_outcome ON job_runs (outcome, started_at, id);
CREATE INDEX job_runs_of_job_and_outcome ON job_runs (job, outcome, started_at, id);
-- Clean-up.
CREATE INDEX job_runs_ended ON job_runs (ended_at, id) WHERE ended_at IS NOT NULL;
