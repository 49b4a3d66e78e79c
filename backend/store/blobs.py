"""Where encrypted pictures lie: a door behind which a table or an object store stands."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection, delete, select

from backend.store.tables import picture_blob


class Blobs(Protocol):
    """Keeps ciphertext by picture id. All three run inside the caller's transaction; a store
    outside the database must tolerate a put whose transaction is rolled back afterwards."""

    def put(self, conn: Connection, picture_id: str, ciphertext: bytes) -> None:
        """Keep a new picture's ciphertext."""
        ...

    def get(self, conn: Connection, picture_id: str) -> bytes | None:
        """The ciphertext, ``None`` when there is none."""
        ...

    def delete(self, conn: Connection, picture_id: str) -> None:
        """Forget it; no error when there is none."""
        ...


class TableBlobs:
    """Ciphertext in the database itself: one backup holds everything."""

    def put(self, conn: Connection, picture_id: str, ciphertext: bytes) -> None:
        """Insert a row."""
        conn.execute(picture_blob.insert(), {"picture_id": picture_id, "ciphertext": ciphertext})

    def get(self, conn: Connection, picture_id: str) -> bytes | None:
        """Read a row."""
        return conn.execute(
            select(picture_blob.c.ciphertext).where(picture_blob.c.picture_id == picture_id)
        ).scalar()

    def delete(self, conn: Connection, picture_id: str) -> None:
        """Delete a row; SQLite overwrites its pages."""
        if conn.dialect.name == "sqlite":
            conn.exec_driver_sql("PRAGMA secure_delete=ON")
        conn.execute(delete(picture_blob).where(picture_blob.c.picture_id == picture_id))
