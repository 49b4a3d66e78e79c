"""What a check of the log can find, in words: codes are stable, Chinese comes first.

A *problem* means that the log, or the export, must not be relied on as it is; a *warning* limits
what was shown; a *note* only informs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

Level = Literal["problem", "warning", "note"]

MAX_EACH: Final = 50
"""So many findings of one code are listed; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``index`` is the leaf it is about, if it is about one."""

    level: Level
    code: str
    zh: str
    en: str
    index: int | None = None


class _Text(NamedTuple):
    level: Level
    zh: str
    en: str


_TEXTS: Final[dict[str, _Text]] = {
    # who signed
    "log_key_unknown": _Text(
        "warning",
        "没有提供日志公钥，暂用导出包自带的公钥：这不能证明导出包出自真正的日志。"
        "请向监督部门或见证人另行索取公钥，用 --log-key 重新核验。",
        "No log key was given, so the export's own key was used: this does not show that the "
        "export comes from the real log. Ask a supervisor or a witness for the key and check "
        "again with --log-key.",
    ),
    "checkpoint_unsigned": _Text(
        "problem",
        "检查点没有可信的日志签名：{why}",
        "The checkpoint has no trusted signature of the log: {why}",
    ),
    "no_witness": _Text(
        "warning",
        "没有指定见证人：掌握数据库和日志密钥的人可以整本重写而不被发现。"
        "全部 {size} 条均未经见证。",
        "No witness was named: whoever holds the database and the log key could have rewritten "
        "everything unseen. All {size} entries are unwitnessed.",
    ),
    "not_witnessed": _Text(
        "problem",
        "导出包里没有任何检查点得到至少 {threshold} 位见证人签名。",
        "No checkpoint in the export is cosigned by at least {threshold} of the witnesses.",
    ),
    "unwitnessed_window": _Text(
        "warning",
        "前 {witnessed} 条已经见证，最新 {count} 条尚未见证；请在下一次见证之后再核验这部分。",
        "The first {witnessed} entries are witnessed, the newest {count} are not yet; check those "
        "again after the next cosignature.",
    ),
    # the tree
    "root_wrong": _Text(
        "problem",
        "由日志条目重新算出的根与检查点不符：条目被改动、增加或删除过。",
        "The root computed from the entries is not the checkpoint's: entries were changed, added "
        "or removed.",
    ),
    "tile_wrong": _Text(
        "problem",
        "哈希分块 {tile} 与日志条目不符。",
        "Hash tile {tile} does not fit the entries.",
    ),
    "entry_missing": _Text("problem", "缺少第 {index} 条日志。", "Log entry {index} is missing."),
    "record_missing": _Text(
        "problem",
        "第 {index} 条日志没有对应的记录。",
        "Log entry {index} has no record.",
    ),
    "entry_malformed": _Text(
        "problem",
        "第 {index} 条日志的格式不对：{why}",
        "Log entry {index} is malformed: {why}",
    ),
    "head_wrong": _Text(
        "problem",
        "日志表头（{stored} 条）与条目（{found} 条）不符。",
        "The head of the log ({stored} entries) does not fit its entries ({found}).",
    ),
    "checkpoint_inconsistent": _Text(
        "problem",
        "日志与它自己较早的检查点（{size} 条）不一致：历史被改写过。",
        "The log does not extend its own earlier checkpoint of {size} entries: history was "
        "rewritten.",
    ),
    # the records
    "not_included": _Text(
        "problem",
        "第 {index} 条记录不在检查点所证明的日志里。",
        "Record {index} is not in the log that the checkpoint proves.",
    ),
    "commitment_wrong": _Text(
        "problem",
        "第 {index} 条记录的内容与日志中的承诺不符：记录被改动过。",
        "The content of record {index} does not fit its commitment in the log: it was changed.",
    ),
    "body_malformed": _Text(
        "problem",
        "第 {index} 条记录的内容无法读取：{why}",
        "The content of record {index} can not be read: {why}",
    ),
    "body_differs": _Text(
        "problem",
        "第 {index} 条记录写明的类别或时间与日志条目不符。",
        "Record {index} states another kind or time than its log entry.",
    ),
    "time_back": _Text(
        "problem",
        "第 {index} 条的时间（{at}）早于它前面的条目（{before}）：可能倒填日期。",
        "Entry {index} is dated {at}, before an earlier entry ({before}): backdated?",
    ),
    "dated_before_witness": _Text(
        "problem",
        "第 {index} 条写的时间是 {at}，但见证人在 {seen} 看到的日志里还没有它：倒填日期。",
        "Entry {index} is dated {at}, yet the log that witnesses saw at {seen} did not hold it: "
        "backdated.",
    ),
    "dated_after_witness": _Text(
        "problem",
        "第 {index} 条写的时间是 {at}，但见证人在 {seen} 之前就已看到它：日期被往后填。",
        "Entry {index} is dated {at}, yet witnesses had seen it by {seen}: postdated.",
    ),
    "withheld": _Text(
        "problem",
        "导出包含有整本日志，却缺少其中 {count} 条记录，也没有注明已删除。",
        "The export holds the whole log, yet {count} of its records are missing and not marked as "
        "erased.",
    ),
    "erased": _Text(
        "note",
        "{count} 条记录的内容已依法删除，只留承诺；其余证明不受影响。",
        "The content of {count} records was erased and only the commitment kept; all other proofs "
        "hold.",
    ),
    # the sleeves
    "sleeve_keys_unknown": _Text(
        "warning",
        "没有另行提供套筒公钥，暂用导出包自带的公钥；请核对报告中的公钥指纹。",
        "No sleeve keys were given, so the export's own were used; compare the fingerprints "
        "in this report.",
    ),
    "sleeve_key_unlogged": _Text(
        "warning",
        "套筒 {device} 的公钥 {fingerprint} 没有出现在已公开的登记记录里，请向厂家或监督部门核对。",
        "Key {fingerprint} of sleeve {device} appears in no disclosed record of its enrolment; "
        "compare it with the maker or a supervisor.",
    ),
    "evidence_missing": _Text(
        "problem",
        "第 {index} 条是套筒事件，却没有套筒的签名。",
        "Record {index} is a sleeve's event without the sleeve's evidence.",
    ),
    "evidence_differs": _Text(
        "problem",
        "第 {index} 条记录所写的与套筒签名的内容不符（{what}）。",
        "Record {index} does not say what its sleeve signed ({what}).",
    ),
    "evidence_bad": _Text(
        "problem",
        "第 {index} 条所附的套筒签名无效：{why}",
        "The sleeve's evidence in record {index} is not valid: {why}",
    ),
    "chain_broken": _Text(
        "problem",
        "套筒 {device} 第 {counter} 号事件没有接上前一号事件：事件被替换过。",
        "Event {counter} of sleeve {device} does not follow the event before it: one of them was "
        "replaced.",
    ),
    "counter_repeated": _Text(
        "problem",
        "套筒 {device} 的第 {counter} 号事件出现了两次：重放或密钥被复制。",
        "Event {counter} of sleeve {device} appears twice: a replay, or a cloned key.",
    ),
    "counter_gap": _Text(
        "problem",
        "套筒 {device} 缺少第 {first} 至 {last} 号事件，也没有缺口说明：记录被隐藏或删除。",
        "Events {first} to {last} of sleeve {device} are missing and no gap entry explains it: "
        "records were hidden or deleted.",
    ),
    "reordered": _Text(
        "problem",
        "套筒 {device} 的第 {counter} 号事件排在了后面的事件之后：顺序被调换。",
        "Event {counter} of sleeve {device} stands after later ones: the order was changed.",
    ),
    "late_event": _Text(
        "note",
        "套筒 {device} 的第 {counter} 号事件在缺口登记之后才补到。",
        "Event {counter} of sleeve {device} arrived after its gap had been recorded.",
    ),
    "recorded_gap": _Text(
        "warning",
        "套筒 {device} 的第 {first} 至 {last} 号事件已登记为丢失。",
        "Events {first} to {last} of sleeve {device} are recorded as lost.",
    ),
    "erased_events": _Text(
        "warning",
        "套筒 {device} 的第 {first} 至 {last} 号事件所在的记录可能已依法删除，事件链在此无法核验。",
        "Events {first} to {last} of sleeve {device} may be in erased records; the chain can not "
        "be followed there.",
    ),
    "not_disclosed": _Text(
        "note",
        "套筒 {device} 的第 {first} 至 {last} 号事件不在这次选取的范围内。",
        "Events {first} to {last} of sleeve {device} are not part of this selection.",
    ),
    # the approvers
    "approval_signature_bad": _Text(
        "problem",
        "第 {index} 条审批写明由本人签名，但签名无效：{why}",
        "Record {index} is an approval said to be signed by its approver, but: {why}",
    ),
    "approver_key_bad": _Text(
        "problem",
        "第 {index} 条登记的个人签名公钥无法使用：{why}",
        "Record {index} registers a person's key that is none: {why}",
    ),
    "approver_key_missing": _Text(
        "problem",
        "第 {index} 条审批所用的个人签名密钥从未登记。",
        "The key that signed the approval in record {index} was never registered.",
    ),
    "approver_key_unlogged": _Text(
        "warning",
        "第 {index} 条审批所用的个人签名密钥的登记不在这次选取的范围内，无法核对它属于谁。",
        "The registration of the key that signed the approval in record {index} is not part of "
        "this selection, so whose it is can not be checked.",
    ),
    "approver_key_other": _Text(
        "problem",
        "第 {index} 条审批的签名密钥登记在另一个人名下，或登记的是另一把密钥。",
        "The approval in record {index} was signed with a key that is registered to somebody "
        "else, or otherwise.",
    ),
    "approver_key_revoked": _Text(
        "problem",
        "第 {index} 条审批所用的个人签名密钥在此之前已经注销。",
        "The key that signed the approval in record {index} had been revoked before.",
    ),
    # compared with what the checker kept
    "kept_unsigned": _Text(
        "warning",
        "您留存的检查点没有已知公钥的签名，仍按它作了比对。",
        "The checkpoint you kept carries no signature by a known key; it was compared all the "
        "same.",
    ),
    "kept_unreadable": _Text(
        "problem",
        "您留存的文件无法读取：{why}",
        "What you kept can not be read: {why}",
    ),
    "kept_other_log": _Text(
        "problem",
        "您留存的检查点属于另一本日志（{origin}）。",
        "The checkpoint you kept belongs to another log ({origin}).",
    ),
    "kept_longer": _Text(
        "problem",
        "您留存的检查点有 {kept} 条，现在的日志只有 {size} 条：日志被截断。",
        "The checkpoint you kept covers {kept} entries, the log now has {size}: it was cut off.",
    ),
    "kept_differs": _Text(
        "problem",
        "现在的日志不是您留存的检查点（{kept} 条）的延续：见证过的历史被改写。",
        "The log is not a continuation of the checkpoint you kept ({kept} entries): history was "
        "rewritten.",
    ),
    "kept_not_provable": _Text(
        "problem",
        "导出包里没有与您留存的检查点（{kept} 条）比对所需的数据，"
        "请对方用 --since {kept} 重新导出。",
        "The export lacks what is needed to compare it with the checkpoint you kept ({kept} "
        "entries); ask for one made with --since {kept}.",
    ),
    "kept_extended": _Text(
        "note",
        "与您留存的检查点（{kept} 条）一致，其后只有新增。",
        "It extends the checkpoint you kept ({kept} entries); entries were only added.",
    ),
    "changed": _Text(
        "problem",
        "与留存的导出包相比，第 {index} 条被改动。",
        "Compared with the export you kept, entry {index} was changed.",
    ),
    "redated": _Text(
        "problem",
        "与留存的导出包相比，第 {index} 条的时间由 {old} 改成了 {new}。",
        "Compared with the export you kept, entry {index} was dated {old} and now is {new}.",
    ),
    "deleted": _Text(
        "problem",
        "留存的导出包里的第 {index} 条不见了。",
        "Entry {index} of the export you kept is gone.",
    ),
    "inserted": _Text(
        "problem",
        "第 {index} 条是后来插进去的，留存的导出包里没有。",
        "Entry {index} was put in later; the export you kept does not have it.",
    ),
    "moved": _Text(
        "problem",
        "与留存的导出包相比，第 {index} 条的次序变了。",
        "Compared with the export you kept, entry {index} stands elsewhere.",
    ),
    # the file
    "export_unreadable": _Text(
        "problem",
        "导出包无法读取：{why}",
        "The export can not be read: {why}",
    ),
    "more": _Text(
        "note",
        "“{code}”类还有 {count} 条未列出。",
        "{count} more of “{code}” are not listed.",
    ),
}


class Findings:
    """Collects findings; of each code at most :data:`MAX_EACH` are kept, the rest counted."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._count: Counter[str] = Counter()

    def add(self, code: str, index: int | None = None, **values: object) -> None:
        """Add a finding by its code, with the values that its text names."""
        self._count[code] += 1
        if self._count[code] <= MAX_EACH:
            self._kept.append(_finding(code, index, values))

    def has(self, code: str) -> bool:
        """Whether this code was found."""
        return self._count[code] > 0

    def all(self) -> tuple[Finding, ...]:
        """Problems first, then warnings and notes, each in the order of finding."""
        order: list[Level] = ["problem", "warning", "note"]
        more = [
            _finding("more", None, {"code": code, "count": count - MAX_EACH})
            for code, count in self._count.items()
            if count > MAX_EACH
        ]
        return tuple(sorted(self._kept + more, key=lambda one: order.index(one.level)))


def _finding(code: str, index: int | None, values: dict[str, object]) -> Finding:
    level, zh, en = _TEXTS[code]
    if index is not None:
        values = {"index": index, **values}
    return Finding(level, code, zh.format(**values), en.format(**values), index)
