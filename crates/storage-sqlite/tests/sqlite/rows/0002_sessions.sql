-- Sessions as version 2 has them: one with everything, ended, and a bare one.
INSERT INTO sessions (
    id, user_id, token_hash, ip, user_agent, device_type, os, browser, fingerprint, started_at,
    last_activity_at, expires_at, idle_timeout, ended_at, end_reason
) VALUES
(
    x'018f3400000070008000000000000004', x'018f3400000070008000000000000001',
    x'a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a500000004', '2001:db8::1', 'Firefox', 'desktop',
    'Linux', 'Firefox 140', 'browser4', 1714557604000000, 1714557605000000, 1717149604000000, 3600000000,
    1714557606000000, 'logout'
),
(
    x'018f3400000070008000000000000005', x'018f3400000070008000000000000001',
    x'a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a500000005', NULL, NULL, NULL, NULL, NULL, NULL,
    1714557605000000, 1714557605000000, 1717149605000000, NULL, NULL, NULL
);
