-- What is kept, and when somebody must look at it again. Times are milliseconds since the Unix epoch.
-- Not WITHOUT ROWID: that form is for rows far smaller than a page, and a body is about a kilobyte.
CREATE TABLE records (
    collection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    version    INTEGER NOT NULL CHECK (version >= 1),
    due_at     INTEGER          CHECK (due_at >= 0),
    final_at   INTEGER          CHECK (final_at >= 0), -- since when nothing becomes of it any more
    body       TEXT    NOT NULL, -- JSON
    PRIMARY KEY (collection, id)
) STRICT;

CREATE INDEX records_due ON records (collection, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX records_final ON records (collection, final_at) WHERE final_at IS NOT NULL;

-- What happened to a record. Append-only, without gaps, and chained: each digest is over the one before it and all of its own
-- row (src/chain.rs), so that no fact can be changed, left out or slipped in without those after it.
CREATE TABLE facts (
    sequence   INTEGER NOT NULL PRIMARY KEY,
    collection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    at         INTEGER NOT NULL CHECK (at >= 0),
    body       TEXT    NOT NULL, -- JSON; `body ->> 'event'` is what happened
    digest     BLOB    NOT NULL CHECK (length(digest) = 32)
) STRICT;

CREATE INDEX facts_about ON facts (collection, id);

-- The end of that chain, which only the holder of a master secret can seal: one row. Without a seal, no process with a key has
-- opened the file yet.
CREATE TABLE chain (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    sequence INTEGER NOT NULL CHECK (sequence >= 0), -- of the last fact; 0 before the first
    digest   BLOB    NOT NULL CHECK (length(digest) = 32),
    key      TEXT, -- the id of the key that sealed it
    seal     BLOB CHECK (length(seal) = 32)
) STRICT;

INSERT INTO chain (only_row, sequence, digest) VALUES (1, 0, zeroblob(32));

CREATE TRIGGER facts_are_never_changed BEFORE UPDATE ON facts
BEGIN SELECT RAISE(ABORT, 'facts are append-only'); END;

CREATE TRIGGER facts_are_never_deleted BEFORE DELETE ON facts
BEGIN SELECT RAISE(ABORT, 'facts are append-only'); END;

-- Amounts owed, in minor units of the currency, each on one debit and one credit, in the order of their commits.
-- Append-only.
CREATE TABLE postings (
    sequence     INTEGER NOT NULL PRIMARY KEY,
    id           TEXT    NOT NULL UNIQUE,
    debit        TEXT    NOT NULL,
    credit       TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    floor_minor  INTEGER, -- below which it must not bring the net balance of the debit
    at           INTEGER NOT NULL CHECK (at >= 0)
) STRICT;

-- The accounts of each posting, and the sums of all that was posted to them up to and with it: the last entry of an account
-- is its balance, and any other is what its balance was. Append-only.
CREATE TABLE entries (
    account      TEXT    NOT NULL,
    currency     TEXT    NOT NULL,
    sequence     INTEGER NOT NULL, -- of the posting
    debit_minor  INTEGER NOT NULL CHECK (debit_minor >= 0),
    credit_minor INTEGER NOT NULL CHECK (credit_minor >= 0),
    latest_at    INTEGER NOT NULL, -- the latest time of a posting so far: clocks differ, and this never falls
    PRIMARY KEY (account, currency, sequence)
) STRICT, WITHOUT ROWID;

-- How many of something there were in its windows of time. A row all of whose windows are over is deleted by later commits.
CREATE TABLE counters (
    subject TEXT    NOT NULL PRIMARY KEY,
    until   INTEGER NOT NULL CHECK (until >= 0), -- the end of the last window
    windows TEXT    NOT NULL -- JSON: by the name of each window how many there were in it, and its end
) STRICT, WITHOUT ROWID;

CREATE INDEX counters_until ON counters (until);

CREATE TRIGGER postings_are_never_changed BEFORE UPDATE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;

CREATE TRIGGER postings_are_never_deleted BEFORE DELETE ON postings
BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;

CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
