-- Search of users.
--
-- In a table of its own: users change often (each time they are seen), their names rarely, and these
-- indexes are the expensive ones.

-- For the indexes on three characters and more. Trusted since Postgres 13: the database's owner may make it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE user_search (
    user_id uuid NOT NULL,
    -- As in `users`, kept equal by whoever writes the row: rare properties are found without reading all.
    cell smallint NOT NULL,
    -- The fields as the application folds them (lower-case, NFC), to find those that start with a text.
    name text COLLATE "C" NOT NULL,
    email text COLLATE "C",
    full_name text COLLATE "C",
    display_name text COLLATE "C",
    -- All fields, each after a unit separator, which no field can hold: so no text that is searched for
    -- matches across two of them, and one that starts a field follows a separator.
    search_text text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
        E'\x1F' || name
        || COALESCE(E'\x1F' || email, '')
        || COALESCE(E'\x1F' || full_name, '')
        || COALESCE(E'\x1F' || display_name, '')
    ) STORED,
    CONSTRAINT user_search_user PRIMARY KEY (user_id),
    CONSTRAINT user_search_user_exists FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- How common a text is decides between an index on its characters and reading in order until a page is
-- full: the more is known of the texts, the better the choice.
ALTER TABLE user_search ALTER COLUMN search_text SET STATISTICS 1000;

-- Fields that start with a text, in order.
CREATE INDEX user_search_name ON user_search (cell, name, user_id);
CREATE INDEX user_search_email ON user_search (cell, email, user_id) WHERE email IS NOT NULL;
CREATE INDEX user_search_full_name ON user_search (cell, full_name, user_id) WHERE full_name IS NOT NULL;
CREATE INDEX user_search_display_name ON user_search (cell, display_name, user_id)
    WHERE display_name IS NOT NULL;

-- Fields that hold a text: of three letters or digits and more in a row by trigrams; all else (`%`, `_`,
-- one or two characters, scripts that the database's locale knows no letters of) by single characters.
CREATE INDEX user_search_trigrams ON user_search USING gin (search_text gin_trgm_ops);
CREATE INDEX user_search_characters ON user_search USING gin (string_to_array(search_text, NULL));

-- Users that were there before this table. Only the application can fold their fields, and does so right
-- after this migration; then this is empty for good.
CREATE TABLE user_search_pending (
    user_id uuid NOT NULL,
    CONSTRAINT user_search_pending_user PRIMARY KEY (user_id)
);
INSERT INTO user_search_pending (user_id) SELECT id FROM users;
