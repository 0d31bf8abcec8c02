\set n random(2, 2 * :users + 1)
-- $1: sha256(decode(lpad(to_hex(:n::int), 64, '0'), 'hex'))
SELECT s.id AS s_id, s.ip AS "s_ip: IpAddr", s.user_agent, s.device_type, s.os,
    s.browser, s.fingerprint AS s_fingerprint, s.started_at, s.last_activity_at,
    s.expires_at, s.idle_seconds, s.ended_at, s.end_reason,
    u.id, u.name, u.email, u.email_verified, u.full_name, u.display_name, u.avatar_url,
    u.status, u.roles, u.is_bot, u.fingerprint, u.token_hash, u.created_at, u.updated_at,
    u.last_active_at, u.deleted_at, u.status_before_delete, u.merged_into, u.legal_hold,
    u.version
FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1;
