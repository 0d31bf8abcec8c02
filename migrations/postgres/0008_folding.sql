-- One folding for names, emails and the search: full case folding, ordinary width, composed (NFC).
--
-- Only the application can fold, and does so right after this migration for the users below; whose texts are ASCII stay
-- as they are. Of two live users whose names are one name from now on, the later gets a name with the end of its id; of two
-- whose emails are one, the later keeps its stored spelling, and is found by id and name.

CREATE TABLE user_folding_pending (
    user_id uuid NOT NULL,
    CONSTRAINT user_folding_pending_user PRIMARY KEY (user_id)
);
INSERT INTO user_folding_pending (user_id)
SELECT id FROM users
WHERE octet_length(concat(name, name_key, email, full_name, display_name))
    <> char_length(concat(name, name_key, email, full_name, display_name));

-- Their search documents are made again.
DELETE FROM user_terms WHERE user_id IN (SELECT user_id FROM user_folding_pending);
DELETE FROM user_search WHERE user_id IN (SELECT user_id FROM user_folding_pending);
INSERT INTO user_search_pending (user_id) SELECT user_id FROM user_folding_pending
ON CONFLICT DO NOTHING;
