-- Where calls went on when they left a provider: one row a switch, inserted once and never changed.
-- born_at is when it was over, created_at when it got here. An empty to_provider: nobody was found.
-- unless: table switches
-- requires: table accounts
-- up
CREATE TABLE switches (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) > 0),
    account_id    TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    session_id    TEXT COLLATE "C" NOT NULL CHECK (length(session_id) > 0),
    from_provider TEXT COLLATE "C" NOT NULL,
    from_model    TEXT COLLATE "C" NOT NULL,
    to_provider   TEXT COLLATE "C" NOT NULL,
    to_model      TEXT COLLATE "C" NOT NULL,
    cause         TEXT COLLATE "C" NOT NULL CHECK (cause IN (
        'refused', 'dropped', 'stalled', 'garbled', 'going_away', 'session_cap', 'latency', 'requested', 'start_over')),
    silent_us     BIGINT NOT NULL CHECK (silent_us >= 0),
    attempts      BIGINT NOT NULL CHECK (attempts >= 0),
    born_at       BIGINT NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE INDEX switches_of_session ON switches (account_id, session_id, born_at);
-- down
DROP TABLE switches;
