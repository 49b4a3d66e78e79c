"""A fleet of real firmware against the real gateway: every use approved, unlocked, stamped and
receipted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.domain.matter import SealKind
from backend.services.founding import FoundingForm
from backend.services.organisations import NewOrganisation, OrganisationService
from backend.services.seals import NewSeal, SealService
from backend.store.journal import read_all
from backend.store.tables import application, seal_use, use_grant
from gateway.protocol.cose import EDDSA
from gateway.service import connect
from seal_firmware_sim import fleet
from seal_firmware_sim.credentials import Credentials
from tests.support.api import QUICK
from tests.support.mosquitto import MosquittoServer
from zhiyin import commissioning, wiring
from zhiyin.drill import Drill
from zhiyin.founding import found
from zhiyin.settings import MqttSettings, Settings

JOBS = 2


@pytest.fixture
def settings(tmp_path: Path, mosquitto: MosquittoServer) -> Settings:
    mqtt = MqttSettings(embedded=False, host=mosquitto.host, port=mosquitto.port)
    made = Settings(data_dir=tmp_path / "data", mqtt=mqtt)
    form = FoundingForm("330109", "江南区", "陈明", "admin", None)
    found(made, form, tell=lambda _line: None, passwords=QUICK)
    return made


@pytest.fixture
def home(settings: Settings) -> Iterator[wiring.House]:
    with commissioning.house(settings) as made:
        yield made


def fleet_of(home: wiring.House, admin: Actor, settings: Settings) -> list[Credentials]:
    """A village's three sleeves, with jobs."""
    organisations = OrganisationService(home.services)
    organisations.create(admin, NewOrganisation("330109", "330109103", "义渡镇"))
    organisations.create(admin, NewOrganisation("330109103", "330109103201", "柳塘村"))
    seals = SealService(home.services)
    how = commissioning.Simulated(EDDSA, settings.mqtt.host, settings.mqtt.port, None, os.urandom)
    drill = Drill(home, admin)
    made = []
    for kind in SealKind:
        seal = seals.register(admin, NewSeal("330109103201", kind, f"柳塘村{kind}"))
        sleeve = commissioning.enrol_simulated(
            home, admin, f"SIM-{kind}", "330109103201", seal.id, how
        )
        made.append(drill.with_jobs(sleeve, JOBS))
    return made


@pytest.mark.needs_mosquitto
def test_promise_1_a_fleet_stamps_what_was_approved_and_nothing_is_lost(
    home: wiring.House, settings: Settings
) -> None:
    sleeves = fleet_of(home, commissioning.administrator(home, "admin"), settings)
    gateway, link = connect(
        wiring.gateway_parts(home, lambda: None), wiring.link_settings(settings)
    )
    gateway.start()
    link.start()
    try:
        assert link.wait_connected(20)
        plan = fleet.Plan(seconds=60, rate=20, connects=0, picture_bytes=2_000, until_spent=True)
        report = fleet.run(sleeves, plan, lambda _line: None).report(1)
    finally:
        link.stop()
        gateway.stop()
    wanted = len(sleeves) * JOBS
    assert (report["uses_done"], report["uses_refused"], report["stamps"]) == (wanted, 0, wanted)
    assert (report["missing_receipts"], report["missing_pictures"]) == (0, 0)
    with home.db.read() as conn:
        assert home.log.check(conn).findings == ()
        uses = conn.execute(select(seal_use)).all()
        states = set(conn.execute(select(application.c.status)).scalars())
        grants = set(conn.execute(select(use_grant.c.state)).scalars())
        stamped = [one for one in read_all(conn) if one.kind == "event.stamped"]
    assert [one.pressed for one in uses] == [1] * wanted
    assert {one.person_check for one in uses} == {"pin"}
    assert {one.data["verdict"]["grant"] for one in stamped} == {"live"}
    assert (len(stamped), grants) == (wanted, {"used"})
    assert states == {"used"}


def test_only_the_districts_administrator_holds_a_drill(home: wiring.House) -> None:
    stranger = Actor("nobody", (), org_path="/330109/330109103/")
    with pytest.raises(DomainError) as caught:
        Drill(home, stranger)
    assert caught.value.code == "denied"
