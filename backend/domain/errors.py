"""The one way in which the domain says no."""

from __future__ import annotations


class DomainError(Exception):
    """Something a person asked for is not possible; it says why and what to do.

    ``code`` is stable for programs; ``zh`` and ``en`` are for people; ``kind`` chooses the HTTP
    status: ``invalid`` 422, ``denied`` 403, ``missing`` 404, ``conflict`` 409,
    ``unauthenticated`` 401, ``throttled`` 429.
    """

    def __init__(self, code: str, zh: str, en: str, kind: str = "invalid") -> None:
        self.code = code
        self.zh = zh
        self.en = en
        self.kind = kind
        super().__init__(f"{code}: {en}")


def missing(what_zh: str, what_en: str) -> DomainError:
    """Not there, or not in the asker's branch: both look the same from outside."""
    return DomainError(
        "not_found",
        f"找不到{what_zh}，或不在您的管理范围内",
        f"no such {what_en} in your scope",
        "missing",
    )


def denied(zh: str = "您没有权限进行此操作", en: str = "you may not do this") -> DomainError:
    """The asker's role or branch does not allow it."""
    return DomainError("denied", zh, en, "denied")


def conflict(code: str, zh: str, en: str) -> DomainError:
    """The state has moved on since the asker looked, or does not allow it."""
    return DomainError(code, zh, en, "conflict")
