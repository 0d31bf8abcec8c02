-- Ledgers as version 3 has them: a permanent ban with a later short one, and one that was lifted.
INSERT INTO ban_ledgers (
    id, target, banned_at, until, lifted_at, reason, source, fingerprint, offence_path, user_agent,
    session_ids, user_id, ban_count, fact_count, lifted_through
) VALUES
(
    x'018f3400000070008000000000000006', '10.0.0.0/8', 1714557600000000, 9223372036854775807, NULL, NULL, 'list',
    NULL, NULL, NULL, '["018f3400-0000-7000-8000-000000000004"]', x'018f3400000070008000000000000001', 2, 2, 0
),
(
    x'018f3400000070008000000000000007', '2001:db8::7', 1714557600000000, 1714561200000000, 1714557609000000,
    NULL, NULL, NULL, NULL, NULL, '[]', NULL, 1, 2, 2
);

INSERT INTO ban_facts (
    ban_id, sequence, target, kind, until, at, actor, reason, source, fingerprint, offence_path, user_agent,
    session_ids, user_id
) VALUES
(
    x'018f3400000070008000000000000006', 1, '10.0.0.0/8', 'banned', 9223372036854775807, 1714557600000000,
    '{"type":"system"}', NULL, 'list', NULL, NULL, NULL, '["018f3400-0000-7000-8000-000000000004"]',
    x'018f3400000070008000000000000001'
),
(
    x'018f3400000070008000000000000006', 2, '10.0.0.0/8', 'banned', 1714561200000000, 1714557605000000,
    '{"type":"operator","id":"root"}', 'again', NULL, NULL, NULL, NULL, '[]', NULL
),
(
    x'018f3400000070008000000000000007', 1, '2001:db8::7', 'banned', 1714561200000000, 1714557600000000,
    '{"type":"system"}', NULL, NULL, NULL, NULL, NULL, '[]', NULL
),
(
    x'018f3400000070008000000000000007', 2, '2001:db8::7', 'lifted', NULL, 1714557609000000,
    '{"type":"system"}', NULL, NULL, NULL, NULL, NULL, '[]', NULL
);

INSERT INTO allowed_networks (target, note, added_at, added_by)
VALUES ('192.0.2.0/24', 'office', 1714557600000000, '{"type":"system"}');
