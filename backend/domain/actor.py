"""Who asks: a person with the roles that they hold right now, each for one branch of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backend.domain.errors import denied
from backend.domain.organisation import within


class Role(StrEnum):
    """What a person may be to an organisation. One person may hold several."""

    ADMIN = "admin"
    CUSTODIAN = "custodian"
    APPROVER = "approver"
    APPLICANT = "applicant"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"


ROLE_ZH: Final[dict[Role, str]] = {
    Role.ADMIN: "系统管理员",
    Role.CUSTODIAN: "印章管理员",
    Role.APPROVER: "审批人",
    Role.APPLICANT: "申请人",
    Role.OPERATOR: "用章人",
    Role.SUPERVISOR: "监督员",
}


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """One role of a person at one organisation. ``org_path`` is that organisation's path."""

    role: Role
    org_id: str
    org_path: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for something. Only roles in force belong in ``roles``: whoever builds an actor
    leaves out those not yet begun, ended or revoked (C33).

    ``locale`` is for the words that come back. ``org_path`` is where the person belongs.
    """

    person_id: str
    roles: tuple[RoleHeld, ...] = ()
    locale: str = "zh_CN"
    org_path: str = ""

    def may(self, role: Role, path: str) -> bool:
        """Whether the actor holds ``role`` for a branch in which ``path`` lies (promise 6)."""
        return any(held.role == role and within(path, held.org_path) for held in self.roles)

    def may_any(self, roles: tuple[Role, ...], path: str) -> bool:
        """Whether one of ``roles`` is held for a branch in which ``path`` lies."""
        return any(self.may(role, path) for role in roles)

    def sits_at(self, role: Role, path: str) -> bool:
        """Whether the actor holds ``role`` at exactly that organisation: a step of an approval
        chain is decided where it stands, not from above."""
        return any(held.role == role and held.org_path == path for held in self.roles)

    def must(self, role: Role, path: str) -> None:
        """Refuse unless :meth:`may`.

        Raises:
            DomainError: ``denied``.
        """
        self.must_any((role,), path)

    def must_any(self, roles: tuple[Role, ...], path: str) -> None:
        """Refuse unless :meth:`may_any`.

        Raises:
            DomainError: ``denied``.
        """
        if not self.may_any(roles, path):
            raise denied()

    def branches(self, *roles: Role) -> tuple[str, ...]:
        """The branches for which one of ``roles`` (any role, when none is named) is held, the
        outermost only: what lists are narrowed to. Empty: nothing may be seen."""
        wanted = {held.org_path for held in self.roles if not roles or held.role in roles}
        return tuple(
            sorted(
                path
                for path in wanted
                if not any(other != path and within(path, other) for other in wanted)
            )
        )
