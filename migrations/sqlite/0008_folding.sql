-- One folding for names, emails and the search: full case folding, ordinary width, composed (NFC).
--
-- Only the application can fold, and does so right after this migration for the users below; whose texts are ASCII stay
-- as they are. Of two live users whose names are one name from now on, the later gets a name with the end of its id; of two
-- whose emails are one, the later keeps its stored spelling, and is found by id and name.

-- The library goes through the users in the transaction of this migration.

-- Of rows that ended at one moment a clean-up takes the smaller key first, as every storage does: in the order of an index.
DROP INDEX job_runs_ended;
CREATE INDEX job_runs_ended ON job_runs (ended_at, id) WHERE ended_at IS NOT NULL;
DROP INDEX remembered_requests_created;
CREATE INDEX remembered_requests_created ON remembered_requests (created_at, key);
DROP INDEX sessions_run_out;
CREATE INDEX sessions_run_out ON sessions (live_until, id) WHERE ended_at IS NULL;
DROP INDEX sessions_ended;
CREATE INDEX sessions_ended ON sessions (ended_at, id) WHERE ended_at IS NOT NULL;
