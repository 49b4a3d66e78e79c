"""Pictures at rest: AES-256-GCM with one data key each, wrapped by the key-encryption key.

The picture's id is authenticated with it, so ciphertext moved to another row does not open. What a
sleeve committed to is checked before it is kept; destroying data key and salt erases a picture and
leaves the commitment, hence every proof, valid. Nothing here decides who may look: a person's look
goes through backend.services.pictures, which records it first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, select, update

from backend.domain.errors import DomainError, conflict, missing
from backend.store.blobs import Blobs, TableBlobs
from backend.store.keyring import NONCE_BYTES, KeyRing
from backend.store.tables import picture
from backend.store.uploads import (
    ANNOUNCED,
    BROKEN,
    COMPLETE,
    ERASED,
    UNKNOWN,
    Upload,
    drop_pieces,
    lock_pictures,
    pieces_of,
    uploads,
)
from backend.vision.decode import PictureError, inspect
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import PictureRef
from gateway.protocol.pictures import open_sealed

MAX_TRIES: Final = 3
"""Uploads that may fail to decrypt before the picture is given up: a sleeve that lost power may
have mixed pieces of two encryptions."""

_DATA_KEY_BYTES: Final = 32


class PictureStore:
    """Encrypts, keeps, opens and erases pictures, always in the caller's transaction."""

    def __init__(
        self,
        keyring: KeyRing,
        blobs: Blobs | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._keyring = keyring
        self._blobs: Blobs = blobs or TableBlobs()
        self._random = random

    # ── uploads of sleeves ───────────────────────────────────────────────────────────────────────

    def complete(self, conn: Connection, picture_id: str, now: int) -> Upload:
        """See :meth:`complete_many`; ``now`` is ms UTC."""
        return self.complete_many(conn, [picture_id], now).get(picture_id, Upload(UNKNOWN))

    def complete_many(
        self, conn: Connection, picture_ids: Iterable[str], now: int
    ) -> dict[str, Upload]:
        """Turn uploads whose pieces are all held into pictures at rest.

        An upload that does not decrypt, or is not what its event committed to, is asked for again,
        :data:`MAX_TRIES` times in all; then, or when it is no picture, it is broken for good.
        Pictures in any other state stay as they are. Returns how far each one then is.
        """
        rows = lock_pictures(conn, picture_ids)
        before = uploads(conn, rows)
        for picture_id, upload in before.items():
            if upload.full:
                self._complete(conn, rows[picture_id], now)
        return uploads(conn, rows)

    def _complete(self, conn: Connection, row: Row[Any], now: int) -> None:
        ciphertext = b"".join(pieces_of(conn, row.id))
        drop_pieces(conn, row.id)
        opened = self._open_upload(row, ciphertext)
        if opened is None:
            tries = row.tries + 1
            values: dict[str, Any] = {"tries": tries}
            if tries >= MAX_TRIES:
                values |= {"state": BROKEN, "failure": "does_not_decrypt"}
            self._update(conn, row.id, values)
            return
        salt, data = opened
        try:
            header = inspect(data)
        except PictureError as error:
            self._update(conn, row.id, {"state": BROKEN, "failure": error.code})
            return
        self._update(
            conn,
            row.id,
            self._keep(conn, row.id, data)
            | {
                "state": COMPLETE,
                "mime": f"image/{header.format}",
                "size": len(data),
                "salt": salt,
                "completed_at": now,
            },
        )

    def _open_upload(self, row: Row[Any], ciphertext: bytes) -> tuple[bytes, bytes] | None:
        if len(ciphertext) != row.size or row.device_id is None:
            return None
        ref = PictureRef(commit=bytes.fromhex(row.id), size=row.size, pieces=row.pieces)
        for secret in self._keyring.picture_wire_all:
            try:
                return open_sealed(ciphertext, ref, device=row.device_id, secret=secret)
            except ProtocolError:
                continue
        return None

    # ── at rest ──────────────────────────────────────────────────────────────────────────────────

    def put(
        self,
        conn: Connection,
        picture_id: str,
        data: bytes,
        *,
        org_path: str,
        kind: str,
        mime: str,
        now: int,
        person_id: str | None = None,
        use_id: str | None = None,
    ) -> None:
        """Encrypt and keep something uploaded by a person: ``kind`` ``document``, ``enrolment`` or
        ``evidence``; or cut out of pictures of a use: ``crop``. The caller has checked what it is.
        ``now`` is ms UTC."""
        conn.execute(
            picture.insert(),
            {
                "id": picture_id,
                "org_path": org_path,
                "kind": kind,
                "person_id": person_id,
                "use_id": use_id,
                "mime": mime,
                "size": len(data),
                "pieces": 0,
                "state": COMPLETE,
                "created_at": now,
                "completed_at": now,
            }
            | self._keep(conn, picture_id, data),
        )

    def seal_piece(self, name: str, data: bytes) -> bytes:
        """A piece of something that a person uploads, encrypted until the rest is there; only
        :meth:`open_piece` with the same ``name`` opens it."""
        data_key, nonce = self._random(_DATA_KEY_BYTES), self._random(NONCE_BYTES)
        key_id, wrapped = self._keyring.wrap(data_key)
        body = AESGCM(data_key).encrypt(nonce, data, name.encode())
        return cbor2.dumps([key_id, wrapped, nonce, body])

    def open_piece(self, name: str, sealed: bytes) -> bytes:
        """What :meth:`seal_piece` encrypted.

        Raises:
            DomainError: ``picture_damaged``.
        """
        key_id, wrapped, nonce, body = cbor2.loads(sealed)
        try:
            return AESGCM(self._keyring.unwrap(key_id, wrapped)).decrypt(nonce, body, name.encode())
        except InvalidTag as error:
            raise _damaged() from error

    def get(self, conn: Connection, picture_id: str) -> bytes:
        """Decrypt a picture, **for a machine's check**; for a person see
        :class:`backend.services.pictures.PictureService`, which records the look first.

        Raises:
            DomainError: ``not_found``, ``picture_on_its_way``, ``picture_broken``,
                ``picture_erased`` or ``picture_damaged``.
        """
        row = conn.execute(select(picture).where(picture.c.id == picture_id)).one_or_none()
        if row is None:
            raise missing("该图片", "picture")
        if row.state != COMPLETE:
            raise _not_there(row.state)
        ciphertext = self._blobs.get(conn, picture_id)
        if ciphertext is None:
            raise _damaged()
        data_key = self._keyring.unwrap(row.key_id, row.wrapped_key)
        nonce, body = ciphertext[:NONCE_BYTES], ciphertext[NONCE_BYTES:]
        try:
            return AESGCM(data_key).decrypt(nonce, body, picture_id.encode())
        except (InvalidTag, ValueError) as error:
            raise _damaged() from error

    def erase(self, conn: Connection, picture_id: str, now: int) -> bool:
        """Destroy ciphertext, data key and salt; ``False`` when there was nothing to destroy.

        ``now`` is ms UTC. An upload under way is ended, and its sleeve told to drop it.
        """
        row = lock_pictures(conn, [picture_id]).get(picture_id)
        if row is None or row.state == ERASED:
            return False
        self._blobs.delete(conn, picture_id)
        drop_pieces(conn, picture_id)
        self._update(
            conn,
            picture_id,
            {
                "state": ERASED,
                "failure": ERASED,
                "salt": None,
                "wrapped_key": None,
                "key_id": None,
                "erased_at": now,
            },
        )
        return True

    def _keep(self, conn: Connection, picture_id: str, data: bytes) -> dict[str, Any]:
        data_key = self._random(_DATA_KEY_BYTES)
        nonce = self._random(NONCE_BYTES)
        body = AESGCM(data_key).encrypt(nonce, data, picture_id.encode())
        self._blobs.put(conn, picture_id, nonce + body)
        key_id, wrapped = self._keyring.wrap(data_key)
        return {"key_id": key_id, "wrapped_key": wrapped}

    @staticmethod
    def _update(conn: Connection, picture_id: str, values: dict[str, Any]) -> None:
        conn.execute(update(picture).where(picture.c.id == picture_id).values(values))


def _not_there(state: str) -> DomainError:
    if state == ANNOUNCED:
        return conflict(
            "picture_on_its_way",
            "图片正在上传，请稍后再看",
            "the picture is still being uploaded; look again later",
        )
    if state == ERASED:
        return conflict(
            "picture_erased",
            "图片已按规定删除，仅保留其存证",
            "the picture was erased; the proof that it existed remains",
        )
    return conflict(
        "picture_broken",
        "图片上传失败，无法查看",
        "the upload of the picture failed; it cannot be shown",
    )


def _damaged() -> DomainError:
    return conflict(
        "picture_damaged",
        "图片密文已损坏或被改动，请从备份恢复",
        "the stored picture is damaged or was changed; restore it from the backup",
    )
