-- Users as version 1 has them: an admin with accents, a visitor, one who was merged away.
INSERT INTO users (
    place, id, name, name_key, email, email_verified, full_name, display_name, avatar_url, status, roles,
    is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at, deleted_at,
    status_before_delete, merged_into, legal_hold, version
) VALUES
(
    10, x'018f3400000070008000000000000001', 'JÜRGEN', 'jürgen', 'jürgen@example.com', 1, 'Jürgen Müller', 'Jü',
    'https://example.com/j.png', 'active', 3, 0, NULL, NULL, 1714557600000001, 1714557600000002,
    1714557600000003, NULL, NULL, NULL, 0, 3
),
(
    20, x'018f3400000070008000000000000002', 'anonymous-2', 'anonymous-2', NULL, 0, NULL, NULL, NULL, 'active',
    4, 0, 'browser2', x'a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a500000002', 1714557602000000,
    1714557602000000, 1714557602000000, NULL, NULL, NULL, 0, 1
),
(
    30, x'018f3400000070008000000000000003', 'gone', 'gone', 'gone@example.com', 0, NULL, NULL, NULL, 'deleted', 2,
    1, NULL, NULL, 1714557603000000, 1714557604000000, 1714557603000000, 1714557604000000, 'suspended',
    x'018f3400000070008000000000000001', 1, 2
);
