"""What is one's own: inbox, preferences, a test message."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.inbox import Inbox, InboxNotice, TrialMessages
from alerts.preferences import MUTABLE, Preference, Preferences, Wish
from backend.api.answers import answer
from backend.api.deps import Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor
from backend.services.paging import Page

router = APIRouter(prefix="/api/v1/me", tags=["我的通知 My notices"])

Me = Annotated[Actor, require(scope=Scope.OWN)]
Mailbox = Annotated[Inbox, service(Inbox)]
Wishes = Annotated[Preferences, service(Preferences)]


class ChannelChoice(BaseModel):
    """一个接收通道 · one way to be told."""

    model_config = ConfigDict(extra="forbid")
    channel: str = Field(max_length=32, description="通道 · channel")
    address: str = Field(max_length=200, description="地址 · address")


class PreferenceForm(BaseModel):
    """怎样通知我 · how I want to be told."""

    model_config = ConfigDict(extra="forbid")
    channels: list[ChannelChoice] = Field(
        default_factory=list, max_length=8, description="通道，按先后 · in order"
    )
    muted: list[str] = Field(
        default_factory=list,
        max_length=20,
        description="不再推送的种类 · kinds not to be sent: " + "、".join(sorted(MUTABLE)),
    )
    quiet_from: str | None = Field(
        default=None, max_length=5, description="免打扰开始 · quiet from, HH:MM"
    )
    quiet_until: str | None = Field(
        default=None, max_length=5, description="免打扰结束 · quiet until, HH:MM"
    )


class PreferenceView(PreferenceForm):
    """现在怎样通知我，包括默认值 · as it holds now, defaults included."""

    locale: str = Field(description="语言 · language")


class ReadForm(BaseModel):
    """标为已读 · mark as read."""

    model_config = ConfigDict(extra="forbid")
    ids: list[str] | None = Field(
        default=None, max_length=200, description="哪些；不填为全部 · which; none: all"
    )


class Number(BaseModel):
    """数目 · how many."""

    count: int = Field(description="数目 · count")


class Sent(BaseModel):
    """已放入发送队列 · on their way."""

    deliveries: list[str] = Field(description="通知编号，可在台账查看 · ids in the ledger")


@router.get("/inbox", summary="我的通知 · My notices", response_model=Page[InboxNotice])
def inbox(
    actor: Me,
    mailbox: Mailbox,
    unread: Annotated[bool, Query(description="只看未读 · not read only")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first."""
    return answer(mailbox.find(actor, unread=unread, cursor=cursor, limit=limit))


@router.get("/inbox/unread", summary="未读数 · How many unread", response_model=Number)
def unread(actor: Me, mailbox: Mailbox) -> Response:
    """For the badge."""
    return answer({"count": mailbox.unread(actor)})


@router.post("/inbox/read", summary="标为已读 · Mark as read", response_model=Number)
def mark_read(form: ReadForm, actor: Me, mailbox: Mailbox) -> Response:
    """How many were not read before."""
    return answer({"count": mailbox.mark_read(actor, form.ids)})


@router.get("/preferences", summary="通知偏好 · My preferences", response_model=PreferenceView)
def preferences(actor: Me, wishes: Wishes) -> Response:
    """As they hold now, defaults included."""
    return answer(_shown(wishes.get(actor)))


@router.put("/preferences", summary="设置通知偏好 · Choose", response_model=PreferenceView)
def choose(form: PreferenceForm, actor: Me, wishes: Wishes) -> Response:
    """Alerts that break through do not heed quiet hours; all else waits for their end."""
    wish = Wish(
        channels=tuple((one.channel, one.address) for one in form.channels),
        muted=tuple(form.muted),
        quiet_from=form.quiet_from,
        quiet_until=form.quiet_until,
    )
    return answer(_shown(wishes.save(actor, wish)))


@router.post(
    "/test-message", summary="发测试消息 · Send me a test", status_code=202, response_model=Sent
)
def test_message(actor: Me, trial: Annotated[TrialMessages, service(TrialMessages)]) -> Response:
    """By each of one's channels."""
    return answer({"deliveries": trial.send(actor)}, 202)


def _shown(found: Preference) -> dict[str, Any]:
    return {
        "channels": [
            {"channel": channel, "address": address} for channel, address in found.channels
        ],
        "muted": sorted(found.muted),
        "quiet_from": _time(found.quiet.begin),
        "quiet_until": _time(found.quiet.end),
        "locale": found.locale,
    }


def _time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
