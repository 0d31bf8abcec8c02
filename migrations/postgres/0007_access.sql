-- Ways in beside sessions: API keys and one-time links; and requests that are done once.

CREATE TABLE api_keys (
    id uuid NOT NULL,
    -- What people call it; several keys may share a name.
    name text COLLATE "C" NOT NULL,
    -- The first part of the secret, which is none.
    prefix text COLLATE "C" NOT NULL,
    -- SHA-256 of the secret part; the secret itself is nowhere.
    secret_hash bytea NOT NULL,
    -- Bit 0 read, 1 write, 2 admin, 3 forward-auth, 4 bans.
    scopes smallint NOT NULL,
    created_at timestamptz NOT NULL,
    -- Absent is never.
    expires_at timestamptz,
    revoked_at timestamptz,
    -- Written in batches, without a new version.
    last_used_at timestamptz,
    -- What a rotation made of it.
    replaced_by uuid,
    -- Counts the changes: of two from one version the second is refused.
    version bigint NOT NULL,

    CONSTRAINT api_keys_id PRIMARY KEY (id),
    -- The lookup of every request with a key.
    CONSTRAINT api_keys_prefix UNIQUE (prefix),
    CONSTRAINT api_keys_replacement FOREIGN KEY (replaced_by) REFERENCES api_keys (id),
    CONSTRAINT api_keys_secret_hash_size CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_keys_scopes_valid CHECK (scopes > 0 AND scopes < 256)
);

-- The list, made last first.
CREATE INDEX api_keys_by_creation ON api_keys (created_at, id);

-- Links that sign somebody in once. A link that is used is removed.
CREATE TABLE sign_in_links (
    -- SHA-256 of the token; the token itself is nowhere.
    token_hash bytea NOT NULL,
    -- A purge takes the links along, also one that another unit is just making.
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,

    CONSTRAINT sign_in_links_token PRIMARY KEY (token_hash),
    CONSTRAINT sign_in_links_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sign_in_links_token_hash_size CHECK (octet_length(token_hash) = 32)
);

-- What a purge takes along.
CREATE INDEX sign_in_links_of_user ON sign_in_links (user_id);
-- Clean-up.
CREATE INDEX sign_in_links_expired ON sign_in_links (expires_at, token_hash);

-- Requests that a client may send again, with what was answered.
CREATE TABLE remembered_requests (
    -- SHA-256 of who sent it and of the key that they gave it.
    key bytea NOT NULL,
    -- SHA-256 of what it asked for: another request under the same key is refused.
    request_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- While it has no answer: from then on whoever asks again may do it.
    locked_until timestamptz NOT NULL,
    -- As the web layer wrote it; it means nothing here.
    answer bytea,

    CONSTRAINT remembered_requests_key PRIMARY KEY (key),
    CONSTRAINT remembered_requests_hash_sizes
        CHECK (octet_length(key) = 32 AND octet_length(request_hash) = 32)
);

-- Clean-up.
CREATE INDEX remembered_requests_by_creation ON remembered_requests (created_at, key);
