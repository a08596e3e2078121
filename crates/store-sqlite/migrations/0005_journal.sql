-- Version 5: groups that were committed, and whose rows are not in their tables yet.

-- What a sale changes is appended here, a row a group, and goes into the tables behind that, a whole group at a time and in
-- this order, in the transaction that takes it from here. So the tables are always what the store was after some group,
-- and with what is here they are what it is. A program that writes to the tables beside this one leaves these rows behind.
CREATE TABLE journal (
    journal_id INTEGER PRIMARY KEY,
    form BLOB NOT NULL               -- lines of statements and values; frontrow-store-sqlite, journal::form
) STRICT;
