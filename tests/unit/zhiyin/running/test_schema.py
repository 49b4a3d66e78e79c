"""Whether the tables are this version's, on both databases; a start says what to run."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

from backend.domain.errors import DomainError
from backend.store.db import Database
from zhiyin.running import schema, store
from zhiyin.settings import DatabaseSettings, Settings


def _refusal(db: Database) -> DomainError:
    with pytest.raises(DomainError) as caught:
        schema.require_current(db)
    return caught.value


def test_tables_are_made_once_and_then_current(database_url: str) -> None:
    db = Database(database_url)
    try:
        missing = _refusal(db)
        assert missing.code == "schema_missing"
        assert "zhiyin migrate" in missing.zh
        assert "zhiyin migrate" in missing.en
        before, after = schema.upgrade(db)
        assert (before, after) == (None, schema.wanted())
        schema.require_current(db)
        assert schema.upgrade(db) == (after, after)
    finally:
        db.dispose()


def test_what_the_files_say_is_what_alembic_reads() -> None:
    assert schema.wanted() == ScriptDirectory(str(schema.MIGRATIONS)).get_current_head()


def test_a_later_versions_tables_are_left_alone(sqlite_url: str) -> None:
    db = Database(sqlite_url)
    try:
        schema.upgrade(db)
        with db.write() as conn:
            conn.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
        assert _refusal(db).code == "schema_newer"
        with pytest.raises(DomainError) as caught:
            schema.upgrade(db)
        assert caught.value.code == "schema_newer"
    finally:
        db.dispose()


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    db = Database("postgresql+psycopg://zhiyin:geheim@127.0.0.1:1/zhiyin")
    try:
        with pytest.raises(DomainError) as caught:
            store.require_answer(db)
    finally:
        db.dispose()
    assert caught.value.code == "database_away"
    assert "geheim" not in str(caught.value) + caught.value.zh + caught.value.en


def test_a_part_of_its_own_wants_postgresql() -> None:
    with pytest.raises(DomainError) as caught:
        store.require_one_process(Settings(), "gateway")
    assert caught.value.code == "needs_postgresql"
    url = {"url": "postgresql://zhiyin@db/zhiyin"}
    store.require_one_process(Settings(database=DatabaseSettings.model_validate(url)), "gateway")
