-- Search of users.
--
-- In tables of their own: users change often (each time they are seen), their names rarely, and these
-- indexes are the expensive ones.

-- For the indexes on three characters and more. Trusted since Postgres 13: the database's owner may make it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- What users hold anywhere in their fields. The fields are folded by the application (lower-case, NFC).
-- Nothing else is here: a change of status or roles must not touch these indexes.
CREATE TABLE user_search (
    user_id uuid NOT NULL,
    -- All fields of a registered user, each after a unit separator, which no field can hold: so no text
    -- that is searched for matches across two of them, and one that starts a field follows a separator.
    search_text text COLLATE "C",
    -- The same of an anonymous user. Apart, since visitors are alike (`anonymous-...`) and many: what is
    -- common among them says nothing of the others, to the planner neither.
    visitor_text text COLLATE "C",
    CONSTRAINT user_search_user PRIMARY KEY (user_id),
    CONSTRAINT user_search_user_exists FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT user_search_one_text CHECK (num_nonnulls(search_text, visitor_text) = 1)
);

-- How common a text is decides between an index on its characters and reading in order until a page is
-- full: the more is known of the texts, the better the choice.
ALTER TABLE user_search ALTER COLUMN search_text SET STATISTICS 1000;
ALTER TABLE user_search ALTER COLUMN visitor_text SET STATISTICS 1000;

-- Reading in order.
CREATE INDEX user_search_registered ON user_search (user_id) WHERE search_text IS NOT NULL;
CREATE INDEX user_search_visitors ON user_search (user_id) WHERE visitor_text IS NOT NULL;

-- Three letters or digits and more in a row are found by trigrams; all else (`%`, `_`, one or two
-- characters, scripts that the database's locale knows no letters of) by single characters. The lists of
-- entries that wait to be merged are read by every search, so they are kept short.
CREATE INDEX user_search_trigrams ON user_search USING gin (search_text gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE search_text IS NOT NULL;
CREATE INDEX user_search_visitor_trigrams ON user_search USING gin (visitor_text gin_trgm_ops)
    WITH (gin_pending_list_limit = 256) WHERE visitor_text IS NOT NULL;
CREATE INDEX user_search_characters ON user_search USING gin (string_to_array(search_text, NULL))
    WITH (gin_pending_list_limit = 256) WHERE search_text IS NOT NULL;
CREATE INDEX user_search_visitor_characters ON user_search
    USING gin (string_to_array(visitor_text, NULL))
    WITH (gin_pending_list_limit = 256) WHERE visitor_text IS NOT NULL;

-- How common each character is. Told apart, since what is known of a partial index is not made use of.
CREATE STATISTICS user_search_character_frequency
    ON (string_to_array(search_text, NULL)) FROM user_search;
CREATE STATISTICS user_search_visitor_character_frequency
    ON (string_to_array(visitor_text, NULL)) FROM user_search;

-- What the fields of users start with: one row for each different field.
CREATE TABLE user_terms (
    user_id uuid NOT NULL,
    -- As in `users`, kept equal by the application: the same merging of cells as in lists.
    cell smallint NOT NULL,
    -- How many bytes the field has in common with the user's next smaller field. A search lists a user by
    -- the smallest field that starts with the text; this field is that one exactly if the text is longer
    -- than what it shares. So the others are left out by the index, however many there are.
    shared smallint NOT NULL,
    -- The field, folded.
    term text COLLATE "C" NOT NULL,
    CONSTRAINT user_terms_field PRIMARY KEY (user_id, term),
    CONSTRAINT user_terms_user_exists FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE
);

-- Terms that start with a text, in order. What shares more than 64 bytes is one group: a search reads each
-- group that its text is long enough for.
CREATE INDEX user_terms_by_prefix ON user_terms (cell, LEAST(shared, 64::smallint), term, user_id)
    INCLUDE (shared);

-- Users that were there before these tables. Only the application can fold their fields, and does so right
-- after this migration; then this is empty for good.
CREATE TABLE user_search_pending (
    user_id uuid NOT NULL,
    CONSTRAINT user_search_pending_user PRIMARY KEY (user_id)
);
INSERT INTO user_search_pending (user_id) SELECT id FROM users;
