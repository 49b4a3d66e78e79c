"""Running numbers that people read: one more each time, by name, without a gap while committed."""

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from backend.domain.calendar import local_day
from backend.store.tables import number_counter


def next_number(conn: Connection, name: str) -> int:
    """The next number of ``name``, from 1. Who asks holds its row until the transaction ends."""
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(number_counter).values(name=name, value=1)
    statement = insert.on_conflict_do_update(
        index_elements=[number_counter.c.name], set_={"value": number_counter.c.value + 1}
    ).returning(number_counter.c.value)
    return int(conn.execute(statement).scalar_one())


def application_number(conn: Connection, prefix: str, org_id: str, now: int) -> str:
    """``ZY-330109103201-20250601-0007``: the organisation's seventh application of that local
    day. Ids longer than an organisation code are cut to their end."""
    name = f"{prefix}-{org_id[-20:]}-{local_day(now):%Y%m%d}"
    return f"{name}-{next_number(conn, name):04d}"
