-- Every seventh address is banned, and only then is the allow-list asked.
\set n random(0, 7 * :bans - 1)
-- $1: (SELECT ARRAY[set_masklen(a, 32), set_masklen(a, 31), set_masklen(a, 30), set_masklen(a, 29),
--   set_masklen(a, 28), set_masklen(a, 27), set_masklen(a, 26), set_masklen(a, 25), set_masklen(a, 24),
--   set_masklen(a, 23), set_masklen(a, 22), set_masklen(a, 21), set_masklen(a, 20), set_masklen(a, 19),
--   set_masklen(a, 18), set_masklen(a, 17), set_masklen(a, 16), set_masklen(a, 15), set_masklen(a, 14),
--   set_masklen(a, 13), set_masklen(a, 12), set_masklen(a, 11), set_masklen(a, 10), set_masklen(a, 9),
--   set_masklen(a, 8), set_masklen(a, 7), set_masklen(a, 6), set_masklen(a, 5), set_masklen(a, 4),
--   set_masklen(a, 3), set_masklen(a, 2), set_masklen(a, 1), set_masklen(a, 0)] FROM (SELECT
--   ('16.0.0.0'::inet + :n)::cidr AS a OFFSET 0) t)
-- $2: now()
SELECT b.id, b.target, b.banned_at, b.until, b.lifted_at, b.reason, b.source,
    b.fingerprint, b.offence_path, b.user_agent, b.session_ids, b.user_id,
    b.ban_count, b.fact_count, b.lifted_through FROM bans b
WHERE b.target = ANY($1::cidr[])
    AND b.lifted_at IS NULL AND (b.until IS NULL OR b.until > $2)
ORDER BY masklen(b.target) DESC;
\if :n % 7 = 0
-- $1: (SELECT ARRAY[set_masklen(a, 32), set_masklen(a, 31), set_masklen(a, 30), set_masklen(a, 29),
--   set_masklen(a, 28), set_masklen(a, 27), set_masklen(a, 26), set_masklen(a, 25), set_masklen(a, 24),
--   set_masklen(a, 23), set_masklen(a, 22), set_masklen(a, 21), set_masklen(a, 20), set_masklen(a, 19),
--   set_masklen(a, 18), set_masklen(a, 17), set_masklen(a, 16), set_masklen(a, 15), set_masklen(a, 14),
--   set_masklen(a, 13), set_masklen(a, 12), set_masklen(a, 11), set_masklen(a, 10), set_masklen(a, 9),
--   set_masklen(a, 8), set_masklen(a, 7), set_masklen(a, 6), set_masklen(a, 5), set_masklen(a, 4),
--   set_masklen(a, 3), set_masklen(a, 2), set_masklen(a, 1), set_masklen(a, 0)] FROM (SELECT
--   ('16.0.0.0'::inet + :n)::cidr AS a OFFSET 0) t)
SELECT target, note, added_at, added_by FROM allowed_networks
WHERE target = ANY($1::cidr[]) ORDER BY masklen(target) DESC;
\endif
