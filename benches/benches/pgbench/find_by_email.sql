\set n random(1, :users)
-- $1: 'user' || :n::text || '@example.com'
SELECT u.id, u.name, u.email, u.email_verified, u.full_name, u.display_name, u.avatar_url,
    u.status, u.roles, u.is_bot, u.fingerprint, u.token_hash, u.created_at, u.updated_at,
    u.last_active_at, u.deleted_at, u.status_before_delete, u.merged_into, u.legal_hold, u.version
FROM users u
WHERE u.email = $1 AND u.status <> 'deleted' AND u.email IS NOT NULL;
