-- As src/schema.sql, with what PostgreSQL wants otherwise. Text is ordered by its octets, in every locale.

CREATE TABLE countersign.records (
    collection text   COLLATE "C" NOT NULL,
    id         text   COLLATE "C" NOT NULL,
    version    bigint NOT NULL CHECK (version >= 1),
    due_at     bigint CHECK (due_at >= 0),
    final_at   bigint CHECK (final_at >= 0), -- since when nothing becomes of it any more
    body       text   NOT NULL, -- JSON, to the letter as it was written: not jsonb
    PRIMARY KEY (collection, id)
);

CREATE INDEX records_due ON countersign.records (collection, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX records_final ON countersign.records (collection, final_at) WHERE final_at IS NOT NULL;

-- What happened to a record. Append-only, without gaps, and chained: see src/chain.rs.
CREATE TABLE countersign.facts (
    sequence   bigint NOT NULL PRIMARY KEY,
    collection text   COLLATE "C" NOT NULL,
    id         text   COLLATE "C" NOT NULL,
    at         bigint NOT NULL CHECK (at >= 0),
    body       text   NOT NULL, -- JSON
    digest     bytea  NOT NULL CHECK (octet_length(digest) = 32)
);

CREATE INDEX facts_about ON countersign.facts (collection, id, sequence);

-- The end of that chain, sealed: one row. Whoever commits holds it, so that one group of batches is committed at a time.
CREATE TABLE countersign.chain (
    only_row smallint NOT NULL PRIMARY KEY CHECK (only_row = 1),
    sequence bigint   NOT NULL CHECK (sequence >= 0), -- of the last fact; 0 before the first
    digest   bytea    NOT NULL CHECK (octet_length(digest) = 32),
    key      text, -- the id of the key that sealed it
    seal     bytea CHECK (octet_length(seal) = 32)
);

INSERT INTO countersign.chain (only_row, sequence, digest) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

-- The number of the last group that each process committed. By it a process whose connection was lost in the middle of a
-- commit finds out whether that was made.
CREATE TABLE countersign.writers (
    id       uuid        NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    attempt  bigint      NOT NULL DEFAULT 0,
    at       timestamptz NOT NULL DEFAULT now()
);

-- Amounts owed, in the order of their commits.
CREATE TABLE countersign.postings (
    sequence     bigint NOT NULL PRIMARY KEY,
    id           text   COLLATE "C" NOT NULL UNIQUE,
    debit        text   COLLATE "C" NOT NULL,
    credit       text   COLLATE "C" NOT NULL,
    currency     text   COLLATE "C" NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    floor_minor  bigint, -- below which it must not bring the net balance of the debit
    at           bigint NOT NULL CHECK (at >= 0)
);

-- The sums of all that was posted to an account up to and with a posting.
CREATE TABLE countersign.entries (
    account      text   COLLATE "C" NOT NULL,
    currency     text   COLLATE "C" NOT NULL,
    sequence     bigint NOT NULL, -- of the posting
    debit_minor  bigint NOT NULL CHECK (debit_minor >= 0),
    credit_minor bigint NOT NULL CHECK (credit_minor >= 0),
    latest_at    bigint NOT NULL, -- the latest time of a posting so far
    PRIMARY KEY (account, currency, sequence)
);

-- How many of something there were in its windows of time. A row all of whose windows are over is deleted by later commits.
CREATE TABLE countersign.counters (
    subject text   COLLATE "C" NOT NULL PRIMARY KEY,
    until   bigint NOT NULL CHECK (until >= 0), -- the end of the last window
    windows text   NOT NULL -- JSON: by the name of each window how many there were in it, and its end
);

CREATE INDEX counters_until ON countersign.counters (until);

CREATE FUNCTION countersign.refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '% are append-only', TG_TABLE_NAME; END $$;

CREATE TRIGGER facts_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON countersign.facts
FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse();

CREATE TRIGGER postings_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON countersign.postings
FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse();

CREATE TRIGGER entries_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON countersign.entries
FOR EACH STATEMENT EXECUTE FUNCTION countersign.refuse();
