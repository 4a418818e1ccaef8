-- What was used: one row a bill, inserted once and never changed.
-- created_at is when it happened, posted_at when it got here. cached_* are part of input_*.
-- unless: table usage_metrics
-- requires: table accounts
-- up
CREATE TABLE usage_metrics (
    id                  TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) > 0),
    account_id          TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    session_id          TEXT COLLATE "C" NOT NULL,
    provider            TEXT COLLATE "C" NOT NULL,
    model               TEXT COLLATE "C" NOT NULL,
    kind                TEXT COLLATE "C" NOT NULL CHECK (kind IN ('response', 'transcription', 'session', 'reseed')),
    response_id         TEXT COLLATE "C" NOT NULL,
    input_tokens        BIGINT NOT NULL CHECK (input_tokens >= 0),
    output_tokens       BIGINT NOT NULL CHECK (output_tokens >= 0),
    total_tokens        BIGINT NOT NULL CHECK (total_tokens = input_tokens + output_tokens),
    input_text_tokens   BIGINT NOT NULL CHECK (input_text_tokens >= 0),
    input_audio_tokens  BIGINT NOT NULL CHECK (input_audio_tokens >= 0),
    input_image_tokens  BIGINT NOT NULL CHECK (input_image_tokens >= 0),
    cached_text_tokens  BIGINT NOT NULL CHECK (cached_text_tokens >= 0),
    cached_audio_tokens BIGINT NOT NULL CHECK (cached_audio_tokens >= 0),
    cached_image_tokens BIGINT NOT NULL CHECK (cached_image_tokens >= 0),
    output_text_tokens  BIGINT NOT NULL CHECK (output_text_tokens >= 0),
    output_audio_tokens BIGINT NOT NULL CHECK (output_audio_tokens >= 0),
    duration_ms         BIGINT NOT NULL CHECK (duration_ms >= 0),
    fees                BIGINT NOT NULL CHECK (fees >= 0),
    certainty           TEXT COLLATE "C" NOT NULL CHECK (certainty IN ('confirmed', 'reported', 'estimated')),
    credits             BIGINT NOT NULL CHECK (credits >= 0),
    rates               TEXT COLLATE "C" NOT NULL,
    created_at          BIGINT NOT NULL,
    posted_at           BIGINT NOT NULL
);

CREATE INDEX usage_metrics_of_account ON usage_metrics (account_id, created_at);
-- down
DROP TABLE usage_metrics;
