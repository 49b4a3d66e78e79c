"""What cannot be made into a reference page; ``zh`` and ``en`` say what to do."""

from __future__ import annotations

from backend.domain.errors import DomainError


class PaperError(DomainError):
    """A paper that is not taken: broken, encrypted, too large, or without pages."""


class ReaderUnavailable(DomainError):
    """The text recogniser's package or model is missing or is not the one that was pinned."""


class StoredPageError(DomainError):
    """Bytes that are no reference page, or one of another version: make it again."""
