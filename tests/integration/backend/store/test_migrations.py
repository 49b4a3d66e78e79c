"""The migrations make exactly the tables that are declared, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

import backend.ledger.tables  # noqa: F401  # declares the log's tables on the same metadata
from backend.store.db import Database
from backend.store.tables import metadata
from zhiyin.running import schema


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.dispose()


def differences(db: Database) -> list[Any]:
    with db.read() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        return list(compare_metadata(context, metadata))


def test_migrated_tables_are_the_declared_tables(db: Database) -> None:
    assert differences(db)
    schema.upgrade(db)

    assert differences(db) == []
    schema.require_current(db)


def test_indexes_and_keys_are_the_same_as_those_that_are_declared(
    db: Database, sqlite_url: str, postgres_server_url: str | None
) -> None:
    schema.upgrade(db)
    declared = Database(postgres_server_url or f"{sqlite_url}.declared")
    metadata.create_all(declared.engine)
    try:
        assert shape(db) == shape(declared)
    finally:
        declared.dispose()


@pytest.fixture
def postgres_server_url(request: pytest.FixtureRequest, database_url: str) -> Iterator[str | None]:
    """A second database of the same server, where the test runs on PostgreSQL."""
    if database_url.startswith("sqlite"):
        yield None
        return
    server = request.getfixturevalue("postgres_server")
    yield server.create_database("t_declared")
    server.drop_database("t_declared")


def shape(db: Database) -> dict[str, Any]:
    seen = inspect(db.engine)
    return {
        table: {
            "columns": sorted(
                (one["name"], str(one["type"]), one["nullable"]) for one in seen.get_columns(table)
            ),
            "key": seen.get_pk_constraint(table)["constrained_columns"],
            "indexes": sorted(
                (
                    str(one["name"]),
                    one["column_names"],
                    bool(one["unique"]),
                    bool(one.get("dialect_options")),
                )
                for one in seen.get_indexes(table)
            ),
            "unique": sorted(one["column_names"] for one in seen.get_unique_constraints(table)),
            "checks": sorted(str(one["sqltext"]) for one in seen.get_check_constraints(table)),
        }
        for table in seen.get_table_names()
        if table != "alembic_version"
    }


def test_migrating_again_changes_nothing(db: Database) -> None:
    assert schema.upgrade(db)[0] is None
    head = schema.wanted()

    assert schema.upgrade(db) == (head, head)


def test_the_log_has_one_head_in_a_migrated_database(db: Database) -> None:
    schema.upgrade(db)
    insert = text(
        "INSERT INTO ledger_head (id, origin, size, root, frontier)"
        " VALUES (2, 'x', 0, :nothing, :nothing)"
    )

    with pytest.raises(IntegrityError), db.write() as conn:
        conn.execute(insert, {"nothing": b""})
