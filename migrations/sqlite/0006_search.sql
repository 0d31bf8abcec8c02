-- The search for users. Both tables hold folded text (lower-case, composed), which SQL can't make of any
-- alphabet: the library writes them beside each change of a user, and fills them for the users that are there
-- when this version is reached. What they find is compared with the text itself before it is shown.

-- The fields of each user: a search for what they start with is a range of this table, in the order in which
-- it is shown. The cell (see `users`) leads, so that no filter passes over users of others.
CREATE TABLE user_keys (
    cell  INTEGER NOT NULL,
    key   TEXT NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (cell, key, place)
) STRICT, WITHOUT ROWID;

-- The runs of one, two and three characters within the fields of each user, but for those at the start of a
-- field, which the table above serves. The row number is the place of the user, so the users that hold every
-- run of a text are read in the order of ids, from any place on. Neither the text (contentless) nor where in it
-- a run stands (detail=none) is kept: it is an index and nothing else.
CREATE VIRTUAL TABLE user_grams USING fts5 (
    grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii'
);
