-- Ways in beside sessions: API keys and one-time links; and requests that are done once.

CREATE TABLE api_keys (
    id           BLOB NOT NULL CHECK (length(id) = 16),
    -- What people call it; several keys may share a name.
    name         TEXT NOT NULL,
    -- The first part of the secret, which is none.
    prefix       TEXT NOT NULL,
    -- SHA-256 of the secret part; the secret itself is stored nowhere.
    secret_hash  BLOB NOT NULL CHECK (length(secret_hash) = 32),
    -- Bit 0 read, 1 write, 2 admin, 3 forward-auth, 4 bans.
    scopes       INTEGER NOT NULL CHECK (scopes BETWEEN 1 AND 255),
    created_at   INTEGER NOT NULL,
    -- Absent is never.
    expires_at   INTEGER,
    revoked_at   INTEGER,
    -- Written in batches, without a new version.
    last_used_at INTEGER,
    -- What a rotation made of it.
    replaced_by  BLOB REFERENCES api_keys (id) CHECK (length(replaced_by) = 16),
    -- Counts the changes: of two from one version the second is refused.
    version      INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX api_keys_id ON api_keys (id);

-- The lookup of every request with a key.
CREATE UNIQUE INDEX api_keys_prefix ON api_keys (prefix);

-- The list, made last first.
CREATE INDEX api_keys_created ON api_keys (created_at, id);

-- Links that sign somebody in once. A link that is used is removed.
CREATE TABLE sign_in_links (
    -- SHA-256 of the token; the token itself is stored nowhere.
    token_hash BLOB PRIMARY KEY NOT NULL CHECK (length(token_hash) = 32),
    -- A link without its user is nothing; a purge takes both.
    user_id    BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a purge takes along.
CREATE INDEX sign_in_links_user ON sign_in_links (user_id);

-- Links past their time, for the clean-up.
CREATE INDEX sign_in_links_expired ON sign_in_links (expires_at);

-- Requests that a client may send again, with what was answered.
CREATE TABLE remembered_requests (
    -- SHA-256 of who sent it and of the key that they gave it.
    key          BLOB NOT NULL CHECK (length(key) = 32),
    -- SHA-256 of what it asked for: another request under the same key is refused.
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    created_at   INTEGER NOT NULL,
    -- While it has no answer: from then on whoever asks again may do it.
    locked_until INTEGER NOT NULL,
    -- As the web layer wrote it; it means nothing here.
    answer       BLOB
) STRICT;

CREATE UNIQUE INDEX remembered_requests_key ON remembered_requests (key);

-- Requests past their retention, begun first first.
CREATE INDEX remembered_requests_created ON remembered_requests (created_at);
