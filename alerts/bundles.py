"""Many ordinary notices that wait for one person become one message; none is dropped.

Alerts are never bundled. The parts keep their rows, with the bundle that carried them.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, select, update

from alerts import messages
from alerts.settings import DeliverySettings
from backend.services.context import ServiceContext
from backend.store.tables import delivery

ORDINARY: Final = (
    "use_finished",
    "approval_wanted",
    "application_decided",
    "case_assigned",
    "delivery_failed",
)
LATE_USES: Final = "late_uses_bundled"
MIXED: Final = "notices_bundled"
_ITEM_FIELDS: Final = ("happened_at", "at", "seal", "person", "stamps", "matter")


def form(
    conn: Connection,
    context: ServiceContext,
    settings: DeliverySettings,
    due: ColumnElement[bool],
    now: int,
) -> int:
    """Bundle what is due (``due``) and can wait together; how many bundles were made."""
    rows = conn.execute(
        select(delivery)
        .where(
            due,
            delivery.c.state == "waiting",
            delivery.c.breakthrough.is_(False),
            delivery.c.kind.in_(ORDINARY),
            delivery.c.person_id.is_not(None),
        )
        .order_by(delivery.c.id)
        .with_for_update(skip_locked=True)
    ).all()
    groups: defaultdict[tuple[str, str, str, bool], list[Row[Any]]] = defaultdict(list)
    for row in rows:
        late = row.kind == "use_finished" and bool(row.message.get("late"))
        groups[row.person_id, row.channel, row.address, late].append(row)
    made = 0
    for (*_, late), parts in groups.items():
        if len(parts) >= (2 if late else settings.bundle_from):
            _bundle(conn, context, parts, now, late=late)
            made += 1
    return made


def _bundle(
    conn: Connection, context: ServiceContext, parts: list[Row[Any]], now: int, *, late: bool
) -> None:
    first = parts[0]
    bundle_id = context.new_id()
    fields = _late_fields(parts) if late else _mixed_fields(parts)
    conn.execute(
        delivery.insert(),
        {
            "id": bundle_id,
            "dedupe": f"bundle:{bundle_id}",
            "kind": LATE_USES if late else MIXED,
            "breakthrough": False,
            "org_path": first.org_path,
            "person_id": first.person_id,
            "channel": first.channel,
            "address": first.address,
            "locale": first.locale,
            "message": {
                "fields": {**fields, "count": len(parts), "at": now},
                "severity": "info",
                "late": late,
                "occasion": bundle_id,
            },
            "state": "waiting",
            "created_at": now,
            "due_at": now,
            "attempts": 0,
        },
    )
    conn.execute(
        update(delivery)
        .where(delivery.c.id.in_([row.id for row in parts]))
        .values(state="bundled", bundle_id=bundle_id)
    )


def _late_fields(parts: list[Row[Any]]) -> dict[str, Any]:
    said = [row.message.get("fields", {}) for row in parts]
    items = [{name: one[name] for name in _ITEM_FIELDS if name in one} for one in said]
    villages = dict.fromkeys(str(one["village"]) for one in said if one.get("village"))
    return {"village": "、".join(villages), "items": items}


def _mixed_fields(parts: list[Row[Any]]) -> dict[str, Any]:
    items = []
    for row in parts:
        title, _ = messages.render(row.kind, row.message.get("fields", {}), row.locale)
        items.append({"alert_title": title})
    return {"items": items}
