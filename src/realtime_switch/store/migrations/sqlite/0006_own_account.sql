-- What the holder of a key asks of his own account: pages of sessions in the order in which they began, the bills
-- of a session; and of sessions that were deleted, until when what was said in them is not kept, should it arrive
-- late, and the last number that a passage of theirs had.
-- unless: table forgotten
-- requires: table passages, table switches, table usage_metrics
-- up
CREATE TABLE forgotten (
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    session_id TEXT    NOT NULL,
    until_at   INTEGER NOT NULL,
    number     INTEGER NOT NULL CHECK (number >= 0),
    PRIMARY KEY (account_id, session_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX passages_by_session ON passages (account_id, session_id, created_at);
CREATE INDEX usage_metrics_of_session ON usage_metrics (account_id, session_id);
-- down
DROP INDEX usage_metrics_of_session;
DROP INDEX passages_by_session;
DROP TABLE forgotten;
