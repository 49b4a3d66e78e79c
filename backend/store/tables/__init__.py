"""Every table, by area. Times are BIGINT milliseconds UTC, amounts are fen, ids are text.

Import tables from here: ``from backend.store.tables import device, seal_use``.
"""

from backend.store.metadata import metadata
from backend.store.tables.alerts import (
    alert,
    alert_note,
    case_evidence,
    delivery,
    delivery_attempt,
    inbox_notice,
    notice_rule,
    preference,
    rule_state,
    suppression,
    worker_cursor,
)
from backend.store.tables.applications import (
    application,
    application_step,
    document,
    matter,
    number_counter,
    offsite_permit,
    use_grant,
)
from backend.store.tables.devices import answer, device, device_key, downlink, mqtt_account
from backend.store.tables.eyes import (
    imprint_template,
    look,
    reference_page,
    second_opinion,
    sheet,
)
from backend.store.tables.journal import parked_event, poison, record
from backend.store.tables.organisation import (
    api_token,
    calendar_day,
    consent,
    face_template,
    organisation,
    person,
    role,
    seal,
    setting,
    signing_key,
)
from backend.store.tables.pictures import picture, picture_blob, picture_piece, review
from backend.store.tables.search import (
    saved_view,
    search_block,
    search_doc,
    search_due,
    search_tail,
)
from backend.store.tables.sessions import ended_session, sign_in_throttle
from backend.store.tables.uses import check_job, seal_use

__all__ = [
    "alert",
    "alert_note",
    "answer",
    "api_token",
    "application",
    "application_step",
    "calendar_day",
    "case_evidence",
    "check_job",
    "consent",
    "delivery",
    "delivery_attempt",
    "device",
    "device_key",
    "document",
    "downlink",
    "ended_session",
    "face_template",
    "imprint_template",
    "inbox_notice",
    "look",
    "matter",
    "metadata",
    "mqtt_account",
    "notice_rule",
    "number_counter",
    "offsite_permit",
    "organisation",
    "parked_event",
    "person",
    "picture",
    "picture_blob",
    "picture_piece",
    "poison",
    "preference",
    "record",
    "reference_page",
    "review",
    "role",
    "rule_state",
    "saved_view",
    "seal",
    "seal_use",
    "search_block",
    "search_doc",
    "search_due",
    "search_tail",
    "second_opinion",
    "setting",
    "sheet",
    "sign_in_throttle",
    "signing_key",
    "suppression",
    "use_grant",
    "worker_cursor",
]
