"""C18 from records: too large a share of a sleeve's uses is made off line.

That it is silent altogether is seen by the clock: `alerts.rules.watches`.
"""

from __future__ import annotations

from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import Judged, Severity, State, found, of_device, over, rule, verdict
from backend.domain.record import Record

_REMEMBERED: Final = 200


def _judge(state: State, record: Record, context: Context) -> Judged:
    settings = context.settings
    offline = bool(verdict(record).get("offline"))
    since = record.at - settings.offline_window_ms
    uses = [one for one in state.get("uses", ()) if one[0] >= since]
    uses = [*uses, [record.at, int(offline)]][-_REMEMBERED:]
    made_offline = sum(one[1] for one in uses)
    share = made_offline / len(uses)
    where = f"{record.device}:share"
    told = bool(state.get("told"))
    if made_offline >= settings.offline_uses and share >= settings.offline_share:
        finding = found(
            "C18",
            where,
            Severity.MINOR,
            record,
            cause="offline_share",
            offline_share=round(share, 3),
            count=made_offline,
            days=round(settings.offline_window_ms / 86_400_000),
        )
        return {"uses": uses, "told": True}, (finding,)
    if told and share < settings.offline_share / 2:
        return {"uses": uses}, (over("C18", where, record),)
    return {"uses": uses, "told": told}, ()


RULES: Final = (rule("offline_share", "C18", ("event.grant_burnt",), _judge, of_device),)
