-- Runs as version 5 has them: one that ended, one whose host is gone.
INSERT INTO job_runs (
    id, job, scheduled_at, run_trigger, host, attempts, started_at, lease_until, ended_at, outcome, report,
    error
) VALUES
(
    x'018f340000007000800000000000000a', 'cleanup', 1714557610000000, 'schedule', 'host1', 2, 1714557611000000,
    1714557670000000, 1714557612000000, 'failed', '{"deleted":12}', 'out of luck'
),
(
    x'018f340000007000800000000000000b', 'cleanup', 1714557611000000, 'manual', 'host1', 1, 1714557611000000,
    1714557671000000, NULL, NULL, '{}', NULL
);
