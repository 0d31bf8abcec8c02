-- One folding for names, emails and the search: full case folding, ordinary width, composed (NFC).
--
-- Only the application can fold, and does so right after this migration for the users below; whose texts are ASCII stay
-- as they are. Of two live users whose names are one name from now on, the later gets a name with the end of its id; of two
-- whose emails are one, the later keeps its stored spelling, and is found by id and name.

-- Nothing changes in the schema: the library goes through the users in the transaction of this migration.
SELECT 1;
