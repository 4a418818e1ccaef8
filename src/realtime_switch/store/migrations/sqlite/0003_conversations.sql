-- What a session is to remember: its configuration, what was said, and a summary of the older part.
-- A conversation is a row a passage, so that adding to it never rewrites it. Nothing said is deleted by a
-- summary: it stands for every passage up to a number. The view has the form in which others know all this.
-- unless: table session_configs, table passages, table summaries, view sessions
-- requires: table accounts
-- up
CREATE TABLE session_configs (
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    session_id TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    data       TEXT    NOT NULL,
    born_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, session_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE passages (
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    session_id TEXT    NOT NULL,
    number     INTEGER NOT NULL CHECK (number >= 1),
    id         TEXT    NOT NULL UNIQUE,
    text       TEXT    NOT NULL,
    born_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, session_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE summaries (
    account_id TEXT    NOT NULL REFERENCES accounts (id),
    session_id TEXT    NOT NULL,
    upto       INTEGER NOT NULL CHECK (upto >= 1),
    data       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, session_id)
) STRICT, WITHOUT ROWID;

CREATE VIEW sessions (account_id, session_id, type, data, created_at) AS
SELECT account_id, session_id, 'SESSION', data, created_at
  FROM session_configs
UNION ALL
SELECT c.account_id, c.session_id, 'CONV',
       coalesce(s.data, '') || coalesce((SELECT string_agg(p.text, '' ORDER BY p.number)
                                           FROM passages p
                                          WHERE p.account_id = c.account_id AND p.session_id = c.session_id
                                            AND p.number > coalesce(s.upto, 0)), ''),
       c.created_at
  FROM (SELECT account_id, session_id, min(created_at) AS created_at
          FROM passages GROUP BY account_id, session_id) c
  LEFT JOIN summaries s ON s.account_id = c.account_id AND s.session_id = c.session_id;
-- down
DROP VIEW sessions;
DROP TABLE summaries;
DROP TABLE passages;
DROP TABLE session_configs;
