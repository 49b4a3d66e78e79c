"""What the verifier says in the end: for machines as plain values, for people as lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from backend.ledger.findings import Finding
from backend.ledger.words import moment, printable


@dataclass(frozen=True, slots=True)
class SleeveSummary:
    """A sleeve in the export: its events, and the fingerprints of the keys that signed them.

    ``introduced`` gives, for each fingerprint, the leaf of the record that put the key into the
    log, ``None`` when no disclosed record names it.
    """

    device: str
    events: int
    first: int
    last: int
    introduced: dict[str, int | None]


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check. Sizes count leaves; times are ms since the epoch (UTC).

    ``scope`` is what the export says that it selects, nothing more.

    ``witnessed`` is the largest size that enough witnesses cosigned, at ``witnessed_at`` the
    latest; ``complete`` says that every leaf of the log was in the export.
    """

    origin: str
    size: int
    root: bytes
    scope: dict[str, Any]
    witnessed: int
    witnessed_at: int | None
    complete: bool
    disclosed: int
    erased: int
    sleeves: tuple[SleeveSummary, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the export. Warnings still limit what it shows."""
        return not any(finding.level == "problem" for finding in self.findings)

    @property
    def codes(self) -> frozenset[str]:
        """The codes of all findings."""
        return frozenset(finding.code for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            **asdict(self),
            "ok": self.ok,
            "root": self.root.hex(),
            "unwitnessed": self.size - self.witnessed,
        }

    def lines(self, language: Literal["zh", "en"] = "zh") -> list[str]:
        """The report in words, the verdict first."""
        chinese = language == "zh"
        marks = _MARKS_ZH if chinese else _MARKS_EN
        out = [self._verdict(chinese), *self._facts(chinese)]
        out += [f"{marks[one.level]}{one.zh if chinese else one.en}" for one in self.findings]
        return [printable(line) for line in out]

    def _verdict(self, chinese: bool) -> str:
        problems = sum(finding.level == "problem" for finding in self.findings)
        if chinese:
            return "核验通过：未发现问题。" if self.ok else f"核验不通过：发现 {problems} 个问题。"
        return (
            "Verified: nothing wrong was found."
            if self.ok
            else f"NOT verified: {problems} problems."
        )

    def _facts(self, chinese: bool) -> list[str]:
        seen = "—" if self.witnessed_at is None else moment(self.witnessed_at)
        unseen = self.size - self.witnessed
        if chinese:
            out = [
                f"日志：{self.origin}，{self.size} 条，根 {self.root.hex()}",
                f"见证：前 {self.witnessed} 条已见证（{seen}），其后 {unseen} 条未见证",
                f"记录：公开 {self.disclosed} 条，已删除内容 {self.erased} 条"
                + ("（整本日志）" if self.complete else "（部分选取）"),
            ]
        else:
            out = [
                f"Log: {self.origin}, {self.size} entries, root {self.root.hex()}",
                f"Witnessed: the first {self.witnessed} ({seen}); {unseen} after them are not",
                f"Records: {self.disclosed} disclosed, {self.erased} erased"
                + (" (the whole log)" if self.complete else " (a selection)"),
            ]
        for one in self.sleeves:
            span = f"{one.first}–{one.last}"
            if chinese:
                keys = "、".join(one.introduced)
                out.append(f"套筒 {one.device}：{one.events} 个事件（{span} 号），公钥指纹 {keys}")
            else:
                keys = ", ".join(one.introduced)
                out.append(f"Sleeve {one.device}: {one.events} events ({span}), key {keys}")
        return out


_MARKS_ZH = {"problem": "【问题】", "warning": "【提醒】", "note": "【说明】"}
_MARKS_EN = {"problem": "PROBLEM: ", "warning": "WARNING: ", "note": "NOTE: "}
