-- Accounts, their keys, and why their purses changed.
-- Times are microseconds since 1970, UTC. Emails are kept in lower case; keys only as their SHA-256.
-- unless: table accounts, table api_keys, table entries
-- up
CREATE TABLE accounts (
    id                TEXT    NOT NULL PRIMARY KEY CHECK (length(id) > 0),
    email             TEXT    NOT NULL UNIQUE CHECK (email = lower(email)),
    plan_name         TEXT    NOT NULL,
    token_remaining   INTEGER NOT NULL DEFAULT 0,
    topup_remaining   INTEGER NOT NULL DEFAULT 0 CHECK (topup_remaining >= 0),
    status            TEXT    NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    -- The last entry's number and changes: set by the statement that changes the purses, because
    -- RETURNING on SQLite cannot say what a row was before.
    entry_count       INTEGER NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
    last_plan_change  INTEGER NOT NULL DEFAULT 0,
    last_topup_change INTEGER NOT NULL DEFAULT 0,
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE api_keys (
    key_hash      TEXT    NOT NULL PRIMARY KEY CHECK (length(key_hash) = 64),
    account_id    TEXT    NOT NULL REFERENCES accounts (id),
    key_indicator TEXT    NOT NULL,
    label         TEXT    NOT NULL CHECK (length(label) <= 30),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    last_used_at  INTEGER
) STRICT;

CREATE INDEX api_keys_of_account ON api_keys (account_id);

CREATE TABLE entries (
    account_id      TEXT    NOT NULL REFERENCES accounts (id),
    number          INTEGER NOT NULL CHECK (number >= 1),
    kind            TEXT    NOT NULL CHECK (kind IN ('opened', 'topped_up', 'used', 'adjusted')),
    plan_change     INTEGER NOT NULL,
    topup_change    INTEGER NOT NULL,
    token_remaining INTEGER NOT NULL,
    topup_remaining INTEGER NOT NULL CHECK (topup_remaining >= 0),
    reason          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (account_id, number),
    CHECK (kind <> 'used' OR (plan_change <= 0 AND topup_change <= 0))
) STRICT, WITHOUT ROWID;
-- down
DROP TABLE entries;
DROP TABLE api_keys;
DROP TABLE accounts;
