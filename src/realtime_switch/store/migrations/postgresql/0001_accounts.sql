-- Accounts, their keys, and why their purses changed.
-- Times are microseconds since 1970, UTC. Emails are kept in lower case; keys only as their SHA-256.
-- unless: table accounts, table api_keys, table entries
-- up
CREATE TABLE accounts (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) > 0),
    email             TEXT COLLATE "C" NOT NULL UNIQUE CHECK (email = lower(email)),
    plan_name         TEXT COLLATE "C" NOT NULL,
    token_remaining   BIGINT NOT NULL DEFAULT 0,
    topup_remaining   BIGINT NOT NULL DEFAULT 0 CHECK (topup_remaining >= 0),
    status            TEXT COLLATE "C" NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')),
    -- The last entry's number and changes: set by the statement that changes the purses, because
    -- both engines then run the same code, and RETURNING on SQLite cannot say what a row was before.
    entry_count       BIGINT NOT NULL DEFAULT 0 CHECK (entry_count >= 0),
    last_plan_change  BIGINT NOT NULL DEFAULT 0,
    last_topup_change BIGINT NOT NULL DEFAULT 0,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);

CREATE TABLE api_keys (
    key_hash      TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(key_hash) = 64),
    account_id    TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    key_indicator TEXT COLLATE "C" NOT NULL,
    label         TEXT COLLATE "C" NOT NULL CHECK (length(label) <= 30),
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT,
    last_used_at  BIGINT
);

CREATE INDEX api_keys_of_account ON api_keys (account_id);

CREATE TABLE entries (
    account_id      TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    number          BIGINT NOT NULL CHECK (number >= 1),
    kind            TEXT COLLATE "C" NOT NULL CHECK (kind IN ('opened', 'topped_up', 'used', 'adjusted')),
    plan_change     BIGINT NOT NULL,
    topup_change    BIGINT NOT NULL,
    token_remaining BIGINT NOT NULL,
    topup_remaining BIGINT NOT NULL CHECK (topup_remaining >= 0),
    reason          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (account_id, number),
    CHECK (kind <> 'used' OR (plan_change <= 0 AND topup_change <= 0))
);
-- down
DROP TABLE entries;
DROP TABLE api_keys;
DROP TABLE accounts;
