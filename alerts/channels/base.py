"""What a channel is: three methods, one message in, one of three outcomes out.

A channel is small on purpose. It knows how to say one `Message` to one recipient through one
service, and nothing of who wants to hear what, of quiet hours or of attempts: that is the delivery
worker's part. It never raises for what a service or a network does; whatever happens becomes an
`Outcome`, whose text goes into the delivery ledger that people read:

- `Delivered`: the service took the message over. Most services promise no more than that.
- `Retry`: it may work later. Networks, rate limits, busy servers, *and every answer that we do not
  know*: an alert is never thrown away for a code that nobody listed; the worker gives up by itself.
- `Dead`: trying again cannot help until a person changes something, and the text says what.

Reasons are Chinese sentences with the service's own code at the end; secrets, tokens and mobile
numbers are taken out of them before they leave the channel (see `redact`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

_ID = re.compile(r"[A-Za-z0-9_:-]{1,128}")

Clock = Callable[[], int]
"""Milliseconds since the Unix epoch. Channels need *wall* time, never the demo's: services refuse
a signature whose timestamp is an hour off."""


class Severity(StrEnum):
    """How urgent a message is; `CRITICAL` is marked in the text and may ring louder."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to say to one recipient, in the words of no channel in particular.

    `title` and `lines` are plain text in the language of `locale` (`zh_CN` or `en`); markup in them
    is made harmless by the channel. `recipient` is the channel's own kind of address (see each
    channel's `Description.address_hint`). `dedupe_id` stays the same over all attempts, so that a
    service or receiver can drop a second copy; it is an id (letters, digits, ``_``, ``:``, ``-``,
    at most 128), for it travels in headers. `link` opens the matter in the browser, or is empty.
    `kind` is the rule or notice code (`C1`, `use_finished`). `at` is when it happened (ms), for
    receivers that are programs.
    """

    title: str
    lines: tuple[str, ...]
    severity: Severity
    recipient: str
    dedupe_id: str
    locale: str = "zh_CN"
    link: str = ""
    kind: str = ""
    at: int | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.dedupe_id):
            raise ValueError("dedupe_id is no id: letters, digits, _, : and -, at most 128")


@dataclass(frozen=True, slots=True)
class Delivered:
    """Taken over by the service, under its own `reference` (empty when it gives none)."""

    reference: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """A passing failure. `after_ms`: the service asked to be left alone that long, if it said so.

    `code` is stable and short (`dingtalk:130101`, `http:503`, `net:timeout`), for counting.
    """

    reason: str
    code: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Dead:
    """A lasting failure; `reason` says what somebody must change. `code` as in `Retry`."""

    reason: str
    code: str


Outcome = Delivered | Retry | Dead


@dataclass(frozen=True, slots=True)
class Description:
    """A channel as a settings page shows it. Holds no secret.

    `one_person` tells a message to one person from a message to a group. `targets` are the names
    that may stand as recipient where the addresses themselves are secret (robots, webhooks).
    """

    name: str
    title: str
    address_hint: str
    one_person: bool
    targets: tuple[str, ...] = ()


class Channel(Protocol):
    """The three methods. Implementations are safe to call from several threads."""

    def describe(self) -> Description:
        """Say what this channel is and what its addresses look like. No network."""
        ...

    def check_config(self) -> tuple[str, ...]:
        """Try the credentials without sending anything to anybody.

        Returns what is wrong, each a Chinese sentence that says what to do; empty when nothing was
        found. A group robot has nothing to ask its service short of posting, so only a test message
        proves it.
        """
        ...

    def send(self, message: Message) -> Outcome:
        """Hand one message over. Blocks for at most the configured timeout; never raises."""
        ...


class ConfigError(ValueError):
    """Settings that cannot work. `problems` are Chinese sentences that say what to change."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("；".join(problems))
        self.problems = problems
