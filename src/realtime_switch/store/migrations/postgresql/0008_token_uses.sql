-- Which calls a short-lived token has opened: it may open so many and no more, whichever gateway is asked. Known
-- until `until_at`, when the token has expired.
-- unless: table token_uses
-- requires: table accounts
-- up
CREATE TABLE token_uses (
    account_id TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    token_id   TEXT COLLATE "C" NOT NULL,
    call_id    TEXT COLLATE "C" NOT NULL,
    until_at   BIGINT           NOT NULL,
    PRIMARY KEY (account_id, token_id, call_id)
);

CREATE INDEX token_uses_by_end ON token_uses (until_at);
-- down
DROP TABLE token_uses;
