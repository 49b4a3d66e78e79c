"""Who is told how: every vendor's channel at work, each talking to a stand-in on loopback."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from alerts.channels.base import Channel
from alerts.channels.http import Runtime, open_client
from alerts.channels.registry import build_channels
from alerts.channels.standin import Standin, settings_for
from alerts.preferences import Preferences, Wish
from backend.services.actors import load_actor
from zhiyin.demo.town import Town
from zhiyin.wall import wall_clock
from zhiyin.wiring import House


@contextmanager
def channels() -> Iterator[Mapping[str, Channel]]:
    """The channels; the stand-in checks signatures and answers as the vendors do."""
    with Standin(wall_clock) as standin, open_client() as client:
        runtime = Runtime(client, wall_clock, write_line=lambda _line: None)
        yield build_channels(settings_for(standin.base_url), runtime)


def choose(house: House, town: Town, preferences: Preferences) -> None:
    """Each office chooses another vendor, so that all of them are seen working."""
    wanted: list[tuple[str, str]] = []
    for village in town.villages:
        wanted += [
            (village.approver, "dingtalk_person"),
            (village.custodian, "wecom_person"),
            (village.witness, "sms"),
        ]
    wanted += [(town.supervisor, "feishu_person"), (town.town_approver, "zhezhengding")]
    for number, (person, channel) in enumerate(wanted):
        with house.db.read() as conn:
            actor = load_actor(conn, person, house.now())
        if actor is not None:
            address = f"1390000{number:04}" if channel == "sms" else f"yd{number:04}"
            preferences.save(actor, Wish(channels=((channel, address),)))
