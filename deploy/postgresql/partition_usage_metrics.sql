-- Parts usage_metrics by months (docs/scaling.md). Nothing is copied: what is there becomes the first partition,
-- which takes all that was born before the next month begins. Run it while business processes are stopped, and
-- again once a year, for the months that come; then it needs nobody to stop.
--
-- A bill counts once for its id and the moment of its birth, which never change. What no month is there for goes
-- into usage_metrics_rest, and nothing is refused; from there it must go before its month can have a partition.
DO $$
DECLARE
    first_month TIMESTAMP := date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month';
    begins TIMESTAMP;
    name TEXT;
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'usage_metrics'::regclass) <> 'p' THEN
        ALTER TABLE usage_metrics RENAME TO usage_metrics_first;
        ALTER TABLE usage_metrics_first DROP CONSTRAINT usage_metrics_pkey;
        ALTER INDEX usage_metrics_of_account RENAME TO usage_metrics_first_of_account;
        ALTER INDEX usage_metrics_of_session RENAME TO usage_metrics_first_of_session;
        CREATE TABLE usage_metrics (LIKE usage_metrics_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
            PARTITION BY RANGE (created_at);
        ALTER TABLE usage_metrics ADD PRIMARY KEY (id, created_at);
        ALTER TABLE usage_metrics ADD FOREIGN KEY (account_id) REFERENCES accounts (id);
        CREATE INDEX usage_metrics_of_account ON usage_metrics (account_id, created_at);
        CREATE INDEX usage_metrics_of_session ON usage_metrics (account_id, session_id);
        EXECUTE format('ALTER TABLE usage_metrics ATTACH PARTITION usage_metrics_first FOR VALUES FROM (MINVALUE) TO (%s)',
            (extract(epoch FROM first_month) * 1000000)::BIGINT);
        CREATE TABLE usage_metrics_rest PARTITION OF usage_metrics DEFAULT;
    END IF;
    FOR month IN 0..23 LOOP
        begins := first_month + make_interval(months => month);
        name := 'usage_metrics_' || to_char(begins, 'YYYY_MM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF usage_metrics FOR VALUES FROM (%s) TO (%s)', name,
                (extract(epoch FROM begins) * 1000000)::BIGINT,
                (extract(epoch FROM begins + interval '1 month') * 1000000)::BIGINT);
        END IF;
    END LOOP;
END
$$;
