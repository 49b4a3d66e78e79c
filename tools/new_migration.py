"""Writes the next migration: what the declared tables have that the migrations do not make.

``python -m tools.new_migration URL 0002 "What changes"``, with the address of an **empty
PostgreSQL** database (SQLite's way of writing conditions would not do for both). Read the result
before committing it.
"""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import backend.store

MIGRATIONS = Path(backend.store.__file__).parent / "migrations"


def write(url: str, revision: str, message: str) -> None:
    """Compare an empty database, brought to the newest migration, with the declared tables."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        config.attributes["batch"] = revision != "0001"
        if config.attributes["batch"]:
            command.upgrade(config, "head")
        command.revision(config, message, autogenerate=True, rev_id=revision)


if __name__ == "__main__":
    write(*sys.argv[1:4])
