-- For how many days an account keeps what was said, and for whom it paid; NULL: as long as the settings say.
-- In `forgotten`, the session '' stands for all sessions of an account that was erased.
-- unless: table retentions
-- requires: table accounts
-- up
CREATE TABLE retentions (
    account_id       TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES accounts (id),
    transcripts_days BIGINT CHECK (transcripts_days >= 0),
    usage_days       BIGINT CHECK (usage_days >= 0)
);
-- down
DROP TABLE retentions;
