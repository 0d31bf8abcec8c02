-- Two keys, one of which was rotated into the other; a link; a request that was answered.
INSERT INTO api_keys (
    id, name, prefix, secret_hash, scopes, created_at, expires_at, revoked_at, last_used_at, replaced_by, version
) VALUES
(
    x'018f340000007000800000000000000c', 'key 12', 'k0000012', unhex(
        'a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a50000000c'
    ), 1, 1714557612000000, NULL, NULL, NULL, NULL, 1
),
(
    x'018f340000007000800000000000000d', 'deploy', 'k0000013', unhex(
        'a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a50000000d'
    ), 24, 1714557613000000, 1714557690000001, 1714557691000000, 1714557620000000,
    x'018f340000007000800000000000000c', 2
);
INSERT INTO sign_in_links (token_hash, user_id, created_at, expires_at) VALUES (
    unhex('a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a50000000e'),
    x'018f3400000070008000000000000001', 1714557614000000, 1714557674000000
);
INSERT INTO remembered_requests (key, request_hash, created_at, locked_until, answer) VALUES (
    unhex('a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a50000000f'),
    unhex('0707070707070707070707070707070707070707070707070707070707070707'),
    1714557615000000, 1714557675000000, x'00ff'
);
