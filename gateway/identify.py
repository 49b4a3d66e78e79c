"""Who stands at the sleeve: by a burst of faces, or by two PINs."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import Connection, Row, Select, select

from backend.domain import use as domain
from backend.domain.errors import DomainError
from backend.store import people, standing, uses
from backend.store.db import Database
from backend.store.tables import check_job, picture, seal
from backend.vision.liveness import Print
from gateway.protocol import pictures
from gateway.protocol.errors import ProtocolError

log = structlog.get_logger(__name__)

RECENT_USES: Final = 40
"""Uses of a sleeve whose captures are known again when somebody shows them a second time."""

PIN_GUESSES: Final = 5
PIN_WINDOW_MS: Final = 15 * 60_000
"""Wrong PINs of one operator within this time, on whichever sleeve; then PINs rest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. ``verdict``: match, doubtful, mismatch, unusable, pin_ok, pin_wrong,
    unchecked. ``who`` is the person it was, when known. ``reasons`` are codes, ``text`` is what the
    sleeve shows when it is no. ``turn`` is how far the head was turned, ``enrol_again`` says that
    the person's scores are sinking, ``prints`` are of this capture."""

    verdict: str
    score: float | None = None
    who: str | None = None
    reasons: tuple[str, ...] = ()
    text: str = ""
    turn: float | None = None
    enrol_again: bool = False
    prints: tuple[Print, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What else the check is to hold a burst to.

    Attributes:
        side: to which of their own sides the person was asked to turn: none, left, right.
        frames: of the burst that the grant asks for.
        earlier: prints of captures made at this sleeve before; one of them again is a replay.
        scores: (ms, score) of each person's earlier matches, to see them sink.
        now: ms.
    """

    side: str = "none"
    frames: int = 1
    earlier: tuple[Print, ...] = ()
    scores: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    now: int = 0


class FaceMatcher(Protocol):
    """Compares a burst with enrolled people."""

    def match(
        self,
        burst: Sequence[bytes],
        templates: Mapping[str, Sequence[bytes]],
        expected: set[str],
        asked: Asked,
    ) -> Finding:
        """``burst``: pictures as the sleeve took them. ``templates``: stored template bytes by
        person. ``expected``: who may stamp; the others only serve to say who it was instead.
        ``asked``: the head turn and what earlier captures say."""
        ...


class Identify:
    """Looks at what a check job names and says who it was. Reads only, and takes its time."""

    def __init__(
        self,
        *,
        db: Database,
        faces: FaceMatcher,
        read_picture: Callable[[Connection, str], bytes],
        open_template: Callable[[bytes, str], bytes],
        pin_keys: Sequence[X25519PrivateKey],
        now: Callable[[], int],
    ) -> None:
        self._db = db
        self._faces = faces
        self._read_picture = read_picture
        self._open_template = open_template
        self._pin_keys = pin_keys
        self._now = now

    def face(self, job: Row[Any]) -> Finding:
        """Compare the burst with those who may stamp."""
        with self._db.read() as conn:
            use = uses.load_uses(conn, [job.use_id]).get(job.use_id)
            if use is None or use.operator is None:
                return Finding("unchecked", reasons=("no_use",), text="没有对应的用印授权")
            grant = _grant_of(conn, use)
            named = {use.operator, *(grant.alternates if grant is not None else ())}
            # A term of office may have ended since the approval (C33); what was done off line is
            # held against the time when it was done.
            at = use.started_at if use.offline else self._now()
            expected = standing.may_stamp(conn, named, use.org_path, _custodians(conn, use), at)
            if not expected:
                return Finding(
                    "unchecked", reasons=("no_authority",), text="用章人已无用章权限，请联系管理员"
                )
            stored = people.templates_near(conn, use.org_path, expected)
            burst = [
                self._read_picture(conn, row.id)
                for row in conn.execute(burst_of(job, "complete").order_by(picture.c.frame))
            ]
            asked = self._asked(conn, job, use, grant)
        if not burst:
            return Finding("unusable", reasons=("no_picture",), text="没有收到人脸照片，请重拍")
        templates = {person: self._open_all(sealed) for person, sealed in stored.items()}
        if not any(templates.get(person) for person in expected):
            return Finding(
                "unchecked",
                reasons=("not_enrolled",),
                text="用章人尚未登记人脸，请改用密码加见证人",
            )
        return self._faces.match(burst, templates, set(expected), asked)

    def _asked(
        self, conn: Connection, job: Row[Any], use: domain.Use, grant: domain.Grant | None
    ) -> Asked:
        """By the grant, not by what the sleeve says that it showed."""
        earlier: list[Print] = []
        scores: dict[str, list[tuple[int, float]]] = {}
        for result, at in conn.execute(_recent(job, use)):
            kept = (Print.of_plain(one) for one in result.get("prints", ()))
            earlier += [one for one in kept if one is not None]
            if result.get("verdict") == "match" and result.get("score") is not None:
                scores.setdefault(str(result.get("who")), []).append((at, float(result["score"])))
        policy = grant.policy if grant is not None else {}
        return Asked(
            side=str(policy.get("challenge", "none")),
            frames=int(policy.get("frames", 1)),
            earlier=tuple(earlier),
            scores=scores,
            now=self._now(),
        )

    def _open_all(self, stored: Sequence[tuple[bytes, str]]) -> list[bytes]:
        opened = []
        for sealed, context in stored:
            try:
                opened.append(self._open_template(sealed, context))
            except DomainError as error:  # one neighbour's must not stop everybody's check
                log.error("template.unreadable", context=context, code=error.code)
        return opened

    def pin(self, job: Row[Any]) -> Finding:
        """Check the PINs of the operator and of a witness."""
        with self._db.read() as conn:
            use = uses.load_uses(conn, [job.use_id]).get(job.use_id)
            if use is None or use.operator is None:
                return Finding("unchecked", reasons=("no_use",), text="没有对应的用印授权")
            witness = str(job.input["witness"])
            if witness == use.operator:
                return Finding("pin_wrong", reasons=("same_person",), text="见证人不能是用章人本人")
            grant = _grant_of(conn, use)
            if grant is not None and not _pin_allowed(grant):
                return Finding(
                    "unchecked",
                    reasons=("pin_not_allowed",),
                    text="该事项必须核验人脸，不能用密码代替",
                )
            guesses = self._wrong_pins(conn, use)
            known = people.pins(conn, [use.operator, witness], use.org_path, self._now())
        if guesses >= PIN_GUESSES:
            return Finding("pin_wrong", reasons=("locked",), text="密码错误次数过多，请稍后再试")
        opened = self._open_pins(job, use)
        if opened is None:
            return Finding("pin_wrong", reasons=("unreadable",), text="密码无法读取，请重新输入")
        for person, pin in zip((use.operator, witness), opened, strict=True):
            check = known.get(person)
            if check is None:
                return Finding("pin_wrong", reasons=("no_pin",), text="用章人或见证人尚未设置密码")
            if not hmac.compare_digest(people.pin_digest(pin, check), check.digest):
                return Finding("pin_wrong", reasons=("wrong",), text="密码不正确，请重新输入")
        return Finding("pin_ok", who=use.operator)

    def _wrong_pins(self, conn: Connection, use: domain.Use) -> int:
        recent = conn.execute(
            select(check_job.c.result).where(
                check_job.c.kind == "pin",
                check_job.c.state == "done",
                check_job.c.created_at > self._now() - PIN_WINDOW_MS,
            )
        )
        return sum(
            1
            for (result,) in recent
            if result.get("verdict") == "pin_wrong" and result.get("operator") == use.operator
        )

    def _open_pins(self, job: Row[Any], use: domain.Use) -> tuple[str, str] | None:
        number = int(use.id.rsplit(":", 1)[1])
        for secret in self._pin_keys:
            try:
                return pictures.open_pins(
                    bytes.fromhex(job.input["sealed"]),
                    device=use.device,
                    use=number,
                    secret=secret,
                )
            except ProtocolError:
                continue
        return None


def burst_of(job: Row[Any], state: str) -> Select[Any]:
    """Pictures of this very event: a burst that an earlier one named is not a new look."""
    return select(picture.c.id).where(
        picture.c.id.in_(job.input["pictures"]),
        picture.c.device_id == job.device_id,
        picture.c.counter == job.counter,
        picture.c.state == state,
    )


def _recent(job: Row[Any], use: domain.Use) -> Select[Any]:
    """What was found of faces in the last uses of this sleeve, by their numbers: no long search."""
    number = int(use.id.rsplit(":", 1)[1])
    uses_ = [
        domain.use_id(use.device, past) for past in range(max(1, number - RECENT_USES), number + 1)
    ]
    return select(check_job.c.result, check_job.c.done_at).where(
        check_job.c.use_id.in_(uses_),
        check_job.c.kind == "face",
        check_job.c.state == "done",
        check_job.c.id != job.id,
    )


def _grant_of(conn: Connection, use: domain.Use) -> domain.Grant | None:
    if use.grant is None:
        return None
    return uses.load_grants(conn, [use.grant], lock=False)[0].get(use.grant)


def _custodians(conn: Connection, use: domain.Use) -> list[str]:
    keeper = conn.execute(select(seal.c.custodian_id).where(seal.c.id == use.seal)).scalar()
    return [keeper] if keeper is not None else []


def _pin_allowed(grant: domain.Grant) -> bool:
    policy = grant.policy
    return policy.get("check") == "pin" or bool(policy.get("pin_allowed", True))
