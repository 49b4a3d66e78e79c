"""A policy file: which log, which witnesses, and how many of them must have cosigned.

The line format that log tools share (as in Sigsum and Tessera): ``log <vkey>``, ``witness <name>
<vkey>``, ``group <name> <n|any|all> <witness>…``, ``quorum <witness|group|none>``; ``#`` begins a
comment. Groups of groups are not taken: a threshold over witnesses is all that a check can use.
"""

from __future__ import annotations

from dataclasses import dataclass

from backend.ledger.checkpoint import CheckpointError, WitnessPolicy
from backend.ledger.note import NoteError, VerifierKey


class PolicyError(ValueError):
    """A policy file that cannot be used; names the line."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a policy file says."""

    log_keys: tuple[VerifierKey, ...]
    witnesses: WitnessPolicy


def parse(text: str) -> Policy:
    """Read a policy.

    Raises:
        PolicyError: when it is malformed, or its quorum can not be met.
    """
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            reader.line(words)
        except (NoteError, CheckpointError, ValueError) as error:
            raise PolicyError(f"line {number}: {error}") from error
    return reader.done()


class _Reader:
    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, VerifierKey] = {}
        self._groups: dict[str, tuple[int, tuple[str, ...]]] = {}
        self._quorum: str | None = None

    def line(self, words: list[str]) -> None:
        match words:
            case ["log", vkey, *_]:
                self._logs.append(VerifierKey.parse(vkey))
            case ["witness", name, vkey, *_]:
                self._name(name)
                self._witnesses[name] = VerifierKey.parse(vkey)
            case ["group", name, wanted, *members] if members:
                self._name(name)
                self._groups[name] = self._group(wanted, members)
            case ["quorum", name] if self._quorum is None:
                if name != "none" and name not in self._witnesses | self._groups:
                    raise PolicyError(f"no witness or group is called {name!r}")
                self._quorum = name
            case _:
                raise PolicyError(f"not a line of a policy: {' '.join(words)[:80]!r}")

    def done(self) -> Policy:
        """The whole, once every line was read."""
        if self._quorum is None:
            raise PolicyError("no line 'quorum': say who must have cosigned, or 'quorum none'")
        if self._quorum == "none":
            return Policy(tuple(self._logs), WitnessPolicy())
        threshold, names = self._groups.get(self._quorum, (1, (self._quorum,)))
        try:
            chosen = WitnessPolicy(tuple(self._witnesses[name] for name in names), threshold)
        except CheckpointError as error:
            raise PolicyError(str(error)) from error
        return Policy(tuple(self._logs), chosen)

    def _name(self, name: str) -> None:
        if name == "none" or name in self._witnesses | self._groups:
            raise PolicyError(f"the name {name!r} is taken")

    def _group(self, wanted: str, members: list[str]) -> tuple[int, tuple[str, ...]]:
        for member in members:
            if member not in self._witnesses:
                raise PolicyError(f"{member!r} is no witness named above")
        if len(set(members)) != len(members):
            raise PolicyError("a witness counts once in a group")
        count = {"any": 1, "all": len(members)}.get(wanted)
        if count is None:
            if not (wanted.isascii() and wanted.isdigit()):
                raise PolicyError(f"not a number of witnesses: {wanted!r}")
            count = int(wanted)
        if not 1 <= count <= len(members):
            raise PolicyError(f"{count} of {len(members)} witnesses can not be asked for")
        return count, tuple(members)
