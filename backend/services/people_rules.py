"""What may be said of a person, and which roles go together."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from sqlalchemy import Connection, or_, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, denied
from backend.domain.organisation import within
from backend.store.tables import role, seal

_LOGIN = re.compile(r"[\w.@+-]{2,60}")
_PHONE = re.compile(r"\+?[0-9][0-9 -]{3,38}")
LOCALES: Final = ("zh_CN", "en")


def checked_name(value: str, longest: int = 60) -> str:
    """A name of a person, organisation or seal: trimmed, without control characters.

    Raises:
        DomainError: ``bad_name``.
    """
    value = unicodedata.normalize("NFC", value).strip()
    if not 1 <= len(value) <= longest or any(
        unicodedata.category(letter).startswith("C") for letter in value
    ):
        raise DomainError(
            "bad_name",
            f"名称须为1到{longest}个字，不能含有控制字符",
            f"a name has 1 to {longest} characters and no control characters",
        )
    return value


def checked_login(login: str) -> str:
    """A login in its stored form (already normalised).

    Raises:
        DomainError: ``bad_login``.
    """
    if not _LOGIN.fullmatch(login):
        raise DomainError(
            "bad_login",
            "登录名须为2到60个字母、数字、汉字或 . _ @ + -",
            "a login has 2 to 60 letters, digits or . _ @ + -",
        )
    return login


def checked_phone(phone: str | None) -> str | None:
    """A phone number, or none.

    Raises:
        DomainError: ``bad_phone``.
    """
    if phone is None or not phone.strip():
        return None
    if not _PHONE.fullmatch(phone.strip()):
        raise DomainError("bad_phone", "电话号码格式不正确", "this is no phone number")
    return phone.strip()


def checked_locale(locale: str) -> str:
    """A language that we speak.

    Raises:
        DomainError: ``bad_locale``.
    """
    if locale not in LOCALES:
        raise DomainError("bad_locale", "语言须为 zh_CN 或 en", "a locale is zh_CN or en")
    return locale


def must_administer(conn: Connection, actor: Actor, person_id: str, path: str, now: int) -> None:
    """Refuse unless ``actor`` administers where the person belongs *and* every place where they
    hold a role: else a village's administrator could take over a town's approver.

    Raises:
        DomainError: ``denied``.
    """
    paths = conn.execute(
        select(role.c.org_path).where(
            role.c.person_id == person_id,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
        )
    ).scalars()
    for one in (path, *paths):
        actor.must(Role.ADMIN, one)


def must_grant(actor: Actor, kind: Role, org_path: str, parent_path: str | None) -> None:
    """Refuse unless ``actor`` may give (and take) that role there. A supervisor is named from
    above: who is supervised does not choose who looks. ``parent_path``: ``None`` at the top.

    Raises:
        DomainError: ``denied``.
    """
    actor.must(Role.ADMIN, org_path)
    if (
        kind == Role.SUPERVISOR
        and parent_path is not None
        and not actor.may(Role.ADMIN, parent_path)
    ):
        raise denied(
            "监督员须由上级组织的管理员任命或免去",
            "a supervisor is named by an administrator of the organisation above",
        )


def refuse_clash(conn: Connection, person_id: str, kind: Role, org_path: str, now: int) -> None:
    """Refuse a role that is held already, and approver beside custodian at one organisation.

    Raises:
        DomainError: ``role_held``, ``approver_is_custodian``.
    """
    held = set(
        conn.execute(
            select(role.c.role).where(
                role.c.person_id == person_id,
                role.c.org_path == org_path,
                or_(role.c.ends_at.is_(None), role.c.ends_at > now),
                role.c.revoked_at.is_(None),
            )
        ).scalars()
    )
    if kind.value in held:
        raise conflict(
            "role_held", "该人员在此组织已有该角色", "the person holds that role there already"
        )
    if kind == Role.APPROVER:
        keeps = select(seal.c.id).where(
            seal.c.org_path == org_path,
            seal.c.custodian_id == person_id,
            seal.c.status != "destroyed",
        )
        if conn.execute(keeps).first() is not None:
            held.add(Role.CUSTODIAN.value)
    apart = {Role.APPROVER: Role.CUSTODIAN, Role.CUSTODIAN: Role.APPROVER}
    if kind in apart and apart[kind].value in held:
        raise conflict(
            "approver_is_custodian",
            "同一组织的审批人不能兼任印章管理员",
            "at one organisation the approver may not also be the custodian",
        )


def parent_of(path: str) -> str | None:
    """The path of the organisation above; ``None`` for one at the top."""
    above = path[:-1].rpartition("/")[0] + "/"
    return above if above != "/" and within(path, above) else None
