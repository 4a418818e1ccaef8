"""The few statements that run thousands of times a second: SQLAlchemy's words, the driver's speed.

Measured on encrypted SQLite with a held connection: of the 60 to 70 us that a
statement of one row took, SQLAlchemy's way to the driver and back were 50,
and 12 still by its `exec_driver_sql`, which describes every result anew. So these are
compiled once and go to the driver. Nothing is done for them: text goes
through `keepable` by hand, and errors come as the driver's own, which
whoever catches `Storage.driver_errors` need not know.
"""

from typing import Any

from sqlalchemy import ClauseElement, Connection

Row = tuple[Any, ...]


class Prepared:
    def __init__(self, connection: Connection, statement: ClauseElement) -> None:
        compiled: Any = statement.compile(dialect=connection.dialect)
        self._driver = driver_of(connection)
        self._sql = str(compiled)
        self._constants: dict[str, Any] = compiled.params
        # SQLite's parameters go by place and this is their order; PostgreSQL's go by name.
        self._order: list[str] | None = compiled.positiontup

    def run(self, **parameters: Any) -> None:
        self._execute(parameters)

    def rows(self, **parameters: Any) -> list[Row]:
        rows: list[Row] = self._execute(parameters).fetchall()
        return rows

    def _execute(self, parameters: dict[str, Any]) -> Any:
        given = self._constants | parameters
        if self._order is None:
            return self._driver.execute(self._sql, given)
        return self._driver.execute(self._sql, [given[name] for name in self._order])


def driver_of(connection: Connection) -> Any:
    """The driver's own connection; both drivers have `execute` on it."""
    return connection.connection.driver_connection
