-- Of a bill's input tokens, how many told a new provider what was said before: an estimate, part of input_tokens.
-- No check holds the two against each other, because a bill must not fail by an estimate. The kind 'reseed',
-- which 0002 allows, was never used, and this stands in its place.
-- unless: column usage_metrics.reseed_tokens
-- requires: table usage_metrics
-- up
ALTER TABLE usage_metrics ADD COLUMN reseed_tokens BIGINT NOT NULL DEFAULT 0 CHECK (reseed_tokens >= 0);
-- down
ALTER TABLE usage_metrics DROP COLUMN reseed_tokens;
