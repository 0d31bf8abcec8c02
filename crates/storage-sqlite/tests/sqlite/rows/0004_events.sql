-- Events as version 4 has them, positions with a gap.
INSERT INTO events (position, id, at, actor, details, user_id, target) VALUES
(
    5, x'018f3400000070008000000000000008', 1714557608000000, '{"type":"system"}',
    '{"kind":"user_created","user_id":"018f3400-0000-7000-8000-000000000001","roles":["admin","user"]}',
    x'018f3400000070008000000000000001', NULL
),
(
    9, x'018f3400000070008000000000000009', 1714557609000000, '{"type":"job","id":"cleanup"}',
    '{"kind":"ip_unbanned","target":"2001:db8::7"}', NULL, '2001:db8::7'
);
